"""`customer-analytics backup` and `customer-analytics restore`."""

from pathlib import Path

import click

from customer_analytics.cli.errors import or_fail
from customer_analytics.output import echo
from customer_analytics.progress import Progress
from customer_analytics.settings import settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
def backup(file: Path) -> None:
    """Back up the whole state folder to FILE, a ZIP archive, also during a run.

    The backup contains tables, staged calls, vectors, models and Dagster's history. It does not contain the model
    cache, or data in a Weaviate server or a Snowflake account. It holds customers' data unencrypted, and `erase`
    does not reach it: store it privately, and delete it when you no longer need it.
    """
    from customer_analytics import backups

    or_fail(backups.create, settings().home, file, _progress("written"))
    echo(
        f"Wrote {file} ({file.stat().st_size / 10**6:,.1f} MB). Restore it with: customer-analytics restore {file}"
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Move an existing state aside. Without this, nothing changes.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
def restore(file: Path, replace: bool, yes: bool) -> None:
    """Restore the state folder from FILE, a backup.

    Stop `customer-analytics dev` first. The whole file is verified before anything changes, and the endpoint is
    stopped. The previous state is kept beside the restored one; its path is printed.
    """
    from customer_analytics import backups

    home = settings().home
    if replace and not yes:
        click.confirm(f"Replace {home} with the state in {file}?", abort=True)
    restored = or_fail(backups.restore, file, home, replace, _progress("restored"))
    echo(f"Restored {home} from {file}.")
    if restored.before:
        echo(f"The previous state is in {restored.before}: delete that folder when you no longer need it.")
    for customer in restored.erased_since:
        echo(f"Customer {customer} was erased after this backup was written: erase {customer} again.")
    if not restored.before:
        echo("If any customers were erased after this backup was written, erase them again.")


def _progress(done: str) -> Progress:
    return Progress(f"MB {done}", lambda line: echo(line, err=True))
