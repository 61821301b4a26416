"""The folder that the generator writes."""

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from customer_analytics.cli import main
from customer_analytics.ingestion.call_staging import list_calls
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.load import load_file
from customer_analytics.ingestion.location import SourceLocation
from customer_analytics.sample_data.folder import write_sample_data


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "small"
    write_sample_data(folder, customers=60, seed=3)
    return folder


def test_the_same_seed_and_scale_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    write_sample_data(tmp_path / "again", customers=60, seed=3)
    assert hashes(tmp_path / "again") == hashes(small)


def test_another_seed_gives_another_shop(small: Path, tmp_path: Path) -> None:
    write_sample_data(tmp_path / "other", customers=60, seed=4)
    same = hashes(tmp_path / "other").items() & hashes(small).items()
    assert {name for name, _ in same if not name.startswith("calls/")} == set()


def test_a_larger_shop_has_the_smaller_one_s_customers(small: Path, tmp_path: Path) -> None:
    write_sample_data(tmp_path / "larger", customers=80, seed=3)
    for name in ("customers.csv", "orders.csv", "payments.csv", "subscription_periods.csv", "sessions.csv"):
        assert (tmp_path / "larger" / name).read_text().startswith((small / name).read_text())


@pytest.mark.parametrize("customers", [1, 5, 2000])
def test_every_row_of_any_scale_is_loaded(customers: int, tmp_path: Path) -> None:
    contents = write_sample_data(tmp_path / "data", customers)
    source = SourceLocation.open(tmp_path / "data")
    for file in SOURCE_FILES:
        loaded = load_file(source, file)
        assert loaded.rejected.num_rows == 0
        assert loaded.rows.num_rows == loaded.lines_in == contents.rows.get(file.name, 0)
    assert contents.rows["customers.csv"] == customers
    listing = list_calls(source)
    assert len(listing.calls) == contents.calls
    assert (listing.ignored, listing.problems) == ((), ())


def test_a_folder_that_holds_the_same_data_is_left_as_it_is(small: Path) -> None:
    before = (small / "orders.csv").stat()
    assert write_sample_data(small, customers=60, seed=3).was_there
    assert (small / "orders.csv").stat() == before


def test_a_call_that_was_added_stays(tmp_path: Path) -> None:
    write_sample_data(tmp_path / "data", customers=5)
    (tmp_path / "data" / "calls" / "3-01.mp3").write_text("a new call")
    assert write_sample_data(tmp_path / "data", customers=5).was_there
    assert (tmp_path / "data" / "calls" / "3-01.mp3").exists()


def test_the_same_data_of_another_version_are_left_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample_data(tmp_path / "data", customers=5)
    (tmp_path / "data" / "calls" / "3-01.mp3").write_text("a new call")
    before = (tmp_path / "data" / "orders.csv").stat()
    monkeypatch.setattr("customer_analytics.sample_data.folder._generator", lambda: "a later version")
    assert write_sample_data(tmp_path / "data", customers=5).was_there
    assert (tmp_path / "data" / "orders.csv").stat() == before
    assert (tmp_path / "data" / "calls" / "3-01.mp3").exists()
    (tmp_path / "data" / "orders.csv").write_text("changed")
    monkeypatch.setattr("customer_analytics.sample_data.folder._generator", lambda: "an even later version")
    with pytest.raises(ValueError, match=r"holds calls/3-01\.mp3"):
        write_sample_data(tmp_path / "data", customers=5)


def test_data_of_another_scale_take_the_place_of_its_own(tmp_path: Path) -> None:
    write_sample_data(tmp_path / "data", customers=5)
    assert not write_sample_data(tmp_path / "data", customers=6).was_there
    assert len((tmp_path / "data" / "customers.csv").read_text().splitlines()) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_lost_file_is_written_again(tmp_path: Path) -> None:
    write_sample_data(tmp_path / "data", customers=5)
    before = hashes(tmp_path / "data")
    (tmp_path / "data" / "orders.csv").unlink()
    write_sample_data(tmp_path / "data", customers=5)
    assert hashes(tmp_path / "data") == before


@pytest.mark.parametrize("name", ["letter.txt", "calls/7-09.mp3"])
def test_a_folder_with_other_files_is_refused(name: str, tmp_path: Path) -> None:
    write_sample_data(tmp_path / "data", customers=5)
    (tmp_path / "data" / name).write_text("not ours")
    with pytest.raises(ValueError, match=f"holds {name}, which is not sample data"):
        write_sample_data(tmp_path / "data", customers=6)
    assert len((tmp_path / "data" / "customers.csv").read_text().splitlines()) == 6


def test_a_folder_of_other_source_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order_id\n")
    with pytest.raises(ValueError, match=r"holds orders\.csv, which is not sample data"):
        write_sample_data(tmp_path)
    assert (tmp_path / "orders.csv").read_text() == "order_id\n"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    write_sample_data(tmp_path, customers=5)
    assert (tmp_path / "customers.csv").exists()


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sample_data(tmp_path / "data", customers=100, on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote_or_why_it_did_not(tmp_path: Path) -> None:
    command = ["sample-data", str(tmp_path / "data"), "--customers", "5"]
    assert CliRunner().invoke(main, command).stdout.startswith("Wrote: 5 customers with ")
    assert CliRunner().invoke(main, command).stdout.startswith("Unchanged: 5 customers with ")
    (tmp_path / "data" / "letter.txt").touch()
    refused = CliRunner().invoke(main, [*command, "--seed", "2"])
    assert refused.exit_code == 1
    assert "holds letter.txt, which is not sample data: name another folder" in refused.output
