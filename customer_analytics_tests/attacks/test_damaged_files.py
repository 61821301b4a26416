"""A damaged file gives one sentence with the remedy, at once; no row is lost without a message."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from customer_analytics.damage import DamagedError
from customer_analytics.embedded_snowflake.process import find
from customer_analytics.embedded_snowflake.state.engine import execute
from customer_analytics.embedded_snowflake.state.store import Store
from customer_analytics_tests.deployment import Deployment

COMMITS = 5
DATABASE, LOG = "SHOP.duckdb", "SHOP.duckdb.wal"


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of an endpoint that was killed: a database, and a log with five commits."""
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, str(Path(__file__).with_name("killed_endpoint.py")), str(folder), str(COMMITS)]
    subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert (folder / "databases" / LOG).stat().st_size > 2000
    return folder


def copy_of(folder: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    return target


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x80
    path.write_bytes(content)


def rows(folder: Path) -> int:
    store = Store(folder)
    try:
        tables = execute(store.root, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'PUBLIC'")
        return sum(execute(store.root, f"SELECT COUNT(*) FROM SHOP.PUBLIC.{name}")[0][0] for (name,) in tables)
    finally:
        store.root.close()


def test_the_log_of_a_killed_endpoint_is_read_in_full(killed: Path, tmp_path: Path) -> None:
    assert rows(copy_of(killed, tmp_path / "w")) == 10 * COMMITS


def test_no_flipped_byte_of_the_log_loses_rows_in_silence(killed: Path, tmp_path: Path) -> None:
    size = (killed / "databases" / LOG).stat().st_size
    chosen = random.Random(1)
    # The header, the size and checksum of the first entry, some of the rest, and the last commit.
    for position in (
        0,
        2,
        5,
        *range(39, 55),
        *(chosen.randrange(60, size) for _ in range(20)),
        size - 20,
        size - 1,
    ):
        folder = copy_of(killed, tmp_path / "w")
        flip(folder / "databases" / LOG, position)
        try:
            assert rows(folder) == 10 * COMMITS, position
        except DamagedError as error:
            assert LOG.removesuffix(".wal") in str(error) and "customer-analytics repair" in str(error)


def test_a_log_that_ends_within_a_commit_loses_only_that_commit(killed: Path, tmp_path: Path) -> None:
    size = (killed / "databases" / LOG).stat().st_size
    for left_out in (1, 7, 21, 100, 300):
        folder = copy_of(killed, tmp_path / "w")
        os.truncate(folder / "databases" / LOG, size - left_out)
        assert rows(folder) == 10 * (COMMITS - 1), left_out


DAMAGE: dict[str, Callable[[Path], object]] = {
    "garbage": lambda file: file.write_bytes(random.Random(1).randbytes(4096)),
    "zero length": lambda file: file.write_bytes(b""),
    "cut short": lambda file: os.truncate(file, 5000),
    "flipped in the header": lambda file: flip(file, 4200),
    "flipped in the middle": lambda file: flip(file, 12288 + 500),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_database_is_told_of_in_one_sentence(
    killed: Path, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    folder = copy_of(killed, tmp_path / "w")
    damage(folder / "databases" / DATABASE)
    with pytest.raises(DamagedError, match=rf"{DATABASE} is damaged.*customer-analytics repair") as raised:
        Store(folder)
    assert len(str(raised.value).splitlines()) == 1


def test_a_database_without_its_file_is_told_of(killed: Path, tmp_path: Path) -> None:
    folder = copy_of(killed, tmp_path / "w")
    (folder / "databases" / DATABASE).unlink()
    with pytest.raises(DamagedError, match="missing"):
        Store(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"for'])
def test_a_damaged_format_file_is_told_of_and_not_taken_for_another_version(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "format.json").write_bytes(content)
    with pytest.raises(DamagedError, match=r"format\.json is damaged.*customer-analytics repair"):
        Store(tmp_path)


def test_the_command_line_says_within_seconds_what_is_damaged_and_what_to_do(killed: Path, tmp_path: Path) -> None:
    copy_of(killed, tmp_path / "warehouse")
    flip(tmp_path / "warehouse" / "databases" / LOG, 448 + 5)
    began = time.monotonic()
    done = Deployment(tmp_path).attempt("sql", "SELECT 1")
    assert time.monotonic() - began < 25
    assert done.returncode == 1
    assert DATABASE in done.stderr and "is damaged" in done.stderr and "customer-analytics repair" in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"[1]", b'{"host": "127.0.0.1", "port"', bytes(100)],
    ids=["empty", "list", "cut short", "zeros"],
)
def test_a_damaged_announcement_of_an_endpoint_is_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "endpoint.json").write_bytes(content)
    assert find(tmp_path) is None
