"""Start and stop the server: `python -m customer_analytics.weaviate_server --help`."""

import logging
import sys

import click
from platformdirs import user_cache_path

from customer_analytics import private_files
from customer_analytics.output import echo
from customer_analytics.settings import settings
from customer_analytics.supervisor import StartError
from customer_analytics.weaviate_server.container import ContainerError
from customer_analytics.weaviate_server.process import Server, ensure_running, find, stop
from customer_analytics.weaviate_server.release import BuildError


@click.group()
def main() -> None:
    """The Weaviate server with its data in CUSTOMER_ANALYTICS_HOME."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    private_files.enforce(settings().home)


@main.command("start")
def start_server() -> None:
    """Start the server if necessary, wait until it is ready, and print how to connect."""
    try:
        server = ensure_running(settings().home, user_cache_path("customer-analytics"))
    except (BuildError, StartError, OSError) as error:
        sys.exit(f"Error: {error}")
    _print_exports(server)


@main.command("exports")
def print_exports() -> None:
    """Print the variables for connecting to the running server."""
    server = find(settings().home)
    if server is None:
        sys.exit("Error: no Weaviate server is running: start it with `make weaviate`.")
    _print_exports(server)


@main.command("stop")
def stop_server() -> None:
    """Stop the server and keep its data."""
    try:
        stopped = stop(settings().home)
    except ContainerError as error:
        sys.exit(f"Error: {error}")
    echo("Stopped Weaviate; its data is kept." if stopped else "No Weaviate server is running.", err=True)


def _print_exports(server: Server) -> None:
    echo("Weaviate is ready. To use it, set CUSTOMER_ANALYTICS_VECTORS=weaviate and these variables:", err=True)
    for name, value in server.variables.items():
        echo(f"export {name}={value}")


if __name__ == "__main__":
    main()
