"""Usage of paid services, and its estimated cost at list prices."""

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spending:
    """Usage as the service counts it, and the estimated cost.

    Attributes:
        quantity: Billed units.
        unit: Name of the unit, e.g. `tokens`.
        dollars: Quantity times price; None if the price is unknown.
    """

    quantity: float
    unit: str
    dollars: float | None

    @property
    def metadata(self) -> dict[str, Any]:
        """Usage and cost as asset metadata; no cost if the price is unknown."""
        cost = {} if self.dollars is None else {"cost_estimate_usd": self.dollars}
        return {f"{self.unit.replace(' ', '_')}_billed": self.quantity, **cost}

    def __str__(self) -> str:
        cost = "at an unknown price" if self.dollars is None else f"about {self.dollars:.6f} US dollars"
        return f"{self.quantity:,} {self.unit}, {cost}"


class Meter:
    """A thread-safe counter of billed units."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quantity = 0.0

    def add(self, quantity: float) -> None:
        """Add units."""
        with self._lock:
            self._quantity += quantity

    def take(self) -> float:
        """The units added since the last call."""
        with self._lock:
            taken, self._quantity = self._quantity, 0.0
        return taken
