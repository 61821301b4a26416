"""Move damaged files aside, so that the next run rebuilds their contents from the source."""

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from customer_analytics import embedded_snowflake, run_locks
from customer_analytics.adapters import Adapters
from customer_analytics.damage import ASIDE, DamagedError
from customer_analytics.embedded_snowflake.state.file_check import database_of
from customer_analytics.erasure import key_copy, pending
from customer_analytics.erasure.keys import ERASED_KEYS
from customer_analytics.settings import Settings
from customer_analytics.state_check import Damage
from customer_analytics.supervisor import clean_environment


class UnknownErasedError(RuntimeError):
    """There is no readable record of which customers were erased."""


def consequence(damage: Damage, home: Path) -> str:
    """What repairing it entails."""
    place = damage.path.relative_to(home)
    if place.parts[0] == "dagster":
        return "Dagster creates a new one; the run history in it is lost"
    if place.parts[0] == "vectors":
        return "the next run embeds its texts again"
    if place.parts[:2] == ("warehouse", "databases"):
        return "the next run reloads its tables and stages from the source; erased customers stay erased"
    if place.parts[:2] == ("warehouse", "stages"):
        return "the next run stages the file again"
    if place.parts[0] == pending.FOLDER:
        return "an erasure was interrupted: erase that customer again"
    return "it is rewritten"


def repair(settings: Settings, found: Collection[Damage], nobody_erased: bool = False) -> Path:
    """Move damaged files into a folder of the state folder, which is returned; the next run rebuilds them.

    This stops the endpoint. If databases are moved, it is started again to record the erased customers.

    Raises:
        InUseError: A run or `customer-analytics dev` is using the folder.
        UnknownErasedError: Neither a moved database nor the copy beside it says which customers were erased.
    """
    home = settings.home.absolute()
    with run_locks.hold_all(home):
        embedded_snowflake.stop(home)
        return _move_aside(settings, home, found, nobody_erased)


def _move_aside(settings: Settings, home: Path, found: Collection[Damage], nobody_erased: bool) -> Path:
    databases = [damage.path for damage in found if damage.path.parent == home / "warehouse" / "databases"]
    erased = _erased(settings, databases, nobody_erased) if databases else frozenset()
    aside = home / ASIDE / f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}"
    for path in [*(damage.path for damage in found), *_companions(home, databases)]:
        _move(path, home, aside)
    if any(path.name == "format.json" for path in (damage.path for damage in found)) and not databases:
        # The databases were read in full, so they have this version's format, or the endpoint will refuse them.
        embedded_snowflake.write_format(home)
    if databases:
        with Adapters(settings) as adapters:
            key_copy.merge(home, adapters.warehouse, erased)
    return aside


def _erased(settings: Settings, databases: Collection[Path], nobody_erased: bool) -> frozenset[key_copy.Key]:
    """The keys of erased customers, from the copy and from the readable part of the databases."""
    try:
        copy = key_copy.read(settings.home)
    except DamagedError:
        copy = None
    own = [path for path in databases if database_of(path) == settings.database]
    rescued = [_rescued(path.with_name(path.name.removesuffix(".wal")), settings.schema_name) for path in own]
    if copy is None and None in rescued and not nobody_erased:
        raise UnknownErasedError(
            f"It is unknown which customers were erased: {own[0]} cannot be read, and there is no "
            f"{key_copy.path(settings.home)}. Restore a backup; or add --nobody-erased, and erase customers again "
            "if any were."
        )
    return (copy or frozenset()).union(*(keys or () for keys in rescued))


def _rescued(file: Path, schema: str) -> frozenset[key_copy.Key] | None:
    command = [sys.executable, "-P", "-m", "customer_analytics.embedded_snowflake", "rescue", str(file)]
    done = subprocess.run(
        [*command, schema, ERASED_KEYS.name], env=clean_environment(), capture_output=True, check=False
    )
    rows = json.loads(done.stdout) if not done.returncode else None
    return None if rows is None else frozenset((customer, kind, value) for customer, kind, value in rows)


def _companions(home: Path, databases: Collection[Path]) -> Iterator[Path]:
    """What moves along with databases: their write-ahead logs, and the stages if no database remains."""
    for path in databases:
        file = path.with_name(path.name.removesuffix(".wal"))
        yield from (file, file.with_suffix(".duckdb.wal"))
    folder = home / "warehouse" / "databases"
    if databases and {database_of(path) for path in folder.glob("*.duckdb")} <= set(map(database_of, databases)):
        yield from (home / "warehouse" / "stages").iterdir()


def _move(path: Path, home: Path, aside: Path) -> None:
    companions = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal")]
    for each in (path, *(companions if path.suffix == ".db" else ())):
        if each.exists():
            target = aside / each.relative_to(home)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(each, target)
