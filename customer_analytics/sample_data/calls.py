"""Support calls: which customer is heard in which recording."""

from functools import cache
from pathlib import Path
from random import Random

from customer_analytics.sample_data.customers import Customer

RECORDINGS = Path(__file__).parent / "calls"
MOODS = ("unhappy", "mixed", "happy")


@cache
def recordings(mood: str) -> tuple[Path, ...]:
    """The recordings of a mood; each has its script beside it, as `.txt`."""
    return tuple(sorted(RECORDINGS.glob(f"{mood}-*.opus")))


def moods(customer: Customer, random: Random) -> list[str]:
    """The moods of the customer's calls: who is unhappy calls more often, and sounds so."""
    satisfaction = customer.satisfaction
    calls = (random.random() < 0.35 - 0.2 * satisfaction) + (random.random() < 0.12 * (1 - satisfaction))
    return [_mood(satisfaction + random.uniform(-0.15, 0.15)) for _ in range(calls)]


def _mood(feeling: float) -> str:
    return "unhappy" if feeling < 0.42 else "mixed" if feeling < 0.58 else "happy"
