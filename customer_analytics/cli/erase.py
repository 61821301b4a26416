"""`customer-analytics erase`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.model_files.progress import megabytes
from customer_analytics.output import echo
from customer_analytics.settings import settings

if TYPE_CHECKING:
    from customer_analytics.erasure.erase import Trace


@click.command()
@click.argument("customer_id")
@click.option(
    "--snapshot",
    "folders",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    multiple=True,
    help="A folder with a snapshot, besides the source's own; may be given several times.",
)
@click.option("--check", is_flag=True, help="Only say what there is of the customer; fails if there is anything.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(customer_id: str, folders: Sequence[Path], check: bool, yes: bool) -> None:
    """Remove a customer everywhere, after showing what that is, and leave them out of what is loaded later.

    The source data are not touched: remove the customer there, too.
    """
    from customer_analytics import running
    from customer_analytics.erasure import kept
    from customer_analytics.erasure.erase import erase as erase_everywhere
    from customer_analytics.erasure.erase import out_of_reach, traces
    from customer_analytics.erasure.pending import is_pending
    from customer_analytics.erasure.systems import opened

    if not check:
        or_say_why(running.resume, settings())
    with opened(settings(), folders) as systems:
        found = or_say_why(traces, customer_id, systems)
        _print(customer_id, found)
        if check:
            if pending := is_pending(settings().home, customer_id):
                echo("An erasure of the customer was interrupted: erase again, or run the pipeline.")
            sys.exit(1 if found or pending else 0)
        if not yes:
            click.confirm(f"Erase customer {customer_id}?", abort=True)
        searched = or_say_why(erase_everywhere, customer_id, systems)
        or_say_why(kept.keep, settings().home, systems.warehouse)
        left = or_say_why(traces, customer_id, systems)
        beyond = out_of_reach(systems)
    if left:
        _print(customer_id, left)
    if searched.holding:
        echo("These files still hold words that only the customer's rows had:")
        for file in searched.holding:
            echo(f"  {file}")
        echo("If a run is going on, erase again when it has ended.")
    if left or searched.holding:
        sys.exit(1)
    echo(f"Checked: nothing is left of customer {customer_id}.")
    echo(
        "Looked at: tables, stage, collections, model evaluations and snapshots, and the bytes of "
        f"{searched.files:,} files ({megabytes(searched.size)}) below {settings().home}."
    )
    echo(
        "Out of reach: the source data, copies and backups, object stores, and what services such as OpenAI keep."
    )
    for sentence in beyond:
        echo(f"Out of reach: {sentence}.")
    echo(
        "SECURITY.md says more. The customer's id, order ids and hashes of texts stay in ERASED_KEYS, so that "
        "they are not loaded again."
    )
    echo("Now run the pipeline: it brings sums up to date, and trains without the customer's texts.")


def _print(customer: str, found: "Sequence[Trace]") -> None:
    echo(f"Of customer {customer} there is{'' if found else ' nothing'}{':' if found else '.'}")
    for trace in found:
        echo(f"  {trace.count:>8,}  {trace.place}")
