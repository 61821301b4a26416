"""Which changes to the code make which assets stale."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from customer_analytics import code_versions

PACKAGE = Path(code_versions.__file__).parent
ASSETS = {
    "source_files": "sources",
    "customers": "customers",
    "orders": "customers",
    "mrr": "customers",
    "attribution_touches": "customers",
    "customer_comment": "embeddings",
    "pres_ad_spend": "presentation",
    "pres_clv": "presentation",
}
TRANSFORMS = {"customers", "orders", "mrr", "attribution_touches", "pres_ad_spend", "pres_clv"}
Edit = Callable[[str, str, str], None]


def versions() -> dict[str, str]:
    return {name: code_versions.code_version(asset(name)) for name in ASSETS}


def asset(name: str) -> Callable[[], None]:
    """A function in the name of an asset's, without importing that."""

    def function() -> None: ...

    function.__module__, function.__name__ = f"{PACKAGE.name}.assets.{ASSETS[name]}", name
    return function


def forget() -> None:
    for cached in (code_versions._definitions, code_versions._covered, code_versions._path):
        cached.cache_clear()


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Changes a text in a copy of the package, which versions are computed from."""
    for folder in ("assets", "ingestion", "ml", "publishing", "tables", "transforms"):
        shutil.copytree(PACKAGE / folder, tmp_path / PACKAGE.name / folder)
    monkeypatch.setattr(code_versions, "_ROOT", tmp_path)

    def apply(file: str, old: str, new: str) -> None:
        path = tmp_path / PACKAGE.name / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        forget()

    forget()
    yield apply
    forget()


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("transforms/customers.py", 'alias("FIRST_ORDER")', 'alias("FIRST")', {"customers"}),
        ("transforms/customers.py", "_CENTS = 100", "_CENTS = 1000", {"customers", "orders"}),
        ("transforms/attribution.py", "_LOOKBACK_DAYS = 30", "_LOOKBACK_DAYS = 31", {"attribution_touches"}),
        ("transforms/presentation.py", "def build_pres_sentiment(", "def build_pres_sentiment(wide, ", set()),
        ("transforms/columns.py", "CAST(", "TRY_CAST(", {*TRANSFORMS, "source_files"}),
        ("ml/vectorisation.py", "GROUP = ", "GROUP = 2 * ", {"customer_comment"}),
        ("ingestion/csv_records.py", "_BATCH_ROWS = ", "_BATCH_ROWS = 2 * ", {"source_files"}),
        ("publishing/table_audits.py", "def ", "def another_", set()),
        ("transforms/customers.py", "_CENTS = 100", "# Of a unit.\n\n_CENTS = 100", set()),
        ("transforms/customers.py", '"""One row per customer of', '"""One row per person of', set()),
        ("assets/customers.py", "automation_condition=FOLLOWS_EVENTS", "", set()),
    ],
)
def test_a_change_makes_stale_what_uses_the_changed_code(
    edit: Edit, file: str, old: str, new: str, stale: set[str]
) -> None:
    before = versions()
    edit(file, old, new)
    assert {name for name, version in versions().items() if version != before[name]} == stale


@pytest.mark.parametrize("seed", ["1", "2"])
def test_versions_are_the_same_in_every_process_and_import_nothing(seed: str) -> None:
    program = f"""
import sys
from customer_analytics.code_versions import code_version
for name, module in {ASSETS}.items():
    def function(): ...
    function.__module__, function.__name__ = f"{PACKAGE.name}.assets.{{module}}", name
    print(code_version(function))
print(*(module for module in sys.modules if module.startswith(("dagster", "snowflake.", "{PACKAGE.name}."))))
"""
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    printed = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert printed[:-1] == list(versions().values())
    assert printed[-1] == f"{PACKAGE.name}.code_versions"
