"""`customer-analytics dashboard`."""

from importlib.util import find_spec

import click

from customer_analytics.cli.errors import fail, or_say_why
from customer_analytics.settings import settings, web_password


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8501, show_default=True, help="Port to listen on.")
def dashboard(host: str, port: int) -> None:
    """Show the dashboard, until stopped; it reads and never writes."""
    if find_spec("streamlit") is None:
        fail("The dashboard needs Streamlit: pip install 'customer-analytics[dashboard]'.")
    from customer_analytics.web.dashboard import serve
    from customer_analytics.web.guard import access
    from customer_analytics.web.stopping import until_stopped

    allowed = access(host, port, settings().allowed_hosts, web_password())
    with until_stopped():
        or_say_why(serve, host, port, allowed)
