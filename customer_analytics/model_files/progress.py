"""Progress of a download: the callback's type, and the one that writes to the log."""

import logging
from collections.abc import Callable

_log = logging.getLogger(__name__)
_STEP = 16_000_000

Progress = Callable[[str, int, int], None]
"""Called with what is downloaded, the bytes that have come, and the bytes expected in all."""


def megabytes(size: int) -> str:
    """A size in bytes as megabytes, e.g. `75.5 MB`."""
    return f"{size / 1e6:.1f} MB"


class ProgressLog:
    """Logs a download's progress every 16 MB and at its end."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Log if the download has come a step further, see `Progress`."""
        step = -1 if done >= total else done // _STEP
        if step != self._steps.get(what, 0):
            self._steps[what] = step
            _log.info("Downloading %s: %s of %s", what, megabytes(done), megabytes(total))
