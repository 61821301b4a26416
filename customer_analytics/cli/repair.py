"""`customer-analytics repair`."""

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.output import echo
from customer_analytics.settings import settings


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--nobody-erased", is_flag=True, help="Go on where nothing records erased customers: none ever was.")
def repair(yes: bool, nobody_erased: bool) -> None:
    """Find damaged files of the state, move them aside, and have the next run rebuild what comes from the source.

    Nothing is deleted. Only history cannot be rebuilt. Erased customers stay erased. Stop `customer-analytics dev`
    first.
    """
    from customer_analytics.repair import consequence
    from customer_analytics.repair import repair as move_aside
    from customer_analytics.state_check import damages

    home = settings().home
    found = or_say_why(lambda: list(damages(home)))
    if not found:
        echo(f"Nothing is damaged in {home}.")
        return
    for damage in found:
        echo(f"{damage.path} is damaged ({damage.why}): {consequence(damage, home)}.")
    if not yes:
        click.confirm("Stop the endpoint and move what is damaged aside?", abort=True)
    aside = or_say_why(move_aside, settings(), found, nobody_erased)
    echo(f"Moved it into {aside}: remove that folder when you do not need it.")
    echo("Now run the pipeline: customer-analytics run")
