"""Moving damaged files aside, so that the next run rebuilds what comes from the source."""

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import dagster as dg

from customer_analytics import embedded_snowflake
from customer_analytics.at_work import nobody_at_work
from customer_analytics.damage import ASIDE, DamagedError
from customer_analytics.deployment import warehouse as warehouse_of
from customer_analytics.embedded_snowflake.file_check import database_of
from customer_analytics.embedded_snowflake.process import clean_environment
from customer_analytics.erasure import kept, pending
from customer_analytics.erasure.keys import ERASED_KEYS
from customer_analytics.settings import Settings
from customer_analytics.state_check import Damage


class UnknownErasedError(RuntimeError):
    """Nobody can say any more which customers were erased."""


def consequence(damage: Damage, home: Path) -> str:
    """What repairing it comes to."""
    place = damage.path.relative_to(home)
    if place.parts[0] == "dagster":
        return "Dagster begins a new one; the history of runs in it is lost"
    if place.parts[0] == "vectors":
        return "the next run embeds its texts again"
    if place.parts[:2] == ("warehouse", "databases"):
        return "the next run fills its tables and stages again from the source; erased customers stay erased"
    if place.parts[:2] == ("warehouse", "stages"):
        return "the next run stages the file again from the source"
    if place.parts[0] == pending.FOLDER:
        return "an erasure was interrupted: erase that customer again"
    return "it is written anew"


def repair(settings: Settings, found: Collection[Damage], nobody_erased: bool = False) -> Path:
    """Move what is damaged into a folder of the state folder, which is returned; the next run rebuilds it.

    The endpoint is stopped, and started again where its databases were concerned, to record who was erased.

    Raises:
        AtWorkError: A run or `customer-analytics dev` is at work on the folder.
        UnknownErasedError: A database is moved aside, and neither it nor the copy beside it tells who was erased.
    """
    home = settings.home.absolute()
    with nobody_at_work(home):
        embedded_snowflake.stop(home)
        return _moved_aside(settings, home, found, nobody_erased)


def _moved_aside(settings: Settings, home: Path, found: Collection[Damage], nobody_erased: bool) -> Path:
    databases = [damage.path for damage in found if damage.path.parent == home / "warehouse" / "databases"]
    erased = _erased(settings, databases, nobody_erased) if databases else frozenset()
    aside = home / ASIDE / f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}"
    for path in [*(damage.path for damage in found), *_belonging(home, databases)]:
        _move(path, home, aside)
    if any(path.name == "format.json" for path in (damage.path for damage in found)) and not databases:
        # Its databases were read in full, so they are of this version's format, or the endpoint will say so.
        embedded_snowflake.write_format(home)
    if databases:
        with dg.build_resources({"warehouse": warehouse_of(settings)}) as built:
            kept.keep(home, built.warehouse, erased)
    return aside


def _erased(settings: Settings, databases: Collection[Path], nobody_erased: bool) -> frozenset[kept.Key]:
    """The keys of erased customers, from the copy and from what can be read of the databases."""
    try:
        copy = kept.read(settings.home)
    except DamagedError:
        copy = None
    own = [path for path in databases if database_of(path) == settings.database]
    rescued = [_rescued(path.with_name(path.name.removesuffix(".wal")), settings.schema_name) for path in own]
    if copy is None and None in rescued and not nobody_erased:
        raise UnknownErasedError(
            f"It cannot be told which customers were erased: {own[0]} cannot be read, and there is no "
            f"{kept.file(settings.home)}. Restore a backup; or add --nobody-erased if no customer was, and erase "
            "others again."
        )
    return (copy or frozenset()).union(*(keys or () for keys in rescued))


def _rescued(file: Path, schema: str) -> frozenset[kept.Key] | None:
    command = [sys.executable, "-P", "-m", "customer_analytics.embedded_snowflake", "rescue", str(file)]
    done = subprocess.run(
        [*command, schema, ERASED_KEYS.name], env=clean_environment(), capture_output=True, check=False
    )
    rows = json.loads(done.stdout) if not done.returncode else None
    return None if rows is None else frozenset((customer, kind, value) for customer, kind, value in rows)


def _belonging(home: Path, databases: Collection[Path]) -> Iterator[Path]:
    """What goes with databases that are moved: their other file, and stages, if no database is left for them."""
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
