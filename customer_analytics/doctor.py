"""What is set up and whether it works."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dagster as dg

from customer_analytics.deployment import resources
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.location import SourceError
from customer_analytics.resources.source import Source
from customer_analytics.resources.warehouse.resource import Warehouse
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
    yield _finding("state folder", lambda: _state_folder(settings))
    with dg.build_resources(resources(settings)) as built:
        yield _finding("source data", lambda: _source(built.source))
        yield _finding(f"warehouse ({settings.warehouse})", lambda: _warehouse(built.warehouse))
        yield _finding(f"vectors ({settings.vectors})", built.vector_store.describe)
        yield _finding("embeddings (local)", built.embedder.describe)
        yield _finding("speech (faster-whisper)", built.transcriber.describe)


def _finding(subject: str, examination: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, examination())
    except Exception as error:  # whatever a system's library raises is what is to be told
        return Finding(subject, False, f"{getattr(error, 'msg', None) or error}".strip())


def _state_folder(settings: Settings) -> str:
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


def _warehouse(warehouse: Warehouse) -> str:
    (row,) = warehouse.query("SELECT CURRENT_VERSION() AS VERSION, CURRENT_ROLE() AS ROLE").to_pylist()
    return f"version {row['VERSION']}, role {row['ROLE']}, database {warehouse.database}"
