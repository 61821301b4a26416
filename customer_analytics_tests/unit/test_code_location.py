"""The code location as Dagster loads it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from customer_analytics import assets, tables
from customer_analytics.automation import schedules
from customer_analytics.definitions import defs
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.resources.adapters import as_deployed, kinds
from customer_analytics.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "torch",
    "onnxruntime",
    "ctranslate2",
    "lightgbm",
    "sklearn",
    "lancedb",
    "weaviate",
    "openai",
    "tiktoken",
    "whisper",
    "streamlit",
}


GRAPH = defs.resolve_asset_graph()
SPECS = {spec.key.to_user_string(): spec for spec in sorted(defs.resolve_all_asset_specs(), key=lambda s: s.key)}


def test_loading_the_code_location_imports_no_model_or_store_library() -> None:
    program = "import sys; from customer_analytics.definitions import defs; defs.resolve_all_asset_specs(); "
    program += "print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY & set(loaded.stdout.split()) == set()


def test_every_table_is_written_by_an_asset_of_its_name() -> None:
    assets = {key.to_user_string() for key in defs.resolve_asset_graph().materializable_asset_keys}
    assert {name.lower() for name in tables.TABLES} <= assets


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_asset_says_where_it_belongs_and_what_it_is(spec: dg.AssetSpec) -> None:
    assert spec.group_name != "default"
    assert spec.owners == ["team:customer-analytics"]
    assert spec.kinds
    assert spec.description
    name = spec.key.to_user_string().upper()
    assert ("table" in spec.kinds) == (name in tables.TABLES or name == "MODEL_REGISTRY")
    if name in tables.TABLES:
        columns = spec.metadata["dagster/column_schema"].columns
        assert spec.description == tables.TABLES[name].description
        assert [(c.name, c.description) for c in columns] == [
            (c.name, c.description) for c in tables.TABLES[name].columns
        ]


def test_collections_of_vectors_tell_of_their_columns() -> None:
    for name in ("comment_training", "customer_comment", "customer_call"):
        columns = [column.name for column in SPECS[name].metadata["dagster/column_schema"].columns]
        assert columns[:3] == ["id", "text_hash", "vector"]
        assert len(columns) > 3


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_asset_has_a_domain_and_says_whether_it_holds_personal_data(spec: dg.AssetSpec) -> None:
    assert spec.tags["domain"]
    without = {
        *("as_of", "dashboard", "model_registry", "pres_ad_spend", "restored_vectors"),
        *("sentiment_classifier", "stg_ad_spend", "warehouse_objects"),
    }
    assert spec.tags.get("pii") == (None if spec.key.to_user_string() in without else "true")


@pytest.mark.parametrize("key", sorted(GRAPH.materializable_asset_keys), ids=dg.AssetKey.to_user_string)
def test_every_asset_that_runs_has_a_code_version_and_a_link_to_its_source(key: dg.AssetKey) -> None:
    spec = SPECS[key.to_user_string()]
    assert spec.code_version
    (reference,) = spec.metadata["dagster/code_references"].code_references
    following = Path(reference.file_path).read_text(encoding="utf-8").splitlines()[reference.line_number - 1 :]
    assert following[0].startswith("@")
    function = next(line for line in following if line.startswith("def "))
    assert f"def {GRAPH.assets_def_for_key(key).op.name}(" in function


def test_what_nightly_runs_renew_has_a_freshness_policy() -> None:
    nightly = {
        key
        for schedule in schedules.schedules
        if schedule.cron_schedule.endswith(" * * *")
        and schedule.default_status is dg.DefaultScheduleStatus.RUNNING
        for key in defs.resolve_job_def(schedule.job_name).asset_layer.executable_asset_keys
    }
    assert {"call_transcripts", "mrr", "pred_twitter_comments", "pres_ad_spend"} <= {k.path[-1] for k in nightly}
    assert {spec.key for spec in SPECS.values() if spec.freshness_policy} == nightly


def test_kinds_are_those_of_the_adapters_in_use() -> None:
    assert SPECS["mrr"].kinds == {"snowpark", "duckdb", "table"}
    assert SPECS["customer_comment"].kinds == {"onnx", "lancedb"}
    declared = assets.customers.mrr.get_asset_spec()
    in_production = as_deployed(declared, kinds(Settings(warehouse="snowflake")), owner="team:else")
    assert in_production.kinds == {"snowpark", "snowflake", "table"}
    assert in_production.owners == ["team:else"]
    served = kinds(Settings(embeddings="openai", speech="openai"))
    for declared, expected in (
        (assets.embeddings.customer_comment.get_asset_spec(), {"openai", "lancedb"}),
        (assets.transcripts.call_transcripts.get_asset_spec(), {"openai", "duckdb", "table"}),
    ):
        assert as_deployed(declared, served, owner="team:else").kinds == expected


def test_the_dashboard_stands_behind_the_tables_it_shows() -> None:
    assert {dep.asset_key.to_user_string().upper() for dep in SPECS["dashboard"].deps} == {
        table.name for table in tables.presentation.TABLES
    }
    assert defs.resolve_asset_graph().external_asset_keys >= {SPECS["dashboard"].key}


@pytest.mark.parametrize(
    "command",
    ["dagster definitions validate -w workspace.yaml", "dg check defs", "dg list defs --json"],
)
def test_dagsters_own_commands_take_the_code_location(command: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    program, *arguments = command.split()
    call = [str(Path(sys.executable).with_name(program)), *arguments]
    done = subprocess.run(
        call, cwd=ROOT, env={**os.environ, "DAGSTER_HOME": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    if program == "dg":
        assert done.stderr == ""
        assert f"$(BIN)/{command}" in (ROOT / "Makefile").read_text(encoding="utf-8")
    if arguments[0] == "list":
        listed = {asset["asset_key"] for asset in json.loads(done.stdout)["assets"]}
        assert {"pres_clv", "dashboard"} <= listed


def test_the_definitions_are_valid() -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_source_table_has_its_reconciliation_check() -> None:
    checks = {
        f"{key.asset_key.to_user_string()}:{key.name}" for key in defs.resolve_asset_graph().asset_check_keys
    }
    assert {f"{file.table.name.lower()}:every_line_is_loaded_or_rejected" for file in SOURCE_FILES} <= checks
