"""`customer-analytics clean`."""

import shutil

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.output import echo, in_line
from customer_analytics.settings import settings


@click.command()
@click.option("--all", "everything", is_flag=True, help="Remove all state: tables, vectors, Dagster's history.")
@click.option("--orphans", is_flag=True, help="List what has no source any more; with --yes, remove it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean(everything: bool, orphans: bool, yes: bool) -> None:
    """Drop what killed runs have left; with --all, stop the servers there and remove the state folder."""
    from customer_analytics import running, weaviate_server
    from customer_analytics.embedded_snowflake import stop

    if orphans:
        found = or_say_why(running.orphans, settings(), remove=yes)
        verb = "Removed" if yes else "Without a source"
        echo(f"{verb}: {len(found.stage_files)} files of the stage, {len(found.partitions)} partitions.")
        for name in found.collections:
            echo(f"{verb}: collection {name}, whose embedding model is no longer set.")
        for path in found.calls:
            echo(f"calls/{in_line(path)} is gone" + ("" if yes else ", but its rows and vectors are there"))
        if not yes:
            echo("Nothing was removed: add --yes to remove it.")
        return
    if not everything:
        dropped = or_say_why(running.drop_leftovers, settings())
        echo(f"Dropped what {len(dropped)} ended runs had left.")
        return
    home = settings().home
    if not home.exists():
        echo(f"There is no state in {home}.")
        return
    if not yes:
        click.confirm(f"Remove {home} with all tables, vectors and history?", abort=True)
    stop(home)
    weaviate_server.stop(home)
    shutil.rmtree(home)
    echo(f"Removed {home}.")
