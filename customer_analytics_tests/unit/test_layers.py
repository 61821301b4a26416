"""The layers of the package, as pyproject.toml declares them, and the packages that do without Dagster."""

import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_DAGSTER = ("ports", "ml", "ingestion", "transforms", "search", "publishing", "erasure", "snapshots")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("module", "statement", "broken"),
    [
        ("transforms/mrr.py", "", ""),
        (
            "ports/embeddings/base.py",
            "import dagster",
            "customer_analytics.ports is not allowed to import dagster",
        ),
        ("ingestion/text.py", "import customer_analytics.ml.training", "ingestion is not allowed to import"),
        (
            "embedded_snowflake/state/write_lock.py",
            "import customer_analytics.embedded_snowflake.sql.names",
            "state is not allowed to import",
        ),
    ],
    ids=["as it is", "dagster in a port", "ingestion above ml", "state above sql"],
)
def test_contracts_fail_for_an_import_that_goes_up(
    tmp_path: Path, module: str, statement: str, broken: str
) -> None:
    shutil.copytree(ROOT / "customer_analytics", tmp_path / "customer_analytics")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "customer_analytics" / module).open("a") as file:
        file.write(f"\n{statement}\n")
    done = lint(tmp_path)
    assert (done.returncode == 0) == (not broken), done.stdout
    assert broken in " ".join(done.stdout.split())


def test_ports_and_what_is_built_on_them_load_no_dagster() -> None:
    names = ["customer_analytics.adapters"]
    for package in WITHOUT_DAGSTER:
        folder = ROOT / "customer_analytics" / package
        found = pkgutil.walk_packages([str(folder)], f"customer_analytics.{package}.")
        names += [f"customer_analytics.{package}", *(module.name for module in found)]
    code = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n" + (
        "sys.exit(', '.join(n for n in sys.modules if n.split('.')[0] == 'dagster')[:200] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
