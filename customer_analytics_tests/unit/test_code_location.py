"""The code location as Dagster loads it."""

import subprocess
import sys

import dagster as dg

from customer_analytics import tables
from customer_analytics.definitions import defs
from customer_analytics.ingestion.files import SOURCE_FILES

HEAVY = {
    "torch",
    "onnxruntime",
    "ctranslate2",
    "lightgbm",
    "sklearn",
    "lancedb",
    "weaviate",
    "openai",
    "streamlit",
}


def test_loading_the_code_location_imports_no_model_or_store_library() -> None:
    program = "import sys; from customer_analytics.definitions import defs; defs.resolve_all_asset_specs(); "
    program += "print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY & set(loaded.stdout.split()) == set()


def test_every_table_is_written_by_an_asset_of_its_name() -> None:
    assets = {key.to_user_string() for key in defs.resolve_asset_graph().materializable_asset_keys}
    assert {name.lower() for name in tables.TABLES} <= assets


def test_every_asset_says_what_it_is() -> None:
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert [key for key, spec in specs.items() if not spec.description] == []
    assert specs["mrr"].description == tables.table("mrr").description


def test_the_definitions_are_valid() -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_source_table_has_its_reconciliation_check() -> None:
    checks = {
        f"{key.asset_key.to_user_string()}:{key.name}" for key in defs.resolve_asset_graph().asset_check_keys
    }
    assert {f"{file.table.name.lower()}:every_line_is_loaded_or_rejected" for file in SOURCE_FILES} <= checks
