"""`customer-analytics doctor`, and the source report that `run` and `demo` print before they write anything."""

import sys

import click

from customer_analytics.cli.errors import fail
from customer_analytics.output import echo
from customer_analytics.settings import Settings, settings


@click.command()
def doctor() -> None:
    """Check each configured system, and say what is wrong and how to fix it."""
    from customer_analytics.doctor import examine

    sound = True
    for finding in examine(settings()):
        sound &= finding.sound
        echo(finding)
    sys.exit(0 if sound else 1)


def print_preflight(settings: Settings, select: str | None = None) -> None:
    """Print the report on the source, and end the program if a selected asset cannot run on it.

    Prints nothing if the selected assets do not read the source.
    """
    from customer_analytics import doctor, running
    from customer_analytics.findings import source_findings
    from customer_analytics.ingestion.files import SOURCE_FILES
    from customer_analytics.ingestion.location import SourceError
    from customer_analytics.tables.sources import STG_SUPPORT_CALLS

    tables = {file.table.name.lower(): file for file in SOURCE_FILES}
    reading = {*tables, STG_SUPPORT_CALLS.name.lower()}
    if select:
        reading &= running.selected(select)
    if not reading:
        return
    try:
        preflight = doctor.look_into_source(settings)
    except SourceError as error:
        fail(str(error))
    for finding in source_findings(preflight):
        echo(finding)
    if preflight.obstacle and any(tables[name].needs_rows for name in reading & tables.keys()):
        fail(f"{preflight.obstacle} Nothing was written.")
