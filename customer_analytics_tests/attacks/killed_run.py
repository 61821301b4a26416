"""A run that is killed while it listens to a call: started as a process of its own by the test of erased bytes."""

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import dagster as dg

from customer_analytics.assets.transcripts import transcribe
from customer_analytics.deployment import resources
from customer_analytics.resources.speech.base import Transcriber, Transcript
from customer_analytics.settings import settings
from customer_analytics.tables.sources import STG_CUSTOMERS


class KilledTranscriber(Transcriber):
    """Knows no call yet, and does not live to hear one."""

    kind: ClassVar[str] = "killed"

    @property
    def model(self) -> str:
        return "killed"

    def describe(self) -> str:
        return "killed"

    def transcribe(self, paths: Iterable[Path]) -> Iterator[Transcript]:
        assert all(path.stat().st_size for path in paths)
        os.kill(os.getpid(), signal.SIGKILL)
        yield from ()


if __name__ == "__main__":
    made = {name: port for name, port in resources(settings()).items() if name in ("warehouse", "state")}
    with dg.build_resources(made) as built:
        built.warehouse.stage(STG_CUSTOMERS, built.warehouse.table(STG_CUSTOMERS.name).to_arrow())
        transcribe(print, built.warehouse, KilledTranscriber(), built.state)
