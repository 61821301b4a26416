"""The systems of a deployment that can hold customers' data."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from customer_analytics.adapters import Adapters
from customer_analytics.erasure import pending
from customer_analytics.erasure.erase import Systems, resume
from customer_analytics.settings import Settings


@contextmanager
def opened(settings: Settings, folders: Sequence[Path] = ()) -> Iterator[Systems]:
    """The systems of the settings; `folders` contain snapshots in addition to the source's."""
    with Adapters(settings) as adapters:
        source = Path(settings.source or settings.sample_data).absolute()
        own = source / "snapshot"
        yield Systems(
            home=settings.home,
            sources=(source, settings.sample_data),
            warehouse=adapters.warehouse,
            vector_store=adapters.vector_store,
            embedder=adapters.embedder,
            registry=adapters.registry,
            snapshot_folders=(*folders, *([own] if own.is_dir() else [])),
        )


def resume_erasures(settings: Settings) -> list[str]:
    """Complete interrupted erasures; a sentence for each that is still incomplete."""
    if not pending.unfinished(settings.home):
        return []
    with opened(settings) as systems:
        searched = list(resume(systems).values())
    return [
        f"An erasure is incomplete: {len(left.holding)} files in {settings.home} still contain words of the "
        "customer. Erase the customer again."
        for left in searched
        if left.holding
    ]
