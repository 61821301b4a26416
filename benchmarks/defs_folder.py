"""Loading the code location with explicit Definitions and from a defs folder: python -m benchmarks.defs_folder."""

import importlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "customer_analytics"
LOAD = f"from {PACKAGE}.definitions import defs; print(len(defs.resolve_asset_graph().asset_check_keys))"
RUNS = 5
EXPLICIT = (
    "dg.load_assets_from_package_module(assets, include_specs=True)",
    "dg.load_asset_checks_from_package_module(checks)",
)


def main() -> None:
    """Load both variants in turns, each time in a new process, and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        variants = {"explicit": ROOT, "defs folder": _with_defs_folder(Path(folder))}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
        for _ in range(RUNS + 1):
            for name, project in variants.items():
                taken[name].append(_load(project))
        for name, times in taken.items():
            wall, processor = (statistics.median(column) for column in zip(*times[1:], strict=True))
            print(f"{name}: {wall:.2f} s, of which {processor:.2f} s of processor time")


def _with_defs_folder(project: Path) -> Path:
    """A copy of the project in which assets and checks are found in a folder with one file for each module."""
    shutil.copytree(ROOT / PACKAGE, project / PACKAGE)
    shutil.copy(ROOT / "pyproject.toml", project)
    definitions = project / PACKAGE / "definitions.py"
    text = definitions.read_text(encoding="utf-8")
    for explicit, loaded in zip(EXPLICIT, ("_loaded.assets", "_loaded.asset_checks"), strict=True):
        assert explicit in text
        text = text.replace(explicit, loaded)
    walk = "_loaded = dg.load_from_defs_folder(project_root=Path(__file__).parents[1])\n\ndefs = "
    definitions.write_text("from pathlib import Path\n" + text.replace("\ndefs = ", f"\n{walk}"), encoding="utf-8")
    seen: set[int] = set()
    for stage in ("assets", "checks"):
        (project / PACKAGE / "defs" / stage).mkdir(parents=True)
        for path in sorted((ROOT / PACKAGE / stage).glob("[a-z]*.py")):
            module = importlib.import_module(f"{PACKAGE}.{stage}.{path.stem}")
            own = {
                name: value
                for name, value in vars(module).items()
                if id(value) not in seen and _is_definition(value)
            }
            seen.update(map(id, own.values()))
            if own:
                line = f"from {module.__name__} import {', '.join(own)}\n"
                (project / PACKAGE / "defs" / stage / path.name).write_text(line, encoding="utf-8")
    return project


def _is_definition(value: object) -> bool:
    return isinstance(value, dg.AssetsDefinition | dg.AssetSpec | dg.AssetChecksDefinition)


def _load(project: Path) -> tuple[float, float]:
    """Seconds, and seconds of processor time, to load the project in a new process."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    # With bytecode, which the first load of each variant writes.
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-c", LOAD], cwd=project, env=environment, check=True, stdout=sys.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, processor


if __name__ == "__main__":
    main()
