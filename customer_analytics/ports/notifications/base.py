"""What every notifier guarantees."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class RunFailure:
    """A run that failed: its id and job, why, and one sentence for each step that failed."""

    run_id: str
    job: str
    message: str
    steps: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The failure as one line of text."""
        return f"Run {self.run_id} of {self.job} failed: {'; '.join(self.steps) or self.message}"


class Notifier(ABC):
    """Tells people of failed runs, within seconds, whether or not anybody listens."""

    @abstractmethod
    def tell(self, failure: RunFailure) -> None:
        """Tell of a failed run; raises OSError where that was not possible, and Dagster shows it at the sensor."""
