"""`customer-analytics dev`, `dashboard` and `webserver`."""

from importlib.util import find_spec
from pathlib import Path

import click

from customer_analytics.cli.errors import fail, or_fail
from customer_analytics.settings import settings, web_password


@click.command()
@click.option("--port", default=3000, show_default=True, help="Port of Dagster's web UI.")
@click.option("--dashboard-port", default=8501, show_default=True, help="Port of the dashboard.")
def dev(port: int, dashboard_port: int) -> None:
    """Serve Dagster's UI and daemon, the dashboard and the warehouse endpoint until Ctrl-C."""
    from customer_analytics.serving import serve

    or_fail(serve, settings(), port, dashboard_port)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8501, show_default=True, help="Port to listen on.")
def dashboard(host: str, port: int) -> None:
    """Serve the read-only dashboard until stopped."""
    if find_spec("streamlit") is None:
        fail("The dashboard needs Streamlit: pip install 'customer-analytics[dashboard]'.")
    from customer_analytics.supervisor import until_stopped
    from customer_analytics.web.dashboard import serve
    from customer_analytics.web.guard import access

    allowed = access(host, port, settings().allowed_hosts, web_password())
    with until_stopped():
        or_fail(serve, host, port, allowed)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, help="Port to listen on.")
@click.option(
    "--workspace",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default="workspace.yaml",
    show_default=True,
    help="File that lists the code locations.",
)
def webserver(host: str, port: int, workspace: Path) -> None:
    """Serve only Dagster's UI, over the instance in DAGSTER_HOME, until stopped."""
    from customer_analytics.supervisor import until_stopped
    from customer_analytics.web.dagster_ui import serve
    from customer_analytics.web.guard import access

    allowed = access(host, port, settings().allowed_hosts, web_password())
    with until_stopped():
        or_fail(serve, workspace, host, port, allowed)
