"""A run that is killed while it listens to a call: started as a process of its own by the test of erased bytes."""

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from customer_analytics.adapters import Adapters
from customer_analytics.ml.transcription import transcribe
from customer_analytics.ports.speech.base import Transcriber, Transcript
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
    with Adapters(settings()) as built:
        built.warehouse.scratch.stage(STG_CUSTOMERS, built.warehouse.table(STG_CUSTOMERS.name).to_arrow())
        transcribe(built.warehouse, KilledTranscriber(), built.state.temporary, print)
