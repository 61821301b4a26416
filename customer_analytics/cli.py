"""The command line: `customer-analytics run | sql | doctor | clean`."""

import csv
import json
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import click

from customer_analytics.settings import Settings, settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("customer-analytics"), prog_name="customer-analytics")
def main() -> None:
    """GroundTruth customer analytics: from source files to answers, as Dagster assets."""


@main.command()
@click.option("--source", metavar="PATH", help="Folder or fsspec URI of the source data.")
@click.option(
    "--select", metavar="ASSETS", help="A Dagster asset selection, e.g. '+pres_clv' or 'group:customers'."
)
@click.option("--as-of", metavar="DATE", help="Day as of which months are complete [default: the data's latest].")
def run(source: str | None, select: str | None, as_of: str | None) -> None:
    """Materialize the assets, all or those selected, and show how far it is."""
    if source:
        # A variable and not an argument, because the code location reads its settings when it is loaded.
        os.environ["CUSTOMER_ANALYTICS_SOURCE"] = source if "://" in source else str(Path(source).absolute())
    from customer_analytics import running

    outcome = _or_say_why(running.run, settings(), select, as_of)
    for failure in outcome.failures:
        click.echo(f"Error: {failure}", err=True)
    if not outcome.success:
        click.echo(f"Run {outcome.run_id} failed; what it had written before stays.", err=True)
        sys.exit(1)


@main.command()
@click.argument("statement")
@click.option("--json", "form", flag_value="json", help="Print one JSON array of objects.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV with a header.")
def sql(statement: str, form: str | None) -> None:
    """Run a SQL statement in the warehouse, also while a run is going on, and print its rows."""
    names, rows = _or_say_why(_query, settings(), statement)
    if form == "json":
        click.echo(
            json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str, ensure_ascii=False)
        )
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows(rows)
    else:
        _print_table(names, rows)


@main.command()
def doctor() -> None:
    """Check each system that is set up, say what is wrong and what to do."""
    from customer_analytics.doctor import examine

    sound = True
    for finding in examine(settings()):
        sound &= finding.sound
        click.echo(f"{'ok  ' if finding.sound else 'FAIL'}  {finding.subject}: {finding.detail}")
    sys.exit(0 if sound else 1)


@main.command()
@click.option("--all", "everything", is_flag=True, help="Remove all state: tables, vectors, Dagster's history.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean(everything: bool, yes: bool) -> None:
    """Drop what killed runs have left; with --all, stop the endpoint and remove the state folder."""
    from customer_analytics import running
    from customer_analytics.embedded_snowflake import stop

    if not everything:
        dropped = _or_say_why(running.drop_leftovers, settings())
        click.echo(f"Dropped what {len(dropped)} ended runs had left.")
        return
    home = settings().home
    if not home.exists():
        click.echo(f"There is no state in {home}.")
        return
    if not yes:
        click.confirm(f"Remove {home} with all tables, vectors and history?", abort=True)
    stop(home)
    shutil.rmtree(home)
    click.echo(f"Removed {home}.")


def _query(chosen: Settings, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    import dagster as dg

    from customer_analytics.deployment import warehouse

    with (
        dg.build_resources({"warehouse": warehouse(chosen)}) as built,
        built.warehouse.connection() as connection,
    ):
        cursor = connection.cursor()
        cursor.execute(statement)
        return [column.name for column in cursor.description], cursor.fetchall()


def _print_table(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*(escape(name) for name in names), caption=f"{len(rows):,} rows")
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    Console().print(table)


def _or_say_why(function: Any, *arguments: Any) -> Any:
    """Call a function; an error ends the program with its sentence instead of a stack trace."""
    from snowflake.connector.errors import Error as SnowflakeError

    try:
        return function(*arguments)
    except (SnowflakeError, OSError, ValueError, RuntimeError) as error:
        _fail(getattr(error, "msg", None) or str(error))


def _fail(sentence: str) -> NoReturn:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(1)
