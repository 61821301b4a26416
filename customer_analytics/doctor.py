"""What is set up and whether it works."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial

from customer_analytics.adapters import Adapters, plan
from customer_analytics.damage import REPAIR
from customer_analytics.findings import Finding, source_findings
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.preflight import Preflight, examine_source
from customer_analytics.settings import Settings
from customer_analytics.state_check import Damage, damages

_NEEDED_BYTES = 2 * 1024**3


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine each system in turn; a system that does not answer is a finding, never an error."""
    yield Finding("Python", True, sys.version.split()[0])
    yield _finding("state folder", lambda: state_folder(settings))
    yield _finding("run history", lambda: run_history(settings))
    yield from _state_findings(settings)
    yield from _source_findings(settings)
    for port, adapter in plan(settings)[0].items():
        if hasattr(adapter, "describe"):
            yield _finding(_title(adapter), partial(_describe, settings, port))


def _title(adapter: object) -> str:
    """The port and its adapter, which are a folder of `ports` and a module in it."""
    port, module = type(adapter).__module__.split(".")[-2:]
    return f"{port} ({module.replace('_', '-')})"


def _describe(settings: Settings, port: str) -> str:
    with Adapters(settings) as adapters:
        description: str = getattr(adapters, port).describe()
        return description


def _finding(subject: str, examination: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, examination())
    except Exception as error:  # whatever a system's library raises is what is to be told
        return Finding(subject, False, str(getattr(error, "msg", None) or error).strip())


def state_folder(settings: Settings) -> str:
    """The state folder and the room that is there; raises OSError where it cannot be written or has too little."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.home):
        free = shutil.disk_usage(settings.home).free
    if free < _NEEDED_BYTES:
        raise OSError(
            f"{settings.home} has {free / 1024**3:.1f} GB free; make room for {_NEEDED_BYTES / 1024**3:.0f} GB."
        )
    return f"{settings.home}, {free / 1024**3:.0f} GB free"


def run_history(settings: Settings) -> str:
    """How many runs Dagster knows of; raises whatever its databases raise that cannot be opened."""
    from customer_analytics.instance import dagster_instance

    with dagster_instance(settings) as instance:
        return f"{instance.get_runs_count():,} runs"


def _state_findings(settings: Settings) -> Iterator[Finding]:
    """One finding on all files of the state, or one for each that is damaged."""
    found = list[Damage]()
    whole = _finding("state files", lambda: _told(found, damages(settings.home)))
    if not found:
        yield whole
    for damage in found:
        yield Finding("state files", False, f"{damage.path} is damaged ({damage.why}): {REPAIR}.")


def _told(found: list[Damage], damages: Iterator[Damage]) -> str:
    found.extend(damages)
    return "all were opened and read"


def look_into_source(settings: Settings) -> Preflight:
    """What the source that is set up holds; raises `SourceError` if it cannot be read or holds no source files."""
    return examine_source(
        Adapters(settings).source.location(),
        maximum_rejected_share=settings.maximum_rejected_share,
        call_date_pattern=settings.call_date_pattern,
    )


def _source_findings(settings: Settings) -> Iterator[Finding]:
    try:
        preflight = look_into_source(settings)
    except SourceError as error:
        yield Finding("source data", False, str(error))
    else:
        yield from source_findings(preflight)
