"""CSV files: what is a record, where it begins, and what is wrong with it."""

import csv
import gzip
import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from customer_analytics.ingestion.csv_records import read_csv
from customer_analytics.ingestion.limits import Limits
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
        2: "a quote is opened and not closed before line 4, where text follows a closing quote",
        6: "a quote is opened and never closed",
    }
    assert records.raw([2, 6]) == ['1,"a,b', '4,h,"i']


def test_text_after_a_closing_quote_breaks_the_record():
    records = read('id,body,tag\n1,"a "b" c",d\n2,e,f\n')
    assert rows(records) == [(3, "2", "e", "f")]
    assert records.broken == {2: "text follows a closing quote"}


@pytest.mark.parametrize("line", ['1,5" nail,x', '1, "a", "b"', '1,a"",b', '1,"a",b"', 'a"b,"c'])
def test_a_quote_inside_an_unquoted_field_breaks_the_record(line: str):
    records = read(f"id,body,tag\n{line}\n2,e,f\n")
    assert rows(records) == [(3, "2", "e", "f")]
    assert records.broken == {2: "an unquoted field contains a quote"}
    assert records.raw([2]) == [line]


def test_a_quote_inside_an_unquoted_field_is_found_on_each_line_of_a_record():
    records = read('id,body,tag\n1,"a\nb",c"d\n2,x"y,"z\n3,e,f\n')
    assert rows(records) == [(5, "3", "e", "f")]
    assert records.broken == {
        2: "a quote is opened and not closed before line 3, where an unquoted field contains a quote",
        3: "an unquoted field contains a quote",
        4: "an unquoted field contains a quote",
    }


def test_quotes_are_written_twice_inside_quotes():
    assert rows(read('id,body,tag\n1,"5"" nail","""x"""\n2,"""\n""",\n')) == [
        (2, "1", '5" nail', '"x"'),
        (3, "2", '"\n"', None),
    ]


@pytest.mark.timeout(30)
def test_quotes_that_open_on_each_line_again_cost_no_more_than_their_lines():
    records = read("id,body,tag\n" + '5","x\n' * 50_000)
    assert len(records.broken) == 50_000


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
    assert records.broken == {2: "a field has more than 33,554,432 characters"}


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
        (
            "id,text\n1,a\n",
            "notes.csv lacks the columns BODY, TAG; its first line, separated by commas, names id, text: "
            "add what is missing.",
        ),
        (
            "id;body\n1;a\n",
            "notes.csv lacks the column TAG; its first line, separated by semicolons, names id, body: "
            "add what is missing.",
        ),
        (
            "1,Ann Example of 12 Long Street,2,3,4\n",
            "notes.csv lacks the columns ID, BODY, TAG; its first line, separated by commas, names 1, "
            "Ann Example of 12 Long S…, 2 and 2 more: add what is missing.",
        ),
        (
            b"id,b\xf6dy\x1b,tag\n",
            r"notes.csv lacks the column BODY; its first line, separated by commas, names id, b\xf6dy\x1b, tag: "
            "add what is missing.",
        ),
        (
            "sep=;\nid,body,tag\n",
            "notes.csv lacks the columns ID, BODY, TAG; its first line, separated by semicolons, names id,body,tag: "
            "add what is missing.",
        ),
        ("id,body,tag,Body \n", "notes.csv has the column BODY twice: keep one of them."),
        ('id,"body,tag\n', "notes.csv has a first line that is not CSV: a quote is opened and never closed."),
        (
            'id, "body",tag\n',
            "notes.csv has a first line that is not CSV: an unquoted field contains a quote.",
        ),
    ],
)
def test_a_header_that_cannot_be_used_is_an_error_that_says_why(content: str | bytes, message: str):
    with pytest.raises(SourceError) as error:
        read(content)
    assert str(error.value) == message


def test_what_a_first_line_says_is_no_part_of_the_sentence_without_values():
    with pytest.raises(SourceError) as error:
        read("1,Ann,x\n2,Ben,y\n")
    assert error.value.without_values == "notes.csv lacks the columns ID, BODY, TAG: add what is missing."


def test_a_column_that_is_not_used_may_stand_twice():
    assert read("id,x,body,tag,x,\n1,,a,b,,\n").ignored_columns == ("x", "x", "(column 6 without a name)")


def test_names_of_columns_are_trimmed_of_what_nobody_sees():
    records = read(" id\u00a0,\u200bbody\u2060,\ufeffTag\t\n1,a,b\n")
    assert rows(records) == [(2, "1", "a", "b")]


@pytest.mark.parametrize(
    ("separator", "words"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
)
def test_the_separator_is_the_one_under_which_the_header_has_the_columns(separator: str, words: str):
    records = read(f"{separator.join(['id', 'body', 'tag'])}\n{separator.join('1ab')}\n")
    assert rows(records) == [(2, "1", "a", "b")]
    assert str(records.format) == f"UTF-8, separated by {words}"


def test_separators_in_quotes_and_in_rows_do_not_count():
    records = read('id;body;tag;"x,y,z"\n1;a,b,c,d,e;"f;g"\n')
    assert rows(records) == [(2, "1", "a,b,c,d,e", "f;g")]
    assert records.ignored_columns == ("x,y,z",)


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;"])
def test_a_line_that_tells_the_separator_is_obeyed_and_is_no_record(line: str):
    records = read(f"{line}\r\nid;body;tag\r\n1;a;b\r\n2;c;d;e\r\n")
    assert rows(records) == [(3, "1", "a", "b")]
    assert records.raw([*records.broken]) == ["2;c;d;e"]
    assert list(records.broken) == [4]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_with_a_byte_order_mark_is_read(encoding: str):
    records = read("\ufeffid\tbody\ttag\r\n1\tMüller 🧸\tb\r\n2\tc\td\te\r\n".encode(encoding))
    assert rows(records) == [(2, "1", "Müller 🧸", "b")]
    assert records.raw([3]) == ["2\tc\td\te"]
    assert str(records.format) == "UTF-16, separated by tabs"


def test_half_characters_and_half_bytes_of_utf_16_break_their_rows_alone():
    content = (
        "id,body,tag\n1,a,b\n2,".encode("utf-16") + b"\x3d\xd8" + ",x\n3,c,d\n4,e".encode("utf-16-le") + b"\x00"
    )
    records = read(content)
    assert rows(records) == [(2, "1", "a", "b"), (4, "3", "c", "d")]
    assert set(records.broken.values()) == {"the row has bytes that are not UTF-16"}
    assert list(records.broken) == [3, 5]


def test_gzip_is_known_by_content_whatever_is_in_it():
    text = "id;body;tag\n1;a;b\n"
    two_members = gzip.compress(text[:5].encode("utf-8-sig")) + gzip.compress(text[5:].encode())
    for content, form in [
        (two_members, "UTF-8, gzip, separated by semicolons"),
        (gzip.compress(text.encode("utf-16")), "UTF-16, gzip, separated by semicolons"),
    ]:
        records = read(content)
        assert rows(records) == [(2, "1", "a", "b")]
        assert str(records.format) == form


def test_damaged_gzip_is_one_sentence_and_so_is_what_would_fill_the_memory():
    whole = gzip.compress(b"id,body,tag\n" + b"1,a,b\n" * 1000, mtime=0)
    flipped = whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:]
    for content in (whole[:-1], whole[:20], whole[:2], flipped, whole + b"rubbish"):
        with pytest.raises(SourceError) as error:
            read(content)
        assert str(error.value) == "notes.csv is compressed with gzip, but damaged or cut short: copy it again."
    with pytest.raises(SourceError, match=r"notes\.csv has more than 1 MB when it is decompressed: split it"):
        read_csv("notes.csv", whole, NOTES, limits=Limits(file_bytes=2048))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04\x14\0\0\0\x08\0[Content_Types].xml", "an Excel workbook or another ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old Excel workbook"),
        (b"PAR1\x15\x04\x15\n", "a Parquet file"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"\n <!DOCTYPE html>\n<html><title>Sign in</title>", "an HTML or XML page"),
        (b'{"error": "expired"}', "JSON"),
        (gzip.compress(b"PK\x03\x04", mtime=0), "an Excel workbook"),
        (gzip.compress(gzip.compress(b"id,body,tag", mtime=0), mtime=0), "compressed twice"),
        ("id,body,tag\n".encode("utf-16-le"), "not text in UTF-8"),
        (b"\x7fELF\x02\x01\x01\0\0\0\x1b[2J", "not text in UTF-8"),
        ("id,body,tag\n".encode("utf-32"), "not text in UTF-8"),
    ],
)
def test_a_file_that_is_no_csv_is_one_readable_sentence(content: bytes, words: str):
    with pytest.raises(SourceError) as error:
        read(content)
    assert str(error.value).startswith(f"notes.csv is {words}")
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 200


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


def split_by_hand(text: str) -> tuple[list[list[str]], int]:
    """The records of a text by RFC 4180, character by character, and how many lines are no part of any."""
    records, broken, lines = [], 0, text.splitlines(keepends=True)
    while lines:
        fields, field, state, number = [], "", "begin", 0
        for line in lines:
            number += 1
            for character in f"{line.rstrip(chr(10))}\n":
                if state == "quoted":
                    state, field = ("closed", field) if character == '"' else (state, field + character)
                elif state == "closed" and character == '"':
                    state, field = "quoted", field + character
                elif character in ",\n":
                    fields, field, state = [*fields, field], "", "begin"
                elif state == "begin" and character == '"':
                    state = "quoted"
                elif character == '"' or state == "closed":
                    state = "wrong"
                    break
                else:
                    state, field = "plain", field + character
            if state != "quoted":
                break
        if state == "begin":
            records += [fields] if lines[0] != "\n" else []
            lines = lines[number:]
        else:
            broken += 1
            lines = lines[1:]
    return records, broken


@given(
    st.text('",\na ', max_size=25)
    | st.lists(st.sampled_from(['"', '""', ",", "\n", "a"]), max_size=25).map("".join)
)
@example('"",a"b\n"c\n",d\n')
@settings(deadline=None, max_examples=1000)
def test_records_are_what_the_rules_of_quoting_make_them_character_by_character(text: str):
    table = replace(NOTES, columns=tuple(Column(f"C{n}", SqlType.TEXT, "Any.") for n in range(30)))
    header = ",".join(table.column_names)
    records = read_csv("notes.csv", f"{header}\n{text}".encode(), table)
    expected, broken = split_by_hand(text)
    assert [[field or "" for field in row[1:]] for row in rows(records)] == [
        fields + [""] * (30 - len(fields)) for fields in expected
    ]
    assert len(records.broken) == broken
