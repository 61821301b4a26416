"""Progress as lines of a log."""

import pytest

from customer_analytics import progress
from customer_analytics.progress import Progress, duration


def test_progress_is_told_at_most_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    lines: list[str] = []
    tell = Progress("texts embedded", lines.append, every=5)
    for second in range(1, 13):
        now[0] = float(second)
        tell(100 * second, 12_000)
    assert lines == [
        "500 of 12,000 texts embedded, about 1:55 left",
        "1,000 of 12,000 texts embedded, about 1:50 left",
    ]


def test_durations_are_minutes_and_seconds() -> None:
    assert (duration(0.4), duration(59.6), duration(125)) == ("0:00", "1:00", "2:05")
