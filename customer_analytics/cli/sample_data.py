"""`customer-analytics sample-data`."""

from pathlib import Path

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.sample_data.folder import DEFAULT_CUSTOMERS, DEFAULT_SEED


@click.command("sample-data")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--customers", type=click.IntRange(min=1), default=DEFAULT_CUSTOMERS, show_default=True)
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Another seed, another shop.")
def sample_data(folder: Path, customers: int, seed: int) -> None:
    """Write the source data of a toy shop that does not exist into a folder of its own."""
    from customer_analytics.progress import Progress
    from customer_analytics.sample_data import write_sample_data

    progress = Progress("customers", lambda line: click.echo(line, err=True))
    contents = or_say_why(write_sample_data, folder, customers, seed, progress)
    counts = f"{customers:,} customers with {sum(contents.rows.values()):,} rows and {contents.calls:,} calls"
    click.echo(f"{'There already' if contents.was_there else 'Wrote'}: {counts} in {folder}.")
