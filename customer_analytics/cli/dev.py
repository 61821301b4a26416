"""`customer-analytics dev`."""

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.settings import settings


@click.command()
@click.option("--port", default=3000, show_default=True, help="Port of Dagster's web UI.")
@click.option("--dashboard-port", default=8501, show_default=True, help="Port of the dashboard.")
def dev(port: int, dashboard_port: int) -> None:
    """Serve Dagster's UI and daemon, the dashboard and the warehouse endpoint, until stopped with Ctrl-C."""
    from customer_analytics.serving import serve

    or_say_why(serve, settings(), port, dashboard_port)
