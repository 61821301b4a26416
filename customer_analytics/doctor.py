"""What is set up and whether it works."""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import dagster as dg

from customer_analytics.deployment import resources
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.location import SourceError
from customer_analytics.resources.source import Source
from customer_analytics.settings import Settings

_NEEDED_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """What was examined, whether it is sound, and the detail: a version, a count, or what to do."""

    subject: str
    sound: bool
    detail: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine each system in turn; a system that does not answer is a finding, never an error."""
    yield Finding("Python", True, sys.version.split()[0])
    yield _finding("state folder", lambda: state_folder(settings))
    made = resources(settings)
    yield _finding("source data", lambda: _with(made["source"], _source))
    for resource in made.values():
        if hasattr(resource, "describe"):
            yield _finding(_adapter(resource), partial(_with, resource, lambda built: built.describe()))


def _adapter(resource: object) -> str:
    """The port and the adapter behind it, which are a folder of `resources` and a module in it."""
    port, adapter = type(resource).__module__.split(".")[-2:]
    return f"{port} ({adapter.replace('_', '-')})"


def _with(resource: dg.ConfigurableResource[Any], examination: Callable[[Any], str]) -> str:
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


def _source(source: Source) -> str:
    location = source.location()
    missing = [file.name for file in SOURCE_FILES if not location.exists(file.name)]
    if missing:
        raise SourceError(f"{location.name} lacks {', '.join(missing)}; add these files.")
    return f"{location.name}, all {len(SOURCE_FILES)} files there"
