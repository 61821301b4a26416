"""What the manifest of calls tells, and which calls it tells it of."""

import json
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer_analytics.ingestion.call_manifest import LONGEST_VALUE, MOST_PROPERTIES, ManifestRow
from customer_analytics.ingestion.call_staging import CallListing, list_calls
from customer_analytics.ingestion.calls import CallFile
from customer_analytics.ingestion.location import SourceError, SourceLocation


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    return folder


def record(calls: Path, *paths: str) -> None:
    for path in paths:
        (calls / path).parent.mkdir(parents=True, exist_ok=True)
        (calls / path).write_bytes(path.encode())


def listed(calls: Path, previous: dict[str, CallFile] | None = None) -> CallListing:
    return list_calls(SourceLocation.open(calls.parent), previous)


def told(listing: CallListing) -> dict[str, tuple[str | None, datetime | None, str | None, str | None]]:
    return {
        call.relative_path: (call.customer_id, call.called_at, call.called_at_source, call.properties)
        for call in listing.calls
    }


def rejected(listing: CallListing) -> list[tuple[str, int, str]]:
    assert listing.manifest.file is not None
    return [(row["SOURCE"], row["LINE"], row["REASON"]) for row in listing.manifest.file.rejected.to_pylist()]


def test_the_manifest_tells_customer_moment_and_properties(calls: Path) -> None:
    record(calls, "rec1.mp3", "7-01.mp3")
    (calls / "calls.csv").write_text(
        "Queue,FILE,called_at,customer_id,Agent\n"
        "sales,rec1.mp3,2020-01-31 14:05:00,CF-1,anna\n"
        ",7-01.mp3,2020-01-30,,\n"
    )
    listing = listed(calls)
    assert told(listing) == {
        "7-01.mp3": ("7", datetime(2020, 1, 30), "manifest", None),
        "rec1.mp3": ("CF-1", datetime(2020, 1, 31, 14, 5), "manifest", '{"agent": "anna", "queue": "sales"}'),
    }
    assert (listing.ignored, listing.problems, listing.manifest.strays, rejected(listing)) == ((), (), (), [])


def test_the_manifest_goes_before_the_name_and_the_name_counts_where_it_is_silent(calls: Path) -> None:
    record(calls, "51-2020-01-31.mp3", "52-2020-02-01.mp3", "53-2020-02-02.mp3")
    (calls / "calls.csv").write_text(
        "file,customer_id,called_at\n51-2020-01-31.mp3,99,2019-05-05 10:00\n52-2020-02-01.mp3,98,\n"
    )
    assert told(listed(calls)) == {
        "51-2020-01-31.mp3": ("99", datetime(2019, 5, 5, 10), "manifest", None),
        "52-2020-02-01.mp3": ("98", datetime(2020, 2, 1), "name", None),
        "53-2020-02-02.mp3": ("53", datetime(2020, 2, 2), "name", None),
    }


def test_only_the_file_has_to_be_there(calls: Path) -> None:
    record(calls, "7-01.mp3")
    (calls / "calls.csv").write_text("file,agent\n7-01.mp3,anna\n")
    assert told(listed(calls)) == {"7-01.mp3": ("7", None, None, '{"agent": "anna"}')}


def test_a_day_begins_in_the_reporting_time_zone_and_a_time_is_in_utc(calls: Path) -> None:
    record(calls, "1.mp3", "2.mp3", "3-2020-07-31.mp3", "4-2020-07-31T09-00.mp3")
    (calls / "calls.csv").write_text("file,called_at\n1.mp3,2020-01-31\n2.mp3,2020-01-31 00:00:00\n")
    listing = list_calls(SourceLocation.open(calls.parent), time_zone="Europe/Berlin")
    assert [call.called_at for call in listing.calls] == [
        datetime(2020, 1, 30, 23),
        datetime(2020, 1, 31),
        datetime(2020, 7, 30, 22),
        datetime(2020, 7, 31, 9),
    ]


def test_parquet_tells_the_same(calls: Path) -> None:
    record(calls, "a.mp3", "b.mp3")
    rows = {
        "File": ["a.mp3", "b.mp3"],
        "customer_id": [7, None],
        "called_at": [datetime(2020, 1, 31, 14, 5), None],
        "day": [date(2020, 1, 1), None],
        "queue": [3, 4],
    }
    pq.write_table(pa.table(rows), calls / "calls.parquet")
    assert told(listed(calls)) == {
        "a.mp3": ("7", datetime(2020, 1, 31, 14, 5), "manifest", '{"day": "2020-01-01", "queue": "3"}'),
        "b.mp3": (None, None, None, '{"queue": "4"}'),
    }


def test_bad_rows_are_rejected_with_line_and_reason(calls: Path) -> None:
    record(calls, "1.mp3", "2.mp3", "3.mp3", "4.mp3", "5.mp3")
    (calls / "calls.csv").write_text(
        "file,called_at\n1.mp3,2020-13-01\n,2020-01-01\n3.mp3,2020-01-03\n3.mp3,2020-01-04\n4.mp3,2261-01-01\n5.mp3, \n"
    )
    listing = listed(calls)
    assert {path: moment for path, (_, moment, _, _) in told(listing).items() if moment} == {
        "3.mp3": datetime(2020, 1, 3)
    }
    assert [(source, line) for source, line, _ in rejected(listing)] == [
        ("calls/calls.csv", line) for line in (2, 3, 5, 6)
    ]
    reasons = [reason for _, _, reason in rejected(listing)]
    assert "CALLED_AT '2020-13-01' is not a date" in reasons[0]
    assert "FILE" in reasons[1]
    assert "repeats FILE '3.mp3' of line 4" in reasons[2]


@pytest.mark.parametrize(
    ("named", "is_about"),
    [
        ("b/1.mp3", "b/1.mp3"),
        ("./b/1.mp3", "b/1.mp3"),
        (r"b\1.mp3", "b/1.mp3"),
        (r"C:\recordings\b\1.mp3", "b/1.mp3"),
        ("calls/b/1.mp3", "b/1.mp3"),
        (" 2.mp3 ", "b/2.mp3"),
        ("1.mp3", None),  # there are two
        ("c/2.mp3", None),
        ("mp3", None),
        ("4.mp3", None),
        ("notes.txt", None),
        ("é.mp3", "e\N{COMBINING ACUTE ACCENT}.mp3"),  # as macOS writes it
    ],
)
def test_a_row_is_about_the_file_of_its_path_or_of_the_end_of_it(
    named: str, is_about: str | None, calls: Path
) -> None:
    record(calls, "a/1.mp3", "b/1.mp3", "b/2.mp3", "notes.txt", "e\N{COMBINING ACUTE ACCENT}.mp3")
    (calls / "calls.csv").write_text(f"file,customer_id\n{named},7\n")
    manifest = listed(calls).manifest
    assert dict(manifest.rows) == ({is_about: ManifestRow("7", None, None)} if is_about else {})
    assert len(manifest.strays) == (is_about is None)


def test_of_two_rows_about_one_file_the_whole_path_counts(calls: Path) -> None:
    record(calls, "b/2.mp3")
    (calls / "calls.csv").write_text("file,customer_id\n2.mp3,7\nb/2.mp3,8\n")
    manifest = listed(calls).manifest
    assert (manifest.rows["b/2.mp3"].customer_id, manifest.strays) == ("8", ("2.mp3",))


def test_properties_are_bounded_and_what_is_left_out_is_told(calls: Path) -> None:
    record(calls, "1.mp3")
    names = [f"p{number:02}" for number in range(MOST_PROPERTIES + 2)]
    (calls / "calls.csv").write_text(
        f"file,{','.join(names)},{'long' * 40},\n1.mp3,{','.join(['x' * 500] * len(names))},a,b\n"
    )
    listing = listed(calls)
    properties = json.loads(listing.calls[0].properties or "")
    assert list(properties) == names[:MOST_PROPERTIES]
    assert {len(value) for value in properties.values()} == {LONGEST_VALUE + 1}
    unused = listing.manifest.unused_columns
    assert {"p50", "p51"} < set(unused)
    assert len(unused) == 4


def test_a_column_may_have_the_name_of_one_of_a_table_of_ours(calls: Path) -> None:
    record(calls, "1.mp3")
    (calls / "calls.csv").write_text("file,line,file_hash,relative_path,size\n1.mp3,3,00ff,x,5\n")
    listing = listed(calls)
    assert [call.properties for call in listing.calls] == ['{"line": "3", "relative_path": "x", "size": "5"}']
    assert listing.manifest.unused_columns == ("file_hash",)


@pytest.mark.parametrize(
    "name", ["Stra\N{LATIN SMALL LETTER SHARP S}e", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}d"]
)
def test_a_column_may_have_a_name_in_any_script(name: str, calls: Path) -> None:
    record(calls, "1.mp3")
    (calls / "calls.csv").write_text(f"file,{name}\n1.mp3,x\n")
    assert json.loads(listed(calls).calls[0].properties or "") == {name.lower(): "x"}


def test_a_column_whose_name_cannot_be_shown_is_not_used(calls: Path) -> None:
    record(calls, "1.mp3")
    (calls / "calls.csv").write_text("file,customer_id,agent\x1b,que\u00adue\n1.mp3,7,x,y\n")
    listing = listed(calls)
    assert [(call.customer_id, call.properties) for call in listing.calls] == [("7", None)]
    assert len(listing.manifest.unused_columns) == 2


def test_two_manifests_and_one_that_cannot_be_read_are_refused_in_one_sentence(calls: Path) -> None:
    (calls / "calls.csv").write_text("path,customer_id\nx.mp3,7\n")
    with pytest.raises(SourceError, match=r"^calls/calls\.csv lacks the column FILE"):
        listed(calls)
    (calls / "calls.parquet").write_text("file")
    with pytest.raises(
        SourceError, match=r"^There are both calls/calls\.csv and calls/calls\.parquet: keep the one"
    ):
        listed(calls)


def test_a_manifest_in_a_subfolder_is_no_manifest(calls: Path) -> None:
    record(calls, "a/1.mp3", "a/calls.csv")
    assert listed(calls).ignored == ("a/calls.csv",)


def test_a_changed_manifest_counts_without_reading_the_audio_again(calls: Path) -> None:
    record(calls, "1.mp3")
    (calls / "calls.csv").write_text("file,called_at\n1.mp3,2020-01-01\n")
    before = {call.relative_path: call for call in listed(calls).calls}
    (calls / "calls.csv").write_text("file,called_at\n1.mp3,2020-01-02\n")
    (calls / "1.mp3").chmod(0)
    again = listed(calls, before)
    assert [(call.called_at, call.audio_hash) for call in again.calls] == [
        (datetime(2020, 1, 2), before["1.mp3"].audio_hash)
    ]
