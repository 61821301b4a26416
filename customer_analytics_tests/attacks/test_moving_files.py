"""Files that vanish, are replaced or grow while they are read: each of them is its own problem only."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from customer_analytics.embedded_snowflake import stop
from customer_analytics.ingestion import location
from customer_analytics.ingestion.call_staging import NoStage, list_calls
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.load import load_file
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.small_source import write_small_source

FILES = {file.name: file for file in SOURCE_FILES}
Change = Callable[[Path, int], None]


class _Stage(NoStage):
    """A stage that keeps what is put into it, by name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def holds(self, name: str) -> bool:
        return name in self.files

    def put(self, folder: Path) -> None:
        self.files |= {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def whenever_opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Change]]:
    """What happens to files, by name, just before they are opened for the n-th time (from 1)."""
    changes: dict[str, Change] = {}
    times: dict[str, int] = {}
    really_open = SourceLocation.open_file

    def open_file(self: SourceLocation, path: str) -> BinaryIO:
        times[path] = times.get(path, 0) + 1
        name = Path(path).name
        if name in changes:
            changes[name](Path(self.name, path), times[path])
        return really_open(self, path)

    monkeypatch.setattr(SourceLocation, "open_file", open_file)
    monkeypatch.setattr(location, "_SECONDS_BEFORE_RETRY", 0)
    yield changes


def replaced_once(path: Path, time: int) -> None:
    if time == 1:
        path.write_bytes(b"other sound")


def growing(path: Path, time: int) -> None:
    path.write_bytes(path.read_bytes() + b"1")


def vanishing(path: Path, time: int) -> None:
    path.unlink(missing_ok=True)


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"{number}-01.wav").write_bytes(b"sound %d" % number)
    return folder


def test_what_is_staged_is_what_was_hashed_also_of_a_call_that_is_replaced(
    calls: Path, whenever_opened: dict[str, Change]
) -> None:
    whenever_opened["2-01.wav"] = replaced_once
    stage = _Stage()
    listing = list_calls(SourceLocation.open(calls.parent), stage=stage)
    assert [call.relative_path for call in listing.calls] == ["1-01.wav", "2-01.wav", "3-01.wav"]
    assert stage.files == {f"{hashlib.sha256(sound).hexdigest()}.wav": sound for sound in stage.files.values()}
    assert sorted(stage.files.values()) == [b"other sound", b"sound 1", b"sound 3"]
    (replaced,) = [call for call in listing.calls if call.relative_path == "2-01.wav"]
    assert (replaced.audio_hash, replaced.size) == (hashlib.sha256(b"other sound").hexdigest(), 11)


@pytest.mark.parametrize(
    ("change", "reason"), [(vanishing, "does not exist"), (growing, "was changed while it was read")]
)
def test_a_call_that_vanishes_or_grows_is_a_problem_and_stops_no_other(
    calls: Path, whenever_opened: dict[str, Change], change: Change, reason: str
) -> None:
    whenever_opened["2-01.wav"] = change
    stage = _Stage()
    listing = list_calls(SourceLocation.open(calls.parent), stage=stage)
    assert [call.relative_path for call in listing.calls] == ["1-01.wav", "3-01.wav"]
    ((path, why),) = [(problem.path, problem.reason) for problem in listing.problems]
    assert path == "2-01.wav"
    assert why.startswith(reason)
    assert sorted(stage.files.values()) == [b"sound 1", b"sound 3"]


def test_a_source_file_that_is_replaced_while_it_is_read_is_read_once_more(
    tmp_path: Path, whenever_opened: dict[str, Change]
) -> None:
    write_small_source(tmp_path)

    def add(path: Path, time: int) -> None:
        if time == 1:
            path.write_text(path.read_text() + "4,Dora,N.\n")

    whenever_opened["customers.csv"] = add
    loaded = load_file(SourceLocation.open(tmp_path), FILES["customers.csv"])
    assert loaded.rows["FIRST_NAME"].to_pylist() == ["Ada", "Ben", "Cleo", "Dora"]
    assert loaded.file_hash == hashlib.sha256((tmp_path / "customers.csv").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["customers.csv", "twitter_comments.parquet"])
def test_a_source_file_that_grows_and_grows_is_refused_and_says_why(
    tmp_path: Path, whenever_opened: dict[str, Change], name: str
) -> None:
    write_small_source(tmp_path)
    whenever_opened[name] = growing
    with pytest.raises(
        SourceError, match=rf"{name} was changed while it was read .*: wait until it is complete\.$"
    ):
        load_file(SourceLocation.open(tmp_path), FILES[name])


@pytest.mark.timeout(300)
def test_a_run_goes_on_without_the_call_that_vanished_and_records_it(
    tmp_path: Path, whenever_opened: dict[str, Change]
) -> None:
    source = write_small_source(tmp_path / "source")
    for number in (1, 2):
        (source / "calls" / f"{number}-01.wav").write_bytes(b"RIFF, but no sound %d" % number)
    whenever_opened["2-01.wav"] = vanishing
    deployment = Deployment(tmp_path / "a user's home", {"CUSTOMER_ANALYTICS_SOURCE": str(source)})
    try:
        done = deployment.attempt("run", "--select", "+key:stg_support_calls")
        assert done.returncode == 0, done.stdout + done.stderr
        assert deployment.rows("SELECT RELATIVE_PATH FROM STG_SUPPORT_CALLS") == [{"RELATIVE_PATH": "1-01.wav"}]
        (row,) = deployment.rows("SELECT * FROM STG_REJECTED_ROWS WHERE SOURCE LIKE 'calls/%'")
        assert (row["SOURCE"], row["LINE"]) == ("calls/2-01.wav", 0)
        assert row["REASON"].startswith("calls/2-01.wav does not exist")
        assert row["RULE"].startswith("A recording does not exist")
    finally:
        stop(deployment.home)
