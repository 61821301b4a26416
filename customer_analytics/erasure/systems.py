"""The systems of a deployment in which customers' data can be."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from customer_analytics.deployment import resources
from customer_analytics.erasure import pending
from customer_analytics.erasure.erase import Systems, resume
from customer_analytics.settings import Settings


@contextmanager
def opened(settings: Settings, folders: Sequence[Path] = ()) -> Iterator[Systems]:
    """The systems that the settings name; `folders` hold snapshots besides the source's own."""
    made = resources(settings)
    ports = {name: made[name] for name in ("source", "warehouse", "vector_store", "embedder", "registry")}
    with dg.build_resources(ports) as built:
        source = Path(built.source.uri or built.source.sample_data).absolute()
        own = source / "snapshot"
        yield Systems(
            home=settings.home,
            sources=(source, settings.sample_data),
            warehouse=built.warehouse,
            vector_store=built.vector_store,
            embedder=built.embedder,
            registry=built.registry,
            snapshot_folders=(*folders, *([own] if own.is_dir() else [])),
        )


def resume_erasures(settings: Settings) -> list[str]:
    """Complete the erasures that were interrupted; a sentence for each that is still not complete."""
    if not pending.unfinished(settings.home):
        return []
    with opened(settings) as systems:
        searched = list(resume(systems).values())
    return [
        f"An erasure is not complete: {len(left.holding)} files below {settings.home} still hold words of the "
        "customer; erase the customer again."
        for left in searched
        if left.holding
    ]
