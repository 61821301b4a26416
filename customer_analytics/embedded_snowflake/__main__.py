"""Run the endpoint in the foreground: `python -m customer_analytics.embedded_snowflake serve --help`."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

import click

from customer_analytics.embedded_snowflake.process import TOKEN_VARIABLE, UNUSABLE_STATE, reach
from customer_analytics.embedded_snowflake.state.limits import EndpointLimits
from customer_analytics.output import echo
from customer_analytics.supervisor import clean_environment


@click.group()
def main() -> None:
    """The embedded Snowflake endpoint."""


def _limit_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each of the limits."""
    for limit in reversed(fields(EndpointLimits)):
        option = f"--max-{limit.name.replace('_', '-')}"
        command = click.option(
            option, limit.name, default=limit.default, show_default=True, type=click.IntRange(1), **limit.metadata
        )(command)
    return command


@main.command()
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the state."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, help="Port to listen on; 0 lets the system choose.")
@click.option("--token-on-stdin", is_flag=True, help="Read the token from standard input.")
@click.option(
    "--idle-minutes",
    default=60.0,
    show_default=True,
    help="Stop after this many minutes without a request; 0 means never.",
)
@_limit_options
def serve(data: Path, host: str, port: int, idle_minutes: float, token_on_stdin: bool, **limits: int) -> None:
    """Serve until stopped. Clients need the token in CUSTOMER_ANALYTICS_ENDPOINT_TOKEN."""
    if not token_on_stdin:
        _restart_without_secrets()
    from customer_analytics.damage import DamagedError
    from customer_analytics.embedded_snowflake.serve import InUseError, run
    from customer_analytics.embedded_snowflake.state.format import StateFormatError

    token = sys.stdin.buffer.read().decode()
    if not token:
        raise click.UsageError("Standard input holds no token.")
    try:
        run(data.absolute(), host, port, token, idle_minutes, EndpointLimits(**limits))
    except (StateFormatError, DamagedError) as error:
        echo(str(error), err=True)
        sys.exit(UNUSABLE_STATE)
    except InUseError as error:
        sys.exit(str(error))


def _restart_without_secrets() -> NoReturn:
    """Replace this process by one with a clean environment, which reads the token from a pipe.

    Otherwise all secrets of the environment could be read in /proc for as long as the endpoint runs.
    """
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise click.UsageError(f"Set {TOKEN_VARIABLE} to the token that clients must know.")
    reading, writing = os.pipe()
    os.write(writing, token.encode())
    os.close(writing)
    os.dup2(reading, 0)
    command = [sys.executable, "-m", str(__package__), *sys.argv[1:], "--token-on-stdin"]
    os.execve(sys.executable, command, clean_environment())


@main.command()
@click.argument("data", type=click.Path(path_type=Path, file_okay=False))
def check(data: Path) -> None:
    """Print the damaged database files in DATA as JSON. No endpoint may be using the folder."""
    from customer_analytics.embedded_snowflake.state.file_check import as_json, unreadable_files

    echo(as_json(unreadable_files(data)))


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("schema")
@click.argument("table")
def rescue(file: Path, schema: str, table: str) -> None:
    """Print the rows of a table in a possibly damaged database FILE as JSON, or null if they cannot be read."""
    from customer_analytics.embedded_snowflake.state.file_check import rescued

    echo(json.dumps(rescued(file, schema, table)))


@main.command()
@click.argument("url")
def health(url: str) -> None:
    """Succeed if the endpoint at URL, e.g. http://127.0.0.1:8080, accepts the token of this environment."""
    try:
        reach(url, os.environ.get(TOKEN_VARIABLE, ""))
    except (ConnectionError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
