"""`customer-analytics erase`."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.settings import settings

if TYPE_CHECKING:
    from customer_analytics.erasure.erase import Systems, Trace


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
    from customer_analytics.erasure.erase import erase as erase_everywhere
    from customer_analytics.erasure.erase import traces

    with _systems(folders) as systems:
        found = or_say_why(traces, customer_id, systems)
        _print(customer_id, found)
        if check:
            sys.exit(1 if found else 0)
        if not yes:
            click.confirm(f"Erase customer {customer_id}?", abort=True)
        or_say_why(erase_everywhere, customer_id, systems)
        left = or_say_why(traces, customer_id, systems)
    if left:
        _print(customer_id, left)
        sys.exit(1)
    click.echo(f"Checked: nothing is left of customer {customer_id}.")
    click.echo("Now run the pipeline: it brings sums up to date, and trains without the customer's texts.")


def _print(customer: str, found: "Sequence[Trace]") -> None:
    click.echo(f"Of customer {customer} there is{'' if found else ' nothing'}{':' if found else '.'}")
    for trace in found:
        click.echo(f"  {trace.count:>8,}  {trace.place}")


@contextmanager
def _systems(folders: Sequence[Path]) -> "Iterator[Systems]":
    import dagster as dg

    from customer_analytics.deployment import resources
    from customer_analytics.erasure.erase import Systems

    with dg.build_resources(resources(settings())) as built:
        own = Path(built.source.uri or built.source.sample_data, "snapshot")
        yield Systems(
            warehouse=built.warehouse,
            vector_store=built.vector_store,
            embedder=built.embedder,
            registry=built.registry,
            snapshot_folders=(*folders, *([own] if own.is_dir() else [])),
        )
