"""`customer-analytics sample-data`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from customer_analytics.cli.errors import or_fail
from customer_analytics.output import echo
from customer_analytics.sample_data import DEFAULT_CUSTOMERS, DEFAULT_SEED

if TYPE_CHECKING:
    from customer_analytics.sample_data.folder import Contents


@click.command("sample-data")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--customers",
    type=click.IntRange(min=1),
    default=DEFAULT_CUSTOMERS,
    show_default=True,
    help="Number of customers; 25 or more have enough labels to train a classifier.",
)
@click.option(
    "--seed",
    type=int,
    default=DEFAULT_SEED,
    show_default=True,
    help="Random seed; each seed gives a different shop.",
)
def sample_data(folder: Path, customers: int, seed: int) -> None:
    """Generate the source data of a fictional toy shop in FOLDER."""
    contents = or_fail(_write, folder, customers, seed)
    counts = f"{customers:,} customers with {sum(contents.rows.values()):,} rows and {contents.calls:,} calls"
    echo(f"{'Unchanged' if contents.was_there else 'Wrote'}: {counts} in {folder}.")


def _write(folder: Path, customers: int, seed: int) -> "Contents":
    from customer_analytics.progress import Progress
    from customer_analytics.sample_data.folder import write_sample_data

    return write_sample_data(folder, customers, seed, Progress("customers", lambda line: echo(line, err=True)))
