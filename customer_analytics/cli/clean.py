"""`customer-analytics clean`."""

import shutil

import click

from customer_analytics.cli.errors import or_fail
from customer_analytics.output import echo, in_line
from customer_analytics.settings import settings


@click.command()
@click.option("--all", "everything", is_flag=True, help="Remove all state: tables, vectors, Dagster's history.")
@click.option("--orphans", is_flag=True, help="List data without a source; remove it with --yes.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
def clean(everything: bool, orphans: bool, yes: bool) -> None:
    """Remove leftovers of killed runs; with --all, stop the servers and remove the state folder."""
    from customer_analytics import running, weaviate_server
    from customer_analytics.embedded_snowflake import stop

    if orphans:
        found = or_fail(running.orphans, settings(), remove=yes)
        verb = "Removed" if yes else "Without a source"
        echo(f"{verb}: {len(found.stage_files)} files in the stage, {len(found.partitions)} partitions.")
        for name in found.collections:
            echo(f"{verb}: collection {name}, whose embedding model is no longer set.")
        for path in found.calls:
            echo(f"calls/{in_line(path)} was deleted" + ("" if yes else ", but its rows and vectors remain"))
        if not yes:
            echo("Nothing was removed. Add --yes to remove the data above.")
        return
    if not everything:
        dropped = or_fail(running.drop_leftovers, settings())
        echo(f"Removed the leftovers of {len(dropped)} ended runs.")
        return
    home = settings().home
    if not home.exists():
        echo(f"{home} contains no state.")
        return
    if not yes:
        click.confirm(f"Remove {home} with all tables, vectors and history?", abort=True)
    stop(home)
    weaviate_server.stop(home)
    shutil.rmtree(home)
    echo(f"Removed {home}.")
