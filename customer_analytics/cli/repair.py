"""`customer-analytics repair`."""

import click

from customer_analytics.cli.errors import or_fail
from customer_analytics.output import echo
from customer_analytics.settings import settings


@click.command()
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
@click.option(
    "--nobody-erased", is_flag=True, help="Continue without records of erased customers, if none was erased."
)
def repair(yes: bool, nobody_erased: bool) -> None:
    """Move damaged state files aside, so that the next run rebuilds them from the source.

    Nothing is deleted. Only Dagster's run history cannot be rebuilt. Erased customers stay erased. Stop
    `customer-analytics dev` first.
    """
    from customer_analytics.repair import consequence
    from customer_analytics.repair import repair as move_aside
    from customer_analytics.state_check import damages

    home = settings().home
    found = or_fail(lambda: list(damages(home)))
    if not found:
        echo(f"No damaged files in {home}.")
        return
    for damage in found:
        echo(f"{damage.path} is damaged ({damage.why}): {consequence(damage, home)}.")
    if not yes:
        click.confirm("Stop the endpoint and move the damaged files aside?", abort=True)
    aside = or_fail(move_aside, settings(), found, nobody_erased)
    echo(f"Moved the damaged files to {aside}: delete that folder when you no longer need it.")
    echo("Now run the pipeline: customer-analytics run")
