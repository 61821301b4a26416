"""What paid services are asked for, and what that costs by their list prices."""

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spending:
    """What a service was asked for, by its own count, and the estimated cost.

    Attributes:
        quantity: Units that the service bills.
        unit: What they are, e.g. `tokens`.
        dollars: Quantity times price; None where no price is known.
    """

    quantity: float
    unit: str
    dollars: float | None

    @property
    def metadata(self) -> dict[str, Any]:
        """The same as metadata of an asset; no cost where no price is known."""
        cost = {} if self.dollars is None else {"cost_estimate_usd": self.dollars}
        return {f"{self.unit.replace(' ', '_')}_billed": self.quantity, **cost}

    def __str__(self) -> str:
        cost = "at a price not known" if self.dollars is None else f"about {self.dollars:.6f} US dollars"
        return f"{self.quantity:,} {self.unit}, {cost}"


class Meter:
    """Adds up what is asked of a service, by any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quantity = 0.0

    def add(self, quantity: float) -> None:
        """Add units."""
        with self._lock:
            self._quantity += quantity

    def take(self) -> float:
        """The units added since this was last called."""
        with self._lock:
            taken, self._quantity = self._quantity, 0.0
        return taken
