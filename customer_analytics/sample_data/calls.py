"""Support calls: moods and times of calls, and their recordings."""

import datetime as dt
import re
from functools import cache
from pathlib import Path
from random import Random

from customer_analytics.sample_data.customers import LAST_DAY, Customer

RECORDINGS = Path(__file__).parent / "calls"
MOODS = ("unhappy", "mixed", "happy")
_CHANNELS = ("hotline", "callback")
_AGENTS = re.compile(r"\b(Maya|Priya|Tom|Daniel)\b")


@cache
def recordings(mood: str) -> tuple[Path, ...]:
    """The recordings of a mood; the script of each is in a `.txt` file of the same name."""
    return tuple(sorted(RECORDINGS.glob(f"{mood}-*.opus")))


def moods(customer: Customer, random: Random) -> list[str]:
    """The moods of the customer's calls; unhappy customers call more often."""
    satisfaction = customer.satisfaction
    calls = (random.random() < 0.35 - 0.2 * satisfaction) + (random.random() < 0.12 * (1 - satisfaction))
    return [_mood(satisfaction + random.uniform(-0.15, 0.15)) for _ in range(calls)]


def called_at(customer: Customer, left: dt.date | None, calls: int, random: Random) -> list[dt.datetime]:
    """Times of calls in UTC, in order: during opening hours, and before the customer left."""
    until = min(LAST_DAY, left) if left else LAST_DAY
    days = max((until - customer.joined).days, 1)
    opening = dt.datetime.combine(customer.joined, dt.time(8))
    return sorted(
        opening + dt.timedelta(days=random.randrange(days), minutes=random.randrange(10 * 60))
        for _ in range(calls)
    )


def channel(random: Random) -> str:
    """The channel of a call."""
    return random.choices(_CHANNELS, (85, 15))[0]


@cache
def agent(recording: Path) -> str:
    """The agent in a recording, in lower case as in the call center's system; empty if not mentioned."""
    first_line = recording.with_suffix(".txt").read_text().partition("\n")[0]
    found = _AGENTS.search(first_line)
    return found[1].lower() if found else ""


def _mood(feeling: float) -> str:
    return "unhappy" if feeling < 0.42 else "mixed" if feeling < 0.58 else "happy"
