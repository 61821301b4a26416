"""A folder of sample data: written atomically, and never over other files."""

import filecmp
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
    """Contents of a folder: the rows of each file, the number of calls, and whether it existed before."""

    rows: dict[str, int]
    calls: int
    was_there: bool


def write_sample_data(
    folder: Path,
    customers: int = DEFAULT_CUSTOMERS,
    seed: int = DEFAULT_SEED,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Contents:
    """Write the sample data of a number of customers to a folder; the same arguments give the same bytes.

    The data is written to a temporary folder, which is then renamed. A folder that already holds the same sample
    data is left as it is, together with files that were added since.

    Raises:
        ValueError: The folder holds a file that is not sample data.
    """
    folder = folder.absolute()
    wanted = {"customers": customers, "seed": seed, "generator": _generator()}
    manifest, present = _manifest(folder), _files(folder)
    listed = set(manifest.get("files", ()))
    if manifest and manifest | wanted == manifest and listed <= present:
        return Contents(manifest["rows"], manifest["calls"], was_there=True)
    foreign = sorted(present - listed)
    if foreign and (manifest.get("customers"), manifest.get("seed")) != (customers, seed):
        raise _foreign(folder, foreign[0])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        made = Path(beside, "made")
        made.mkdir()
        rows = dict(write_files(made, customers, seed, on_progress))
        calls = rows.pop(CALLS_FOLDER, 0)
        files = sorted(_files(made))
        facts = {**wanted, "rows": rows, "calls": calls, "files": files}
        (made / _MANIFEST).write_text(json.dumps(facts, indent=1) + "\n")
        if filecmp.cmpfiles(made, folder, files, shallow=False)[0] == files:
            (made / _MANIFEST).replace(folder / _MANIFEST)  # another version of this package wrote the same data
            return Contents(rows, calls, was_there=True)
        if foreign:
            raise _foreign(folder, foreign[0])
        if folder.exists():
            folder.rename(Path(beside, "replaced"))
        made.rename(folder)
    return Contents(rows, calls, was_there=False)


def _foreign(folder: Path, name: str) -> ValueError:
    return ValueError(
        f"{folder} holds {name}, which is not sample data: name another folder, or move the file away."
    )


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder of sample data; empty for any other folder."""
    try:
        noted: dict[str, Any] = json.loads((folder / _MANIFEST).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return noted


def _files(folder: Path) -> set[str]:
    """Paths of all files in the folder, without the manifest."""
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
