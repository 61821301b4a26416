"""A folder of sample data: written as a whole or not at all, and never over anything else."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from customer_analytics.ingestion.calls import CALLS_FOLDER
from customer_analytics.sample_data import DEFAULT_CUSTOMERS, DEFAULT_SEED
from customer_analytics.sample_data.source import write_files

_MANIFEST = "sample-data.json"


@dataclass(frozen=True)
class Contents:
    """What a folder holds: the rows of each file, the number of calls, and whether it had been there already."""

    rows: dict[str, int]
    calls: int
    was_there: bool


def write_sample_data(
    folder: Path,
    customers: int = DEFAULT_CUSTOMERS,
    seed: int = DEFAULT_SEED,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Contents:
    """Make the folder hold the sample data of so many customers; the same arguments give the same bytes.

    It is written beside its place and then renamed. A folder that holds these very data already is left as it is,
    with whatever was added since.

    Raises:
        ValueError: The folder holds something that this generator has not written.
    """
    folder = folder.absolute()
    wanted = {"customers": customers, "seed": seed, "generator": _generator()}
    manifest, present = _manifest(folder), _files(folder)
    listed = set(manifest.get("files", ()))
    if manifest and manifest | wanted == manifest and listed <= present:
        return Contents(manifest["rows"], manifest["calls"], was_there=True)
    if foreign := sorted(present - listed):
        raise ValueError(
            f"{folder} holds {foreign[0]}, which is no sample data: name another folder, or move it away."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        made = Path(beside, "made")
        made.mkdir()
        rows = dict(write_files(made, customers, seed, on_progress))
        calls = rows.pop(CALLS_FOLDER, 0)
        facts = {**wanted, "rows": rows, "calls": calls, "files": sorted(_files(made))}
        (made / _MANIFEST).write_text(json.dumps(facts, indent=1) + "\n")
        if folder.exists():
            folder.rename(Path(beside, "replaced"))
        made.rename(folder)
    return Contents(rows, calls, was_there=False)


def _manifest(folder: Path) -> dict[str, Any]:
    """What this generator noted in the folder when it wrote it; empty where it has not."""
    try:
        noted: dict[str, Any] = json.loads((folder / _MANIFEST).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return noted


def _files(folder: Path) -> set[str]:
    """Paths of all that is in the folder, without its subfolders and the manifest."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: name another folder.")
    below = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return below - {_MANIFEST}


@cache
def _generator() -> str:
    """Identifies this version of the generator, with its phrases and recordings."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*.*") if path.suffix in (".py", ".txt", ".opus")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
