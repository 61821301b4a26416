"""`customer-analytics erase`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from customer_analytics.cli.errors import or_fail
from customer_analytics.model_files.sources import megabytes
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
    help="A snapshot folder to search in addition to the source's; may be repeated.",
)
@click.option("--check", is_flag=True, help="Only list the customer's data; exits with 1 if there is any.")
@click.option("--yes", is_flag=True, help="Skip the confirmation.")
def erase(customer_id: str, folders: Sequence[Path], check: bool, yes: bool) -> None:
    """Show a customer's data, remove it everywhere, and exclude the customer from later loads.

    The source data is not changed: remove the customer there too.
    """
    from customer_analytics import running
    from customer_analytics.erasure import key_copy
    from customer_analytics.erasure.erase import erase as erase_everywhere
    from customer_analytics.erasure.erase import retention_notices, traces
    from customer_analytics.erasure.pending import is_pending
    from customer_analytics.erasure.systems import opened

    if not check:
        or_fail(running.resume, settings())
    with opened(settings(), folders) as systems:
        found = or_fail(traces, customer_id, systems)
        _print(customer_id, found)
        if check:
            if pending := is_pending(settings().home, customer_id):
                echo("An erasure of this customer was interrupted: erase again, or run the pipeline.")
            sys.exit(1 if found or pending else 0)
        if not yes:
            click.confirm(f"Erase customer {customer_id}?", abort=True)
        searched = or_fail(erase_everywhere, customer_id, systems)
        or_fail(key_copy.merge, settings().home, systems.warehouse)
        left = or_fail(traces, customer_id, systems)
        beyond = retention_notices(systems)
    if left:
        _print(customer_id, left)
    if searched.holding:
        echo("These files still contain words that occurred only in the customer's rows:")
        for file in searched.holding:
            echo(f"  {file}")
        echo("If a run is in progress, erase again when it has ended.")
    if left or searched.holding:
        sys.exit(1)
    echo(f"Verified: no data of customer {customer_id} is left.")
    echo(
        "Searched: tables, stage, collections, model evaluations, snapshots, and the bytes of "
        f"{searched.files:,} files ({megabytes(searched.size)}) in {settings().home}."
    )
    echo("Not searched: the source data, copies and backups, object stores, and data at services such as OpenAI.")
    for sentence in beyond:
        echo(f"Not searched: {sentence}.")
    echo(
        "The customer's id, order ids and text hashes stay in ERASED_KEYS, so that the data is not loaded again. "
        "See SECURITY.md."
    )
    echo("Now run the pipeline to update totals and to train without the customer's texts.")


def _print(customer: str, found: "Sequence[Trace]") -> None:
    echo(f"Data of customer {customer}:{'' if found else ' none.'}")
    for trace in found:
        echo(f"  {trace.count:>8,}  {trace.place}")
