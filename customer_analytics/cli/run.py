"""`customer-analytics run`."""

import os
import sys
from pathlib import Path

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.settings import settings


@click.command()
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

    outcome = or_say_why(running.run, settings(), select, as_of)
    for failure in outcome.failures:
        click.echo(f"Error: {failure}", err=True)
    if not outcome.success:
        click.echo(f"Run {outcome.run_id} failed; what it had written before stays.", err=True)
        sys.exit(1)
