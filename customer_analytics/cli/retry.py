"""`customer-analytics retry`."""

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.cli.summary import print_outcome
from customer_analytics.output import echo, in_line
from customer_analytics.settings import settings


@click.command()
def retry() -> None:
    """Transcribe failed calls again, even if their files have not changed."""
    from customer_analytics import running

    paths, outcome = or_say_why(running.retry, settings())
    if outcome is None:
        echo("No call has failed.")
        return
    echo(f"Listened again to {len(paths)} calls: {', '.join(map(in_line, paths[:10]))}{' …' * (len(paths) > 10)}")
    print_outcome(outcome)
