"""Small files that would take much memory or time, and files that never end: each is refused at once, in a sentence."""

import io
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_analytics.ingestion import csv_splitting
from customer_analytics.ingestion.call_staging import list_calls
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.limits import LIMITS
from customer_analytics.ingestion.load import load_file, parse_file
from customer_analytics.ingestion.location import SourceError, SourceLocation

FILES = {file.name: file for file in SOURCE_FILES}
SPEND, COMMENTS = replace(FILES["ad_spend.csv"], name="ad_spend.parquet"), FILES["twitter_comments.parquet"]


def parquet(table: pa.Table, **options: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def repeated(values: dict[str, str], rows: int) -> pa.Table:
    """One row, many times over, in next to no memory."""
    indices = pa.repeat(pa.scalar(0, pa.int8()), rows)
    columns = {name: pa.DictionaryArray.from_arrays(indices, pa.array([value])) for name, value in values.items()}
    return pa.table(columns)


def comments(text: str, rows: int, **options: object) -> bytes:
    values = {"customer_id": "1", "date": "2020-01-01", "review_text": text}
    return parquet(repeated(values, rows), **options)


def peak(work: Callable[[], object]) -> tuple[str, int]:
    """Why a file is refused, and how many bytes that took, of Python's and of Arrow's."""
    tracemalloc.start()
    pool = pa.default_memory_pool()
    before = pool.max_memory()
    try:
        with pytest.raises(SourceError) as error:
            work()
        return str(error.value), tracemalloc.get_traced_memory()[1] + pool.max_memory() - before
    finally:
        tracemalloc.stop()


def test_a_small_parquet_file_of_twenty_million_rows_is_refused_by_its_footer() -> None:
    row = {
        "date_day": "2020-01-01",
        "utm_source": "g",
        "utm_medium": "c",
        "utm_campaign": "s",
        "spend": "8.50",
    }
    bomb = parquet(repeated(row, 20_000_000))
    assert len(bomb) < 400_000
    why, size = peak(lambda: parse_file(SPEND, bomb))
    assert why.startswith("ad_spend.parquet has more than 10,000,000 rows: split it, or raise ")
    assert size < 1_000_000


def test_one_long_value_that_is_repeated_is_refused_before_it_is() -> None:
    bomb = comments("x" * 1_000_000, 10_000, compression="zstd")
    assert len(bomb) < 10_000
    why, size = peak(lambda: parse_file(COMMENTS, bomb))
    assert why.startswith("twitter_comments.parquet has more than 500 MB when it is decompressed: split it, or ")
    assert size < 50_000_000


def test_pages_count_with_what_they_hold_whatever_the_footer_says() -> None:
    text = pa.array(["x" * 2_000_000] * 2)
    table = pa.table({"customer_id": ["1"] * 2, "date": ["2020-01-01"] * 2, "review_text": text})
    honest = parquet(table, compression="zstd", use_dictionary=False)
    size = pq.ParquetFile(io.BytesIO(honest)).metadata.row_group(0).column(2).total_uncompressed_size
    lie = honest.replace(_varint(2 * size), _varint(2 * 100) + b"\x80" * 0)
    assert size > 4_000_000
    for bomb in (honest, lie):
        with pytest.raises(SourceError, match=r"more than 1 MB when it is decompressed|or is damaged"):
            parse_file(COMMENTS, bomb, limits=replace(LIMITS, file_bytes=1_000_000))


def _varint(number: int) -> bytes:
    """A number as Thrift's compact protocol writes it, after its sign has been folded in."""
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def test_deeply_nested_types_are_refused() -> None:
    nested: pa.DataType = pa.int32()
    for _ in range(150):
        nested = pa.struct([("a", nested)])
    file = io.BytesIO()
    pq.write_table(pa.schema([("review_text", nested)]).empty_table(), file, store_schema=False)
    with pytest.raises(SourceError, match="is not a Parquet file, or is damaged"):
        parse_file(COMMENTS, file.getvalue())


HEADER = "customer_id,first_name,last_name"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEADER + ",x" * 200_000 + "\n1,a,b\n", r"has 200,003 columns, more than the 1,000 allowed"),
        (HEADER + ",x" * 2_000_000 + "\n1,a,b\n", r"has a first line of more than 1 MiB"),
        (HEADER + "\n" + "," * (65 << 20) + "\n", r"has a line of more than 64 MiB"),
        (HEADER + "\n" + "\n" * 10_000_001, r"has more than 10,000,000 lines"),
    ],
    ids=["columns", "header", "fields", "lines"],
)
def test_csv_files_without_measure_are_refused(content: str, reason: str) -> None:
    encoded = content.encode()
    tracemalloc.start()
    with pytest.raises(SourceError, match=reason):
        parse_file(FILES["customers.csv"], encoded)
    assert tracemalloc.get_traced_memory()[1] < 80_000_000
    tracemalloc.stop()


def test_rows_that_are_all_wrong_are_counted_before_reasons_are_made() -> None:
    content = f"{HEADER}\n{',,' * 1}\n".encode() + b",,\n" * 2_000
    with pytest.raises(SourceError, match="more than 1,000 rows that cannot be loaded: fix the file, or raise"):
        parse_file(FILES["customers.csv"], content, limits=replace(LIMITS, rejected=1_000))


@pytest.mark.parametrize(
    "number", ["1e999999", "9" * 1_000_000, "-1e-999999", "0x1p99999", "1" + "0" * 400 + ".5"]
)
def test_huge_numbers_are_rejected_in_their_row(number: str) -> None:
    content = f"date_day,utm_source,utm_medium,utm_campaign,spend\n2020-01-01,a,b,c,{number}\n2020-01-01,a,b,c,1\n"
    began = time.process_time()
    loaded = parse_file(FILES["ad_spend.csv"], content.encode())
    assert (loaded.rows.num_rows, loaded.rejected.num_rows) == (1, 1)
    assert time.process_time() - began < 2


LINES = st.lists(st.text('1x,"""', max_size=9), min_size=1, max_size=3)


@given(first=LINES, again=LINES, last=LINES)
@settings(deadline=None, max_examples=300)
def test_no_quoting_has_lines_looked_at_again_and_again(
    first: list[str], again: list[str], last: list[str]
) -> None:
    lines = [line + "\n" for line in [*first, *again * 40, *last]]
    looked_at = 0
    flaw = csv_splitting._Quoting._flaw

    def counting(self: object, pattern: object, text: str) -> str | None:
        nonlocal looked_at
        looked_at += len(text)
        return flaw(self, pattern, text)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_splitting._Quoting, "_flaw", counting)
        list(csv_splitting.split(iter(lines), ","))
    assert looked_at <= 6 * sum(map(len, lines))


@pytest.mark.parametrize("line", ['1,x","""q\n', '1,x","""q', '1,"a\n', '","""\n', '1,x","""q\r'])
def test_twice_as_much_of_hostile_quoting_takes_about_twice_as_long(line: str) -> None:
    def seconds(lines: int) -> float:
        content = f"{HEADER}\n{line * lines}".encode()
        began = time.process_time()
        parse_file(FILES["customers.csv"], content)
        return time.process_time() - began

    seconds(100)
    assert seconds(40_000) < 12 * max(seconds(10_000), 0.05)  # 16 times as long if quadratic


def test_a_recording_of_two_gigabytes_is_neither_read_nor_staged(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    with (tmp_path / "calls" / "1-01.wav").open("wb") as sparse:
        sparse.write(b"RIFF")
        sparse.truncate(2_000_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_inblock
    (problem,) = list_calls(SourceLocation.open(tmp_path)).problems
    assert problem.reason.startswith("has 2,000 MB, more than the 1,000 MB allowed")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_inblock - before < 10_000


def test_a_recording_that_lasts_too_long_is_not_staged(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    size = 12_000_000  # 25 minutes at 8,000 bytes a second
    head = b"RIFF" + (size + 36).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += bytes([1, 0, 1, 0]) + (8_000).to_bytes(4, "little") * 2 + bytes([1, 0, 8, 0])
    (tmp_path / "calls" / "1-01.wav").write_bytes(head + b"data" + size.to_bytes(4, "little") + bytes(size))
    location = SourceLocation.open(tmp_path, replace(LIMITS, call_seconds=1_200))
    listing = list_calls(location)
    assert listing.calls == ()
    assert listing.problems[0].reason.startswith("lasts 25 minutes, more than the 20 allowed")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
def test_pipes_and_devices_are_refused_and_never_waited_for(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "customers.csv")
    (tmp_path / "calls").mkdir()
    make(tmp_path / "calls" / "1-01.wav")
    (tmp_path / "comments").mkdir()
    make(tmp_path / "comments" / "a.csv")
    code = (
        "import sys; from customer_analytics.ingestion.location import *\n"
        "from customer_analytics.ingestion.files import SOURCE_FILES\n"
        "from customer_analytics.ingestion.load import load_file\n"
        "place = SourceLocation.open(sys.argv[1])\n"
        "try:\n load_file(place, next(f for f in SOURCE_FILES if f.name == 'customers.csv'))\n"
        "except SourceError as error: print(error)\n"
        "print([p.reason for f in ('calls', 'comments') for p in place.files_below(f).problems])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    first, second = done.stdout.splitlines()
    assert first.endswith(
        "customers.csv cannot be read (OSError: it is a pipe or a device, and not a regular file)."
    )
    assert second == "['is not a regular file', 'is not a regular file']"


def test_a_folder_of_too_many_files_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    for number in range(50):
        (tmp_path / "calls" / f"1-{number}.wav").touch()
    listing = list_calls(SourceLocation.open(tmp_path, replace(LIMITS, files=49)))
    assert (listing.calls, len(listing.problems)) == ((), 1)
    assert listing.problems[0].reason.startswith("holds more than 49 files: move some away, or raise ")


def test_a_source_file_above_the_limit_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "customers.csv").open("wb") as sparse:
        sparse.truncate(3_000_000_000)
    why, size = peak(lambda: load_file(SourceLocation.open(tmp_path), FILES["customers.csv"]))
    assert "customers.csv has 3,000 MB, more than the 500 MB allowed: split it, or raise " in why
    assert size < 2_000_000
