"""A backup is the state at one moment, whatever goes on; a restoration gives all of it or changes nothing."""

import json
import os
import shutil
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import snowflake.connector

from customer_analytics import backups
from customer_analytics.backups.archive import MANIFEST
from customer_analytics.embedded_snowflake import ensure_running, stop
from customer_analytics.erasure import key_copy
from customer_analytics.repair import repair
from customer_analytics.run_locks import DEV, InUseError, hold
from customer_analytics.settings import Settings
from customer_analytics_tests.deployment import Deployment


def quietly(done: int, total: int) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def backed_up(shop: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the small shop, written by the command line while its endpoint runs."""
    file = tmp_path_factory.mktemp("backup") / "shop.zip"
    printed = shop.call("backup", str(file))
    assert f"Wrote {file}" in printed
    return file


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home for a restored state."""
    yield tmp_path / "home"
    stop(tmp_path / "home")


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_restored_state_has_all_tables_files_vectors_and_runs(
    shop: Deployment, backed_up: Path, home: Path
) -> None:
    restored = Deployment(home, shop.variables)
    restored.call("restore", str(backed_up))
    assert restored.tables() == shop.tables()
    for folder in ("warehouse/stages", "vectors"):
        there = {n: c for n, c in files(shop.home / folder).items() if not n.endswith((".lock", ".readers"))}
        assert files(home / folder) == there
    assert (home / "dagster" / "history" / "runs.db").stat().st_size > 0
    assert restored.call("search", "tractor", "--json") == shop.call("search", "tractor", "--json")


def test_a_backup_is_for_its_owner_alone_and_holds_no_token(shop: Deployment, backed_up: Path) -> None:
    assert stat.S_IMODE(backed_up.stat().st_mode) == 0o600
    names = zipfile.ZipFile(backed_up).namelist()
    assert not [name for name in names if "endpoint" in name or name.endswith(".lock")]
    token = json.loads((shop.home / "warehouse" / "endpoint.json").read_text())["token"].encode()
    assert not any(token in zipfile.ZipFile(backed_up).read(name) for name in names)


def test_a_backup_during_writes_holds_every_commit_whole(tmp_path: Path, home: Path) -> None:
    source = tmp_path / "source"
    arguments = ensure_running(source).connection_args
    stopped = threading.Event()
    with snowflake.connector.connect(**arguments) as connection:
        connection.cursor().execute("CREATE DATABASE D")
        for name in ("D.PUBLIC.ONE", "D.PUBLIC.TWO"):
            connection.cursor().execute(f"CREATE TABLE {name} (X INT)")

        def write() -> None:
            number = 0
            with snowflake.connector.connect(**arguments) as writer:
                while not stopped.is_set():
                    number += 1
                    writer.cursor().execute("BEGIN")
                    for name in ("ONE", "TWO"):
                        writer.cursor().execute(f"INSERT INTO D.PUBLIC.{name} VALUES ({number})")
                    writer.cursor().execute("COMMIT")

        writing = threading.Thread(target=write)
        writing.start()
        try:
            for number in range(2):
                backups.create(source, tmp_path / f"{number}.zip", quietly)
        finally:
            stopped.set()
            writing.join()
            stop(source)
    for number in range(2):
        shutil.rmtree(home, ignore_errors=True)
        backups.restore(tmp_path / f"{number}.zip", home, False, quietly)
        with snowflake.connector.connect(**ensure_running(home).connection_args) as connection:
            counted = connection.cursor().execute(
                "SELECT COUNT(*), MAX(X), (SELECT COUNT(*) FROM D.PUBLIC.TWO) FROM D.PUBLIC.ONE"
            )
            one, last, two = counted.fetchall()[0]
        stop(home)
        assert one == two == (last or 0)


def test_a_state_that_is_there_is_left_alone_unless_it_may_be_replaced(backed_up: Path, home: Path) -> None:
    home.mkdir()
    (home / "notes.txt").write_text("mine")
    deployment = Deployment(home)
    refused = deployment.attempt("restore", str(backed_up))
    assert refused.returncode == 1 and "--replace" in refused.stderr
    assert files(home) == {"notes.txt": b"mine"}
    told = deployment.call("restore", str(backed_up), "--replace", "--yes")
    (before,) = home.parent.glob("home.before-*")
    assert files(before) == {"notes.txt": b"mine"} and str(before) in told
    assert (home / "warehouse" / "format.json").exists()


def test_customers_erased_after_a_backup_are_named_and_not_forgotten(backed_up: Path, home: Path) -> None:
    home.mkdir()
    key_copy.write(home, [("2", "CUSTOMER_ID", "2")])
    told = Deployment(home).call("restore", str(backed_up), "--replace", "--yes")
    assert "Customer 2 was erased after this backup" in told
    assert key_copy.read(home) == {("2", "CUSTOMER_ID", "2")}


def test_an_existing_file_is_not_overwritten_by_a_backup(shop: Deployment, tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_text("mine")
    done = shop.attempt("backup", str(tmp_path / "mine.zip"))
    assert done.returncode == 1 and "already exists" in done.stderr
    assert (tmp_path / "mine.zip").read_text() == "mine"


def changed(archive: Path, target: Path, change: Callable[[dict[str, bytes], dict[str, object]], None]) -> Path:
    """The archive with other files or another manifest."""
    with zipfile.ZipFile(archive) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    manifest = json.loads(contents.pop(MANIFEST))
    change(contents, manifest)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in contents.items():
            packed.writestr(name, content)
        packed.writestr(MANIFEST, json.dumps(manifest))
    return target


def _named(name: str) -> Callable[[dict[str, bytes], dict[str, object]], None]:
    def change(contents: dict[str, bytes], manifest: dict[str, object]) -> None:
        contents[name] = contents["warehouse/format.json"]
        manifest["files"][name] = manifest["files"]["warehouse/format.json"]  # type: ignore[index]

    return change


HOSTILE: dict[str, Callable[[dict[str, bytes], dict[str, object]], object]] = {
    "path upwards": _named("../escaped.txt"),
    "path upwards later": _named("warehouse/../../escaped.txt"),
    "absolute path": _named("/tmp/escaped-from-a-backup.txt"),
    "backslashes": _named("..\\escaped.txt"),
    "control characters": _named("dagster/\x1b[2Jx"),
    "another content": lambda contents, manifest: contents.update({"warehouse/format.json": b'{"format": 3} '}),
    "same length, another content": lambda contents, manifest: contents.update(
        {"warehouse/format.json": b'{"format": 4}'}
    ),
    "a file more": lambda contents, manifest: contents.update({"more": b""}),
    "a file less": lambda contents, manifest: contents.pop("warehouse/format.json"),
    "a bomb": lambda contents, manifest: contents.update({"warehouse/format.json": bytes(50_000_000)}),
    "more than any disk": lambda contents, manifest: manifest["files"]["warehouse/format.json"].update(  # type: ignore[index]
        {"size": 2**60}
    ),
    "another format": lambda contents, manifest: manifest.update({"format": "customer-analytics-backup/9"}),
    "a time that no file has": lambda contents, manifest: manifest["files"]["warehouse/format.json"].update(  # type: ignore[index]
        {"modified": 10**40}
    ),
    "a size that is no number": lambda contents, manifest: manifest["files"]["warehouse/format.json"].update(  # type: ignore[index]
        {"size": float("inf")}
    ),
    "a file in a file": _named("warehouse/format.json/x"),
    "no files": lambda contents, manifest: (contents.clear(), manifest.update({"files": {}})),
    "no list of files": lambda contents, manifest: manifest.update({"files": [1]}),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_in_a_sentence_and_writes_nothing(
    backed_up: Path, home: Path, change: Callable[[dict[str, bytes], dict[str, object]], None]
) -> None:
    archive = changed(backed_up, home.parent / "hostile.zip", change)
    home.mkdir()
    (home / "notes.txt").write_text("mine")
    done = Deployment(home).attempt("restore", str(archive), "--replace", "--yes")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and len(done.stderr.splitlines()) == 1
    assert {path.name for path in home.parent.iterdir()} == {"home", "hostile.zip"}
    assert files(home) == {"notes.txt": b"mine"}
    assert not Path("/tmp/escaped-from-a-backup.txt").exists()


@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.999])
def test_a_flipped_or_missing_byte_of_an_archive_is_found(backed_up: Path, home: Path, place: float) -> None:
    content = bytearray(backed_up.read_bytes())
    content[int(place * len(content))] ^= 0x80
    (home.parent / "flipped.zip").write_bytes(bytes(content))
    (home.parent / "short.zip").write_bytes(backed_up.read_bytes()[: int(place * len(content))])
    for name in ("flipped.zip", "short.zip"):
        with pytest.raises(backups.BackupError, match="damaged"):
            backups.restore(home.parent / name, home, False, quietly)
        assert not home.exists()


def test_nothing_is_restored_while_a_run_goes_on(backed_up: Path, home: Path) -> None:
    from filelock import FileLock

    (home / "runs").mkdir(parents=True)
    with FileLock(home / "runs" / "abc.lock"), pytest.raises(InUseError, match="Run abc is going on"):
        backups.restore(backed_up, home, True, quietly)
    assert os.listdir(home) == ["runs"]


def test_nothing_is_restored_or_repaired_while_dev_runs(backed_up: Path, home: Path) -> None:
    with hold(home, f"{DEV}1"):
        with pytest.raises(InUseError, match="`customer-analytics dev` is running"):
            backups.restore(backed_up, home, True, quietly)
        with pytest.raises(InUseError, match="`customer-analytics dev` is running"):
            repair(Settings(home=home), [])
    assert os.listdir(home) == ["runs"]
