"""What `run` and `demo` say of the source before they write anything."""

from customer_analytics.cli.errors import fail
from customer_analytics.output import echo
from customer_analytics.settings import Settings


def look_into_source(settings: Settings, select: str | None = None) -> None:
    """Say what the source holds; ends the program where nothing can be done with it.

    Says nothing where the selected assets read nothing from the source.
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
