"""`customer-analytics retry`."""

import sys

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.settings import settings


@click.command()
def retry() -> None:
    """Listen again to the calls that could not be transcribed, although their files have not changed."""
    from customer_analytics import running

    paths, outcome = or_say_why(running.retry, settings())
    if outcome is None:
        click.echo("No call has failed.")
        return
    click.echo(f"Listened again to {len(paths)} calls: {', '.join(paths[:10])}{' …' * (len(paths) > 10)}")
    for failure in outcome.failures:
        click.echo(f"Error: {failure}", err=True)
    sys.exit(0 if outcome.success else 1)
