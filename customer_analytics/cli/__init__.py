"""The command line: one module per command or group of commands."""

from importlib.metadata import version

import click

from customer_analytics import private_files
from customer_analytics.cli.backup import backup, restore
from customer_analytics.cli.clean import clean
from customer_analytics.cli.demo import demo
from customer_analytics.cli.doctor import doctor
from customer_analytics.cli.erase import erase
from customer_analytics.cli.errors import fail
from customer_analytics.cli.label import label
from customer_analytics.cli.repair import repair
from customer_analytics.cli.run import retry, run
from customer_analytics.cli.sample_data import sample_data
from customer_analytics.cli.search import ask, search
from customer_analytics.cli.serve import dashboard, dev, webserver
from customer_analytics.cli.snapshot import snapshot
from customer_analytics.cli.sql import sql
from customer_analytics.settings import settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("customer-analytics"), prog_name="customer-analytics")
@click.pass_context
def main(context: click.Context) -> None:
    """GroundTruth customer analytics: from source files to answers, as Dagster assets."""
    try:
        home = settings().home
    except ValueError as error:
        fail(str(error))
    if context.invoked_subcommand != sample_data.name:  # it writes source data, no state
        private_files.enforce(home)
    settings.cache_clear()  # options such as --source set environment variables after this


for command in (
    *(demo, dev, run, retry, sql, search, ask, label, dashboard, webserver, sample_data, doctor),
    *(snapshot, backup, restore, repair, erase, clean),
):
    main.add_command(command)
