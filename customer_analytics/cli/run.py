"""`customer-analytics run`."""

import datetime as dt
import os
from pathlib import Path

import click

from customer_analytics.cli.day import Day
from customer_analytics.cli.errors import or_say_why
from customer_analytics.cli.summary import print_outcome
from customer_analytics.settings import settings


@click.command()
@click.option("--source", metavar="PATH", help="Folder or fsspec URI of the source data.")
@click.option(
    "--select", metavar="ASSETS", help="A Dagster asset selection, e.g. '+pres_clv' or 'group:customers'."
)
@click.option(
    "--as-of",
    type=Day(),
    help="Day up to which events count [default: the latest day with an event, up to today].",
)
def run(source: str | None, select: str | None, as_of: dt.date | None) -> None:
    """Materialize all assets, or those selected, and show the progress."""
    if source:
        # A variable and not an argument, because the code location reads its settings when it is loaded.
        os.environ["CUSTOMER_ANALYTICS_SOURCE"] = source if "://" in source else str(Path(source).absolute())
    from customer_analytics import running
    from customer_analytics.cli.preflight import look_into_source

    or_say_why(look_into_source, settings(), select)
    outcome = or_say_why(running.run, settings(), select, str(as_of) if as_of else None)
    print_outcome(outcome)
