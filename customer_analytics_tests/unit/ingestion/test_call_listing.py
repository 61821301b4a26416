"""Which files are calls, whose they are, and what stops none of them."""

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from customer_analytics.ingestion.call_staging import CallListing, list_calls
from customer_analytics.ingestion.calls import CallFile, calls_of_rows, may_exist, stage_name
from customer_analytics.ingestion.listing import Problem
from customer_analytics.ingestion.location import SourceLocation
from customer_analytics.tables.sources import STG_SUPPORT_CALLS

MOMENT = datetime(2020, 2, 3, 4, 5, 6, 789012)


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    folder = tmp_path / "source" / "calls"
    folder.mkdir(parents=True)
    return folder


def write(path: Path, content: bytes = b"sound") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    # 2020-02-03 04:05:06.789012999 UTC
    os.utime(path, ns=(0, 1_580_702_706_789_012_999))


def listed(calls: Path, previous: dict[str, CallFile] | None = None) -> CallListing:
    return list_calls(SourceLocation.open(calls.parent), previous)


def paths(listing: CallListing) -> list[str]:
    return [call.relative_path for call in listing.calls]


def test_a_call_has_its_customer_size_moment_and_audio_hash(calls: Path):
    write(calls / "2020" / "8-02.MP3", b"hello")
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert listed(calls) == CallListing(
        (CallFile("calls/2020/8-02.MP3", "2020/8-02.MP3", "8", None, None, None, 5, MOMENT, digest),), (), ()
    )


def test_audio_files_of_all_folders_are_calls_and_other_files_are_reported(calls: Path):
    for name in ("b/1-01.wav", "a.flac", "b/c/2-01.OGG", "x.opus", "x.m4a", "x.webm", "x.mp3", "x.AAC", "x.mp4"):
        write(calls / name)
    for name in ("notes.txt", "b/mp3", "b/1-01.mp3.part"):
        write(calls / name)
    listing = listed(calls)
    assert paths(listing) == [
        *("a.flac", "b/1-01.wav", "b/c/2-01.OGG", "x.AAC", "x.m4a", "x.mp3", "x.mp4", "x.opus", "x.webm")
    ]
    assert listing.ignored == ("b/1-01.mp3.part", "b/mp3", "notes.txt")
    assert listing.problems == ()


def test_hidden_files_and_folders_are_skipped(calls: Path):
    for name in (".1-01.mp3", ".trash/1-01.mp3", "a/.b/1-01.mp3", "a/1-01.mp3"):
        write(calls / name)
    assert listed(calls) == CallListing(listed(calls).calls, (), ())
    assert paths(listed(calls)) == ["a/1-01.mp3"]


def test_only_new_and_changed_files_are_read(calls: Path):
    for name in ("1-01.mp3", "2-01.mp3", "3-01.mp3", "4-01.mp3"):
        write(calls / name)
    previous = {
        path: CallFile(f"calls/{path}", path, None, None, None, None, size, moment, said)
        for path, size, moment, said in (
            ("1-01.mp3", 5, MOMENT, "known"),
            ("2-01.mp3", 4, MOMENT, "of another size"),
            ("3-01.mp3", 5, MOMENT.replace(microsecond=0), "of another moment"),
            ("gone.mp3", 5, MOMENT, "gone"),
        )
    }
    digest = hashlib.sha256(b"sound").hexdigest()
    assert [call.audio_hash for call in listed(calls, previous).calls] == ["known", digest, digest, digest]


def test_of_certain_calls_only_these_are_read_and_listed(calls: Path):
    for name in ("1-01.mp3", "2-01.mp3"):
        write(calls / name)
    listing = list_calls(SourceLocation.open(calls.parent), only=["2-01.mp3", "gone.mp3"])
    assert paths(listing) == ["2-01.mp3"]


def test_a_call_may_be_there_only_where_something_could_not_be_read():
    problems = [Problem("a", "Permission denied"), Problem("3-01.mp3", "Input/output error")]
    paths = ("a/1-01.mp3", "3-01.mp3", "ab/1-01.mp3", "b/2-01.mp3")
    assert [path for path in paths if may_exist(path, problems)] == ["a/1-01.mp3", "3-01.mp3"]
    assert may_exist("a/1-01.mp3", [Problem(".", "Permission denied")])


def test_an_empty_file_is_a_call(calls: Path):
    write(calls / "1-01.mp3", b"")
    assert [(call.size, call.audio_hash) for call in listed(calls).calls] == [(0, hashlib.sha256().hexdigest())]


def test_without_a_calls_folder_there_are_no_calls(tmp_path: Path):
    assert list_calls(SourceLocation.open(tmp_path)) == CallListing((), (), ())


def test_hostile_names_are_only_data(calls: Path):
    names = [
        "1-01'); DROP TABLE x; --.mp3",
        '"quoted" 名前.mp3',
        "line\nbreak.mp3",
        "%40 ?*[a]#{}$(rm).mp3",
        "back\\slash.mp3",
        "~.mp3",
        "file:x.mp3",
    ]
    for name in names:
        write(calls / name, name.encode())
    listing = listed(calls)
    assert paths(listing) == sorted(names)
    for call in listing.calls:
        assert call.audio_hash == hashlib.sha256(call.relative_path.encode()).hexdigest()
    assert STG_SUPPORT_CALLS.rows(listing.calls)["RELATIVE_PATH"].to_pylist() == sorted(names)


def test_a_name_that_is_not_utf8_is_written_readably_and_still_opens(calls: Path):
    os.makedirs(os.fsencode(calls) + b"/\xe9t\xe9")
    Path(os.fsdecode(os.fsencode(calls) + b"/\xe9t\xe9/8-01.mp3")).write_bytes(b"hello")
    listing = listed(calls)
    (call,) = listing.calls
    assert (call.relative_path, call.customer_id) == (r"\xe9t\xe9/8-01.mp3", "8")
    with SourceLocation.open(calls.parent).open_file(call.path) as stream:
        assert stream.read() == b"hello"
    assert STG_SUPPORT_CALLS.rows(listing.calls).num_rows == 1


def test_two_names_with_the_same_readable_form_are_one_call_and_one_problem(calls: Path):
    Path(os.fsdecode(os.fsencode(calls) + b"/\xe9.mp3")).write_bytes(b"a")
    write(calls / r"\xe9.mp3")
    listing = listed(calls)
    assert paths(listing) == [r"\xe9.mp3"]
    assert [problem.path for problem in listing.problems] == [r"\xe9.mp3"]


def test_loops_of_links_end_and_linked_files_and_folders_count(calls: Path, tmp_path: Path):
    write(calls / "a" / "1-01.mp3")
    write(tmp_path / "archive" / "2-01.mp3")
    (calls / "a" / "up").symlink_to(calls)
    (calls / "a" / "self").symlink_to("self")
    (calls / "0-linked").symlink_to(calls / "a")
    (calls / "archive").symlink_to(tmp_path / "archive")
    (calls / "3-01.mp3").symlink_to(tmp_path / "archive" / "2-01.mp3")
    listing = listed(calls)
    assert paths(listing) == ["3-01.mp3", "a/1-01.mp3", "archive/2-01.mp3"]
    assert [(problem.path, problem.reason) for problem in listing.problems] == [
        ("a/self", "Too many levels of symbolic links")
    ]


def test_what_is_no_file_or_vanished_is_a_problem_and_stops_no_call(calls: Path):
    write(calls / "1-01.mp3")
    os.mkfifo(calls / "2-01.mp3")
    (calls / "3-01.mp3").symlink_to(calls / "gone.mp3")
    listing = listed(calls)
    assert paths(listing) == ["1-01.mp3"]
    assert [(problem.path, problem.reason) for problem in listing.problems] == [
        ("2-01.mp3", "is not a regular file"),
        ("3-01.mp3", "No such file or directory"),
    ]


class _SourceThatChanges(SourceLocation):
    """A location in which one file vanishes before it is opened, and another grows whenever it is."""

    def open_file(self, path: str) -> BinaryIO:
        file = Path(self._root) / path
        if file.name == "1-01.mp3":
            file.unlink(missing_ok=True)
        if file.name == "2-01.mp3":
            file.write_bytes(file.read_bytes() + b"more")
        return super().open_file(path)


def test_files_that_vanish_or_grow_while_they_are_read_are_problems(calls: Path):
    for name in ("1-01.mp3", "2-01.mp3", "3-01.mp3"):
        write(calls / name)
    listing = list_calls(_SourceThatChanges.open(calls.parent))
    assert paths(listing) == ["3-01.mp3"]
    assert [(problem.path, problem.reason) for problem in listing.problems] == [
        ("1-01.mp3", "does not exist: check the path and what it should hold."),
        ("2-01.mp3", "was changed while it was read (9 bytes at first): wait until it is complete."),
    ]


def test_calls_become_rows_of_their_table(calls: Path):
    write(calls / "8-01.mp3")
    write(calls / "voicemail.wav")
    rows = STG_SUPPORT_CALLS.rows(listed(calls).calls)
    assert rows.schema == STG_SUPPORT_CALLS.arrow_schema
    digest = hashlib.sha256(b"sound").hexdigest()
    undated = {"CALLED_AT": None, "CALLED_AT_SOURCE": None, "PROPERTIES": None}
    common = undated | {"SIZE": 5, "AUDIO_HASH": digest, "LAST_MODIFIED": MOMENT}
    assert rows.to_pylist() == [
        {"RELATIVE_PATH": "8-01.mp3", "CUSTOMER_ID": "8"} | common,
        {"RELATIVE_PATH": "voicemail.wav", "CUSTOMER_ID": None} | common,
    ]
    assert list(calls_of_rows(rows.to_batches()).values()) == list(listed(calls).calls)
    assert STG_SUPPORT_CALLS.rows([]).schema == STG_SUPPORT_CALLS.arrow_schema


def test_the_stage_name_is_made_of_content_alone():
    assert stage_name("00ff", "it's; DROP/a'b.MP3") == "00ff.mp3"
