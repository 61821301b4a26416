"""`customer-analytics doctor`."""

import sys

import click

from customer_analytics.output import echo
from customer_analytics.settings import settings


@click.command()
def doctor() -> None:
    """Check each system that is set up, say what is wrong and what to do."""
    from customer_analytics.doctor import examine

    sound = True
    for finding in examine(settings()):
        sound &= finding.sound
        echo(finding)
    sys.exit(0 if sound else 1)
