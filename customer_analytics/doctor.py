"""What is set up and whether it works."""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import dagster as dg

from customer_analytics.damage import REPAIR
from customer_analytics.deployment import resources
from customer_analytics.findings import Finding, source_findings
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.preflight import Preflight, look_into
from customer_analytics.settings import Settings
from customer_analytics.state_check import Damage, damages

Examined = TypeVar("Examined")
_NEEDED_BYTES = 2 * 1024**3


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine each system in turn; a system that does not answer is a finding, never an error."""
    yield Finding("Python", True, sys.version.split()[0])
    yield _finding("state folder", lambda: state_folder(settings))
    yield _finding("run history", lambda: run_history(settings))
    yield from _state_findings(settings)
    yield from _source_findings(settings)
    for resource in resources(settings).values():
        if hasattr(resource, "describe"):
            yield _finding(_adapter(resource), partial(_with, resource, lambda built: built.describe()))


def _adapter(resource: object) -> str:
    """The port and the adapter behind it, which are a folder of `resources` and a module in it."""
    port, adapter = type(resource).__module__.split(".")[-2:]
    return f"{port} ({adapter.replace('_', '-')})"


def _with(resource: dg.ConfigurableResource[Any], examination: Callable[[Any], Examined]) -> Examined:
    """Examine a resource on its own, so that a secret that is not set spoils no other's examination."""
    with dg.build_resources({"examined": resource}) as built:
        return examination(built.examined)


def _finding(subject: str, examination: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, examination())
    except Exception as error:  # whatever a system's library raises is what is to be told
        unset = re.findall(r'environment variable "(\w+)" which is not set', str(error))
        told = f"Set {' and '.join(dict.fromkeys(unset))}." if unset else getattr(error, "msg", None) or error
        return Finding(subject, False, str(told).strip())


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
    from customer_analytics.running import dagster_instance

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
    return "all that are there were opened and read"


def look_into_source(settings: Settings) -> Preflight:
    """What the source that is set up holds; raises `SourceError` if it cannot be read or holds no source files."""
    return _with(
        resources(settings)["source"],
        lambda source: look_into(
            source.location(),
            maximum_rejected_share=settings.maximum_rejected_share,
            call_date_pattern=settings.call_date_pattern,
        ),
    )


def _source_findings(settings: Settings) -> Iterator[Finding]:
    try:
        preflight = look_into_source(settings)
    except SourceError as error:
        yield Finding("source data", False, str(error))
    else:
        yield from source_findings(preflight)
