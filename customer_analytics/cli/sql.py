"""`customer-analytics sql`."""

import sys
from decimal import Decimal
from typing import Any

import click

from customer_analytics.cli.errors import or_fail
from customer_analytics.output import echo_json, visible
from customer_analytics.settings import Settings, settings
from customer_analytics.spreadsheets import write_csv


@click.command()
@click.argument("statement")
@click.option("--json", "form", flag_value="json", help="Print one JSON array of objects.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV with a header.")
def sql(statement: str, form: str | None) -> None:
    """Run a SQL statement in the warehouse, also during a run, and print its rows."""
    names, rows = or_fail(query, settings(), statement)
    if form == "json":
        echo_json([dict(zip(names, row, strict=True)) for row in rows])
    elif form == "csv":
        shown = ([visible(value) if isinstance(value, str) else value for value in row] for row in rows)
        write_csv(sys.stdout, [visible(name) for name in names], shown)
    else:
        print_table(names, rows)


def print_table(names: list[str], rows: list[tuple[Any, ...]], title: str | None = None) -> None:
    """Print rows as a table."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", caption=None if title else f"{len(rows):,} rows")
    for position, name in enumerate(names):
        is_number = all(isinstance(row[position], int | float | Decimal | None) for row in rows)
        table.add_column(escape(visible(name)), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else escape(visible(str(value))) for value in row))
    Console().print(table)


def query(chosen: Settings, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The column names and rows of a statement."""
    from customer_analytics.adapters import Adapters

    with (
        Adapters(chosen) as adapters,
        adapters.warehouse.connection() as connection,
    ):
        cursor = connection.cursor()
        cursor.execute(statement)
        return [column.name for column in cursor.description], cursor.fetchall()
