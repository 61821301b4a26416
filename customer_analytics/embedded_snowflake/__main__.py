"""Run the endpoint in the foreground: `python -m customer_analytics.embedded_snowflake serve --help`."""

import os
import sys
from pathlib import Path

import click

from customer_analytics.embedded_snowflake.process import TOKEN_VARIABLE, reach


@click.group()
def main() -> None:
    """The embedded Snowflake endpoint."""


@main.command()
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the state."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, help="Port to listen on; 0 lets the system choose.")
@click.option(
    "--idle-minutes",
    default=60.0,
    show_default=True,
    help="Stop after so many minutes without a request; 0 means never.",
)
def serve(data: Path, host: str, port: int, idle_minutes: float) -> None:
    """Serve until stopped; clients log in with the token in CUSTOMER_ANALYTICS_ENDPOINT_TOKEN as password."""
    from customer_analytics.embedded_snowflake.serve import run
    from customer_analytics.embedded_snowflake.store import StateFormatError

    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise click.UsageError(f"Set {TOKEN_VARIABLE} to the token that clients are to log in with.")
    try:
        run(data.absolute(), host, port, token, idle_minutes)
    except StateFormatError as error:
        sys.exit(str(error))


@main.command()
@click.argument("url")
def health(url: str) -> None:
    """Succeed if the endpoint at URL, as in http://127.0.0.1:8080, answers to the token of this environment."""
    try:
        reach(url, os.environ.get(TOKEN_VARIABLE, ""))
    except (ConnectionError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
