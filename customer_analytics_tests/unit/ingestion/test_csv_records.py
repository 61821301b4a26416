"""CSV files: what is a record, where it begins, and what is wrong with it."""

import csv
import io
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from customer_analytics.ingestion.csv_records import read_csv
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.records import Records
from customer_analytics.tables import Column, SqlType, Table

NOTES = Table(
    "NOTES",
    "One row per note.",
    (
        Column("ID", SqlType.TEXT, "Identifies the note.", nullable=False),
        Column("BODY", SqlType.TEXT, "What it says."),
        Column("TAG", SqlType.TEXT, "What it is about."),
    ),
)


def read(content: str | bytes) -> Records:
    return read_csv("notes.csv", content.encode() if isinstance(content, str) else content, NOTES)


def rows(records: Records) -> list[tuple[int, ...]]:
    return [
        (line, *row.values()) for line, row in zip(records.lines.tolist(), records.texts.to_pylist(), strict=True)
    ]


def test_each_record_knows_the_line_it_begins_on():
    records = read('id,body,tag\n1,"two\nlines",a\n\n\n2,one line,b\n')
    assert rows(records) == [(2, "1", "two\nlines", "a"), (6, "2", "one line", "b")]
    assert records.broken == {}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_with_lf_crlf_or_a_lone_cr(end: str):
    records = read(end.join(["id,body,tag", "1,a,b", '2,"c', 'd",e', "", "3,f,g"]))
    assert rows(records) == [(2, "1", "a", "b"), (3, "2", f"c{end}d", "e"), (6, "3", "f", "g")]


def test_line_and_paragraph_separators_of_unicode_are_text():
    assert rows(read("id,body,tag\n1,a\u2028b\x85c\x0bd,e\n")) == [(2, "1", "a\u2028b\x85c\x0bd", "e")]


def test_a_byte_order_mark_belongs_to_no_column():
    assert rows(read("id,body,tag\n1,a,b\n".encode("utf-8-sig"))) == [(2, "1", "a", "b")]


def test_columns_are_found_in_any_order_and_case_and_others_are_named():
    records = read("extra, TAG ,Body,iD,\n9,t,b,1,\n")
    assert rows(records) == [(2, "1", "b", "t")]
    assert records.ignored_columns == ("extra", "(column 5 without a name)")


def test_an_empty_field_says_nothing_with_or_without_quotes_but_blanks_are_text():
    assert rows(read('id,body,tag\n1,,""\n2," ",  \n')) == [(2, "1", None, None), (3, "2", " ", "  ")]


def test_missing_last_fields_say_nothing_and_surplus_fields_break_the_record():
    records = read("id,body,tag\n1\n2,a,b,c\n3,d\n")
    assert rows(records) == [(2, "1", None, None), (4, "3", "d", None)]
    assert records.broken == {3: "the row has 4 fields where the header has 3"}
    assert records.raw([3]) == ["2,a,b,c"]


def test_bytes_that_are_not_utf8_break_their_record_alone_and_stay_readable():
    records = read(b"id,body,tag\n1,a,b\n2,M\xfcller \xc3\xa9,c\n3,d,e\n")
    assert rows(records) == [(2, "1", "a", "b"), (4, "3", "d", "e")]
    assert records.broken == {3: "the row has bytes that are not UTF-8"}
    assert records.raw([3]) == ["2,M\\xfcller é,c"]


def test_a_quote_that_is_never_closed_breaks_its_line_and_swallows_no_other():
    records = read('id,body,tag\n1,"a,b\n2,c,d\n3,"e\nf",g\n4,h,"i')
    assert rows(records) == [(3, "2", "c", "d"), (4, "3", "e\nf", "g")]
    assert records.broken == {
        2: "a quote is opened and not closed before line 4, where the quoting is wrong (',' expected after '\"')",
        6: "a quote is opened and never closed",
    }
    assert records.raw([2, 6]) == ['1,"a,b', '4,h,"i']


def test_text_after_a_closing_quote_breaks_the_record():
    records = read('id,body,tag\n1,"a "b" c",d\n2,e,f\n')
    assert rows(records) == [(3, "2", "e", "f")]
    assert records.broken == {2: "the quoting is wrong (',' expected after '\"')"}


def test_quotes_inside_an_unquoted_field_are_text():
    assert rows(read('id,body,tag\n1,5" nail,x\n')) == [(2, "1", '5" nail', "x")]


def test_the_raw_form_of_a_record_has_all_its_lines_without_the_last_end():
    content = 'id,body,tag\r\n\r\n1,"a\r\nb",c,d\r\n2,e,f,g\r\n'
    records = read(content)
    assert sorted(records.broken) == [3, 5]
    assert records.raw([3, 5]) == ['1,"a\r\nb",c,d', "2,e,f,g"]
    assert records.raw([5]) == ["2,e,f,g"]


def test_nul_bytes_are_shown_in_the_raw_form():
    records = read("id,body,tag\n1,a\0b,c,d\n")
    assert records.raw([2]) == [r"1,a\x00b,c,d"]


def test_a_field_of_a_million_characters_is_read_and_its_raw_form_shortened():
    long = "x" * 1_000_000
    assert rows(read(f"id,body,tag\n1,{long},b\n")) == [(2, "1", long, "b")]
    (raw,) = read(f"id,body,tag\n1,{long},b,c\n").raw([2])
    assert raw == "1," + "x" * 99_998 + "…"


def test_a_field_longer_than_any_text_in_snowflake_breaks_its_line_alone():
    records = read("id,body,tag\n1," + "x" * (33 * 1024 * 1024) + ",b\n2,c,d\n")
    assert rows(records) == [(3, "2", "c", "d")]
    assert records.broken == {2: "the quoting is wrong (field larger than field limit (33554432))"}


def test_records_are_the_same_across_many_batches():
    records = read("id,body,tag\n" + "".join(f"{n},b,t\n" for n in range(5000)))
    assert rows(records) == [(n + 2, str(n), "b", "t") for n in range(5000)]


def test_a_header_alone_has_no_records():
    records = read("id,body,tag")
    assert (rows(records), records.broken, records.texts.column_names) == ([], {}, ["ID", "BODY", "TAG"])


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\r\n\n"])
def test_an_empty_file_is_an_error_that_says_what_the_first_line_should_be(content: bytes):
    with pytest.raises(
        SourceError, match=r"^notes\.csv is empty: its first line must name the columns ID, BODY, TAG"
    ):
        read(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,text\n1,a\n", "notes.csv lacks the columns BODY, TAG; its first line names id, text: "),
        ("id,body\n1,a\n", "notes.csv lacks the column TAG; its first line names id, body: "),
        ("id;body;tag\n", "notes.csv lacks the columns ID, BODY, TAG; its first line names id;body;tag: "),
        ("id,body,tag,Body \n", "notes.csv has the column Body twice: "),
        ("id,body,tag,x,X\n", "notes.csv has the column X twice: "),
        ('id,"body,tag\n', "notes.csv has a header that is no CSV: a quote is opened and never closed."),
        ("id,body,tag\n".encode("utf-16"), "notes.csv is encoded as UTF-16: save it as UTF-8."),
        (b"id,b\xf6dy,tag\n", r"notes.csv lacks the column BODY; its first line names id, b\xf6dy, tag: "),
    ],
)
def test_a_header_that_cannot_be_used_is_an_error_that_says_why(content: str | bytes, message: str):
    with pytest.raises(SourceError) as error:
        read(content)
    assert str(error.value).startswith(message)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text('",\r\n ;x', max_size=8)


# Python's writer leaves a CR without quotes where the lines end with LF.
@given(
    st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=30),
    st.sampled_from([("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL)]),
)
@example([('"', ",\n", "\r"), ("", "", "")], ("\n", csv.QUOTE_ALL))
@settings(deadline=None)
def test_any_rows_come_back_exactly_with_their_lines(written: list[tuple[str, str, str]], form: tuple[str, Any]):
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator=form[0], quoting=form[1])
    writer.writerow(["id", "body", "tag"])
    expected, line = [], 2
    for row in written:
        before = file.tell()
        writer.writerow(row)
        expected.append((line, *(field or None for field in row)))
        text = file.getvalue()[before:]
        line += text.replace("\r\n", "\n").replace("\r", "\n").count("\n")
    records = read(file.getvalue())
    assert rows(records) == expected
    assert records.broken == {}


JUNK = st.binary(max_size=60) | st.lists(
    st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"a", b'""', b" "]), max_size=40
).map(b"".join)


@given(JUNK)
@settings(deadline=None, max_examples=400)
def test_every_line_of_junk_is_in_a_row_or_broken_or_empty(junk: bytes):
    records = read(b"id,body,tag\n" + junk)
    starts = sorted([*records.lines.tolist(), *records.broken])
    assert len(set(starts)) == len(starts)
    lines = io.TextIOWrapper(io.BytesIO(junk), encoding="latin-1", newline="").readlines()
    covered: set[int] = set()
    for start, raw in zip(starts, records.raw(starts), strict=True):
        breaks = raw.replace("\r\n", "\n").replace("\r", "\n").count("\n")
        covered.update(range(start, start + breaks + 1))
    uncovered = [line for number, line in enumerate(lines, 2) if number not in covered]
    assert [line for line in uncovered if line.strip("\r\n")] == []


@given(JUNK)
@settings(deadline=None)
def test_junk_is_read_or_refused_but_never_fails_otherwise(junk: bytes):
    try:
        read(junk)
    except SourceError as error:
        assert str(error).startswith("notes.csv ")
