"""`customer-analytics backup` and `customer-analytics restore`."""

from pathlib import Path

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.output import echo
from customer_analytics.progress import Progress
from customer_analytics.settings import settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
def backup(file: Path) -> None:
    """Write the whole state folder into FILE, a ZIP archive, while everything runs.

    It holds tables, staged calls, vectors, models and Dagster's history; not the model files of the cache, nor the
    data of a Weaviate server or a Snowflake account. It holds customers' data in clear, and `erase` does not reach
    it: keep it where only you can read it, and no longer than you need it.
    """
    from customer_analytics import backups

    or_say_why(backups.create, settings().home, file, _progress("written"))
    echo(
        f"Wrote {file} ({file.stat().st_size / 10**6:,.1f} MB). Restore it with: customer-analytics restore {file}"
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Move a state that is there aside; otherwise nothing is changed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(file: Path, replace: bool, yes: bool) -> None:
    """Make the state folder what it was when FILE was written by `backup`.

    The file is checked in full before anything changes, and the endpoint is stopped. Stop `customer-analytics dev`
    first. The state that was there stays beside the new one; its path is printed.
    """
    from customer_analytics import backups

    home = settings().home
    if replace and not yes:
        click.confirm(f"Put the state of {file} in the place of {home}?", abort=True)
    restored = or_say_why(backups.restore, file, home, replace, _progress("restored"))
    echo(f"Restored {home}, as it was when {file} was written.")
    if restored.before:
        echo(f"The state before it is in {restored.before}: remove that folder when you do not need it.")
    for customer in restored.erased_since:
        echo(f"Customer {customer} was erased after this backup and is in it again: erase {customer} again.")
    if not restored.before:
        echo("Customers that were erased after this backup are in it again: erase them again.")


def _progress(done: str) -> Progress:
    return Progress(f"MB {done}", lambda line: echo(line, err=True))
