"""The command line; one module a command or family of commands."""

from importlib.metadata import version

import click

from customer_analytics.cli.clean import clean
from customer_analytics.cli.dashboard import dashboard
from customer_analytics.cli.demo import demo
from customer_analytics.cli.dev import dev
from customer_analytics.cli.doctor import doctor
from customer_analytics.cli.erase import erase
from customer_analytics.cli.errors import fail
from customer_analytics.cli.label import label
from customer_analytics.cli.retry import retry
from customer_analytics.cli.run import run
from customer_analytics.cli.sample_data import sample_data
from customer_analytics.cli.search import ask, search
from customer_analytics.cli.snapshot import snapshot
from customer_analytics.cli.sql import sql
from customer_analytics.settings import settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("customer-analytics"), prog_name="customer-analytics")
def main() -> None:
    """GroundTruth customer analytics: from source files to answers, as Dagster assets."""
    try:
        settings()
    except ValueError as error:
        fail(str(error))
    settings.cache_clear()  # options such as --source set variables, and are read after this


for command in (
    demo,
    dev,
    run,
    retry,
    sql,
    search,
    ask,
    label,
    dashboard,
    sample_data,
    doctor,
    snapshot,
    erase,
    clean,
):
    main.add_command(command)
