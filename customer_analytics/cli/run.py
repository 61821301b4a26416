"""`customer-analytics run` and `retry`."""

import datetime as dt
import os
from pathlib import Path

import click

from customer_analytics.cli.day import Day
from customer_analytics.cli.errors import or_fail
from customer_analytics.cli.summary import print_outcome
from customer_analytics.output import echo, in_line
from customer_analytics.settings import settings


@click.command()
@click.option("--source", metavar="PATH", help="Folder or fsspec URI of the source data.")
@click.option(
    "--select", metavar="ASSETS", help="A Dagster asset selection, e.g. '+pres_clv' or 'group:customers'."
)
@click.option(
    "--as-of",
    type=Day(),
    help="Last day that counts [default: the latest day with an event, up to today].",
)
def run(source: str | None, select: str | None, as_of: dt.date | None) -> None:
    """Materialize all assets or the selected ones, and show the progress."""
    if source:
        # Set as a variable, because the code location reads its settings when it is loaded.
        os.environ["CUSTOMER_ANALYTICS_SOURCE"] = source if "://" in source else str(Path(source).absolute())
    from customer_analytics import running
    from customer_analytics.cli.doctor import print_preflight

    or_fail(print_preflight, settings(), select)
    outcome = or_fail(running.run, settings(), select, str(as_of) if as_of else None)
    print_outcome(outcome)


@click.command()
def retry() -> None:
    """Retry the calls that could not be transcribed, even if their files have not changed."""
    from customer_analytics import running

    paths, outcome = or_fail(running.retry, settings())
    if outcome is None:
        echo("There are no failed calls.")
        return
    echo(f"Retried {len(paths)} calls: {', '.join(map(in_line, paths[:10]))}{' …' * (len(paths) > 10)}")
    print_outcome(outcome)
