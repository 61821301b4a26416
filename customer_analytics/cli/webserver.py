"""`customer-analytics webserver`."""

from pathlib import Path

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.settings import settings, web_password


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, help="Port to listen on.")
@click.option(
    "--workspace",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default="workspace.yaml",
    show_default=True,
    help="File that names the code locations.",
)
def webserver(host: str, port: int, workspace: Path) -> None:
    """Serve Dagster's UI alone, until stopped, over the instance of DAGSTER_HOME."""
    from customer_analytics.web.dagster_ui import serve
    from customer_analytics.web.guard import access
    from customer_analytics.web.stopping import until_stopped

    allowed = access(host, port, settings().allowed_hosts, web_password())
    with until_stopped():
        or_say_why(serve, workspace, host, port, allowed)
