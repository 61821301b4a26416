"""Run the endpoint in the foreground: `python -m customer_analytics.embedded_snowflake serve --help`."""

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from customer_analytics.embedded_snowflake.limits import Limits
from customer_analytics.embedded_snowflake.process import (
    TOKEN_VARIABLE,
    UNUSABLE_STATE,
    clean_environment,
    reach,
)
from customer_analytics.output import echo


@click.group()
def main() -> None:
    """The embedded Snowflake endpoint."""


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
    help="Stop after so many minutes without a request; 0 means never.",
)
@click.option(
    "--max-result-megabytes",
    default=Limits.result_megabytes,
    show_default=True,
    type=click.IntRange(1),
    help="Largest result of a statement.",
)
@click.option(
    "--max-request-megabytes",
    default=Limits.request_megabytes,
    show_default=True,
    type=click.IntRange(1),
    help="Largest request, unpacked.",
)
@click.option(
    "--max-sessions",
    default=Limits.sessions,
    show_default=True,
    type=click.IntRange(1),
    help="Sessions that may be open at the same time.",
)
@click.option(
    "--max-queued-statements",
    default=Limits.queued_statements,
    show_default=True,
    type=click.IntRange(1),
    help="Statements of a session that may wait.",
)
@click.option(
    "--max-memory-megabytes",
    default=Limits.memory_megabytes,
    show_default=True,
    type=click.IntRange(1),
    help="Memory of the process, beyond which it cancels what runs.",
)
def serve(
    data: Path,
    host: str,
    port: int,
    idle_minutes: float,
    token_on_stdin: bool,
    max_result_megabytes: int,
    max_request_megabytes: int,
    max_sessions: int,
    max_queued_statements: int,
    max_memory_megabytes: int,
) -> None:
    """Serve until stopped; the token that clients have to know is in CUSTOMER_ANALYTICS_ENDPOINT_TOKEN."""
    if not token_on_stdin:
        _begin_anew()
    from customer_analytics.damage import DamagedError
    from customer_analytics.embedded_snowflake.serve import InUseError, run
    from customer_analytics.embedded_snowflake.store import StateFormatError

    token = sys.stdin.buffer.read().decode()
    if not token:
        raise click.UsageError("Standard input holds no token.")
    try:
        limits = Limits(
            max_result_megabytes,
            max_request_megabytes,
            max_sessions,
            max_queued_statements,
            max_memory_megabytes,
        )
        run(data.absolute(), host, port, token, idle_minutes, limits)
    except (StateFormatError, DamagedError) as error:
        echo(str(error), err=True)
        sys.exit(UNUSABLE_STATE)
    except InUseError as error:
        sys.exit(str(error))


def _begin_anew() -> NoReturn:
    """Put the process in its own place with a clean environment, and the token in a pipe.

    Whoever can read a process's memory of its start, as in /proc, else finds all secrets of the environment there.
    """
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise click.UsageError(f"Set {TOKEN_VARIABLE} to the token that clients have to know.")
    reading, writing = os.pipe()
    os.write(writing, token.encode())
    os.close(writing)
    os.dup2(reading, 0)
    command = [sys.executable, "-m", str(__package__), *sys.argv[1:], "--token-on-stdin"]
    os.execve(sys.executable, command, clean_environment())


@main.command()
@click.argument("data", type=click.Path(path_type=Path, file_okay=False))
def check(data: Path) -> None:
    """Print the damaged database files in DATA, which no endpoint may be using, as JSON."""
    from customer_analytics.embedded_snowflake.file_check import as_json, unreadable_files

    echo(as_json(unreadable_files(data)))


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("schema")
@click.argument("table")
def rescue(file: Path, schema: str, table: str) -> None:
    """Print the rows of a table in a database FILE that may be damaged, as JSON; null if they cannot be read."""
    from customer_analytics.embedded_snowflake.file_check import rescued

    echo(json.dumps(rescued(file, schema, table)))


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
