"""What every model registry guarantees, tested on each adapter; and what is said of the warehouse's own."""

import datetime as dt
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import dagster as dg
import lightgbm
import pyarrow as pa
import pytest
from snowflake.snowpark.types import ArrayType, FloatType

from customer_analytics.automation.maintenance import ModelHistory, remove_old_versions
from customer_analytics.embedded_snowflake import Endpoint
from customer_analytics.ml.training import fingerprint, train
from customer_analytics.resources.registry.base import DamagedModelError, ModelRegistry
from customer_analytics.resources.registry.snowflake_ml import SnowflakeMLRegistry
from customer_analytics.resources.registry.warehouse_registry import WarehouseRegistry
from customer_analytics.resources.vectors.collection import Collection, PropertyType
from customer_analytics.resources.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.tables.sentiment import PRED_CUSTOMER_CALLS, PRED_TWITTER_COMMENTS
from customer_analytics_tests.contract.stored_models import MODEL, stored
from customer_analytics_tests.unit.ml.labelled_texts import DIMENSIONS, labelled_texts

ROOT = Path(__file__).resolve().parents[2]
FIRST, SECOND, THIRD, FOURTH = "V_FFFFFFFFFFFF", "V_000000000001", "V_AAAAAAAAAAAA", "V_BBBBBBBBBBBB"
FILES = ["booster.txt", "manifest.json", "out_of_fold.parquet"]


@pytest.fixture
def warehouse(endpoint: Endpoint, endpoint_home: str) -> Iterator[EmbeddedWarehouse]:
    made = EmbeddedWarehouse(home=endpoint_home, database="TEST", schema_name=f"R_{uuid.uuid4().hex[:12].upper()}")
    made.ensure_schema()
    yield made
    made.close()


@pytest.fixture
def warehouse_registry(warehouse: EmbeddedWarehouse) -> WarehouseRegistry:
    made = WarehouseRegistry(warehouse=warehouse)
    made.ensure()
    return made


@pytest.fixture
def snowflake_ml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The double behind `snowflake.ml.registry`; there is no account to test against."""
    pytest.importorskip("snowflake.ml", reason="the extra snowflake-ml is not installed")
    from customer_analytics_tests.contract.snowflake_ml_double import SnowflakeMLDouble

    made = SnowflakeMLDouble(tmp_path)
    monkeypatch.setattr("snowflake.ml.registry.Registry", made.opening)
    return made


@pytest.fixture
def snowflake_ml_registry(warehouse: EmbeddedWarehouse, snowflake_ml: Any) -> SnowflakeMLRegistry:
    return SnowflakeMLRegistry(warehouse=warehouse, dependencies="conda")


@pytest.fixture(params=["warehouse_registry", "snowflake_ml_registry"])
def registry(request: pytest.FixtureRequest) -> ModelRegistry:
    made = request.getfixturevalue(request.param)
    assert isinstance(made, ModelRegistry)
    return made


def names(registry: ModelRegistry, model_name: str = MODEL) -> list[str]:
    return [version.version for version in registry.versions(model_name)]


def default(registry: ModelRegistry, model_name: str = MODEL) -> str:
    version = registry.default(model_name)
    assert version is not None
    return version.version


class TestEveryRegistry:
    def test_a_model_without_versions_has_no_default_and_cannot_be_loaded(self, registry: ModelRegistry) -> None:
        assert registry.versions(MODEL) == []
        assert registry.default(MODEL) is None
        with pytest.raises(LookupError, match=r"no default version of 'sentiment_classifier' \(versions: none\)"):
            registry.load(MODEL)

    def test_a_version_comes_back_as_it_was_logged(self, registry: ModelRegistry) -> None:
        logged = stored(FIRST)
        registry.log(logged)
        loaded = registry.load(MODEL)
        assert loaded == logged
        assert loaded.out_of_fold.equals(logged.out_of_fold)
        assert registry.versions(MODEL) == [logged.info]
        assert registry.default(MODEL) == logged.info

    def test_the_latest_logged_is_the_default_and_the_oldest_comes_first(self, registry: ModelRegistry) -> None:
        for version in (FIRST, SECOND, THIRD):
            registry.log(stored(version))
            assert default(registry) == version
        assert names(registry) == [FIRST, SECOND, THIRD]
        assert registry.load(MODEL, SECOND) == stored(SECOND)

    def test_the_same_version_again_changes_nothing_but_the_default(self, registry: ModelRegistry) -> None:
        registry.log(stored(FIRST))
        registry.log(stored(SECOND))
        registry.log(stored(FIRST, accuracy=0.1))
        assert names(registry) == [FIRST, SECOND]
        assert default(registry) == FIRST
        assert registry.load(MODEL) == stored(FIRST)
        assert registry.load(MODEL, SECOND) == stored(SECOND)

    def test_models_do_not_see_each_other(self, registry: ModelRegistry) -> None:
        registry.log(stored(FIRST))
        registry.log(stored(SECOND, model_name="churn_classifier"))
        assert names(registry) == [FIRST]
        assert default(registry) == FIRST
        assert names(registry, "churn_classifier") == [SECOND]
        assert default(registry, "churn_classifier") == SECOND

    def test_a_removed_version_is_gone_and_the_latest_other_becomes_the_default(
        self, registry: ModelRegistry
    ) -> None:
        for version in (FIRST, SECOND, THIRD):
            registry.log(stored(version))
        registry.remove(MODEL, SECOND)
        assert (names(registry), default(registry)) == ([FIRST, THIRD], THIRD)
        registry.remove(MODEL, THIRD)
        assert (names(registry), default(registry)) == ([FIRST], FIRST)
        assert registry.load(MODEL) == stored(FIRST)

    def test_after_its_last_version_a_model_has_none_and_can_be_logged_again(
        self, registry: ModelRegistry
    ) -> None:
        registry.log(stored(FIRST))
        registry.remove(MODEL, FIRST)
        registry.remove(MODEL, FIRST)
        assert (names(registry), registry.default(MODEL)) == ([], None)
        registry.log(stored(FIRST))
        assert registry.load(MODEL) == stored(FIRST)

    def test_an_unknown_version_is_named_with_those_that_exist(self, registry: ModelRegistry) -> None:
        registry.log(stored(FIRST))
        with pytest.raises(LookupError, match=rf"'{SECOND}' of 'sentiment_classifier' \(versions: {FIRST}\)"):
            registry.load(MODEL, SECOND)

    @pytest.mark.parametrize("name", ["", "../other", "a/b", "it's", 'a"b', "1st", "a b", "a\n"])
    def test_a_name_that_is_no_identifier_is_refused(self, registry: ModelRegistry, name: str) -> None:
        with pytest.raises(ValueError, match="cannot name a model or a version"):
            registry.log(stored(FIRST, model_name=name))
        with pytest.raises(ValueError, match="cannot name a model or a version"):
            registry.log(stored(name))

    def test_ensuring_twice_keeps_what_is_there(self, registry: ModelRegistry) -> None:
        registry.log(stored(FIRST))
        registry.ensure()
        assert registry.load(MODEL) == stored(FIRST)

    def test_versions_logged_at_the_same_time_are_all_kept(self, registry: ModelRegistry) -> None:
        versions = [f"V_{number:012X}" for number in range(4)]
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda version: registry.log(stored(version)), versions))
        assert sorted(names(registry)) == versions
        assert default(registry) in versions
        assert all(registry.load(MODEL, version) == stored(version) for version in versions)

    def test_the_rows_of_a_prediction_table_are_scored_by_fold_or_booster(self, registry: ModelRegistry) -> None:
        """Both registries against what the booster itself says; the second text is a training text."""
        vectors, labels, hashes = labelled_texts(40)
        model = train(vectors, labels, hashes).stored(
            MODEL, fingerprint(vectors, labels, hashes, embedding_model="bge-small"), {}
        )
        registry.log(model)
        new, _, _ = labelled_texts(2, seed=1)
        objects = pa.RecordBatch.from_pydict(
            {
                "id": ["one", "two"],
                "customer_id": [1, 2],
                "date": [dt.date(2020, 2, 29)] * 2,
                "review_text": ['it\'s "new"', "learned"],
                "content_hash": ["f" * 64, hashes[0]],
                "vector": pa.array([new[0].tolist(), vectors[0].tolist()], pa.list_(pa.float32(), DIMENSIONS)),
            }
        )
        source = Collection(
            "CustomerComment", {"review_text": PropertyType.TEXT}, "review_text", "bge-small", DIMENSIONS
        )
        frame = registry.score(registry.load(MODEL), source, iter([objects]), PRED_TWITTER_COMMENTS)
        rows = {row["VECTOR_ID"]: row for row in frame.to_arrow().to_pylist()}
        assert frame.columns == PRED_TWITTER_COMMENTS.column_names
        assert rows["one"]["SENTIMENT"] == lightgbm.Booster(model_str=model.booster).predict(new[:1])[0]
        learned = {row["TEXT_HASH"]: row["SENTIMENT"] for row in model.out_of_fold.to_pylist()}
        assert rows["two"]["SENTIMENT"] == learned[hashes[0]]
        assert {id: row["IS_OUT_OF_FOLD"] for id, row in rows.items()} == {"one": False, "two": True}
        assert {row["MODEL_VERSION"] for row in rows.values()} == {model.info.version}
        assert rows["one"]["REVIEW_TEXT"] == 'it\'s "new"'

    def test_vectors_of_another_embedding_model_are_refused(self, registry: ModelRegistry) -> None:
        source = Collection("CustomerCall", {"transcript": PropertyType.TEXT}, "transcript", "other", 384)
        with pytest.raises(ValueError, match=r"cannot score those of other with 384; train it"):
            registry.score(stored(FIRST), source, iter([]), PRED_CUSTOMER_CALLS).collect()

    def test_it_describes_itself(self, registry: ModelRegistry) -> None:
        assert "R" in registry.describe()


def run(warehouse: EmbeddedWarehouse, sql: str, content: bytes | None = None) -> list[tuple[object, ...]]:
    stream = {} if content is None else {"file_stream": BytesIO(content)}
    with warehouse.connection() as connection:
        return [tuple(row) for row in connection.cursor().execute(sql, **stream).fetchall()]


def location(warehouse: EmbeddedWarehouse, version: str, file: str = "") -> str:
    return f"'@{warehouse.name('MODEL_STAGE')}/{MODEL}/{version}/{file}'"


def put(warehouse: EmbeddedWarehouse, version: str, file: str, content: bytes) -> None:
    options = "AUTO_COMPRESS = FALSE OVERWRITE = TRUE"
    run(warehouse, f"PUT 'file://{file}' {location(warehouse, version)} {options}", content)


class TestWarehouseRegistry:
    def test_of_versions_logged_at_the_same_time_the_last_added_is_the_default(
        self, warehouse_registry: WarehouseRegistry
    ) -> None:
        """One statement adds and makes the default; Snowflake's own registry needs two."""
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda number: warehouse_registry.log(stored(f"V_{number:012X}")), range(4)))
        assert default(warehouse_registry) == names(warehouse_registry)[-1]

    def test_its_files_are_text_and_parquet_below_model_and_version(
        self, warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry
    ) -> None:
        warehouse_registry.log(stored(FIRST))
        listed = run(warehouse, f"LIST {location(warehouse, FIRST)}")
        assert [row[0] for row in listed] == [f"model_stage/{MODEL}/{FIRST}/{file}" for file in FILES]

    @pytest.mark.parametrize("file", FILES)
    def test_a_missing_file_is_named_and_logging_again_restores_it(
        self, warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry, file: str
    ) -> None:
        warehouse_registry.log(stored(FIRST))
        run(warehouse, f"REMOVE {location(warehouse, FIRST, file)}")
        with pytest.raises(DamagedModelError, match=rf"{MODEL}/{FIRST}/{file} is missing; train"):
            warehouse_registry.load(MODEL)
        warehouse_registry.log(stored(FIRST))
        assert warehouse_registry.load(MODEL) == stored(FIRST)
        assert names(warehouse_registry) == [FIRST]

    @pytest.mark.parametrize("file", FILES)
    def test_a_changed_file_is_named_and_logging_again_restores_it(
        self, warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry, file: str
    ) -> None:
        warehouse_registry.log(stored(FIRST))
        put(warehouse, FIRST, file, b"{}")
        with pytest.raises(DamagedModelError, match=rf"{MODEL}/{FIRST}/{file} is not what was logged"):
            warehouse_registry.load(MODEL)
        warehouse_registry.log(stored(FIRST))
        assert warehouse_registry.load(MODEL) == stored(FIRST)

    def test_a_damaged_version_is_still_listed_and_others_still_load(
        self, warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry
    ) -> None:
        warehouse_registry.log(stored(FIRST))
        warehouse_registry.log(stored(SECOND))
        put(warehouse, SECOND, "booster.txt", b"")
        assert names(warehouse_registry) == [FIRST, SECOND]
        assert warehouse_registry.load(MODEL, FIRST) == stored(FIRST)

    def test_what_a_killed_log_left_behind_is_no_version_and_a_rerun_completes_it(
        self, warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry
    ) -> None:
        """The statements: read the rows, put three files, add the row."""
        warehouse_registry.log(stored(FIRST))
        orders = [f"{SECOND}:2", f"{THIRD}:4", f"{FOURTH}:5"]
        module = "customer_analytics_tests.contract.killed_logger"
        arguments = [warehouse.home, warehouse.schema_name, *orders]
        killed = subprocess.check_output([sys.executable, "-m", module, *arguments], cwd=ROOT, text=True)
        assert killed.split() == [str(-signal.SIGKILL)] * 3
        assert names(warehouse_registry) == [FIRST, FOURTH]
        assert warehouse_registry.load(MODEL) == stored(FOURTH)
        for version in (SECOND, THIRD):
            with pytest.raises(LookupError):
                warehouse_registry.load(MODEL, version)
            warehouse_registry.log(stored(version))
            assert warehouse_registry.load(MODEL) == stored(version)
        assert names(warehouse_registry) == [FIRST, FOURTH, SECOND, THIRD]

    def test_the_table_shows_one_default_and_counts_versions_per_model(
        self, warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry
    ) -> None:
        for version in (FIRST, SECOND, FIRST):
            warehouse_registry.log(stored(version))
        warehouse_registry.log(stored(THIRD, model_name="churn_classifier"))
        table = warehouse.name("MODEL_VERSIONS")
        columns = "MODEL_NAME, VERSION, IS_DEFAULT, SEQUENCE"
        assert run(warehouse, f"SELECT {columns} FROM {table} ORDER BY MODEL_NAME, SEQUENCE") == [
            ("churn_classifier", THIRD, True, 1),
            (MODEL, FIRST, True, 1),
            (MODEL, SECOND, False, 2),
        ]


class TestSnowflakeMLRegistry:
    """Not verified on an account: the registry is an autospec of the installed library."""

    @pytest.mark.parametrize(
        ("dependencies", "asked_for"),
        [
            ("conda", {"conda_dependencies": ["lightgbm==4.7.0", "numpy==2.3.0"]}),
            (
                "pip",
                {
                    "pip_requirements": ["lightgbm==4.7.0", "numpy==2.3.0"],
                    "artifact_repository_map": {"pip": "snowflake.snowpark.pypi_shared_repository"},
                },
            ),
        ],
    )
    def test_a_version_is_logged_with_its_metrics_for_the_warehouse(
        self, warehouse: EmbeddedWarehouse, snowflake_ml: Any, dependencies: Any, asked_for: dict[str, Any]
    ) -> None:
        SnowflakeMLRegistry(warehouse=warehouse, dependencies=dependencies).log(stored(FIRST))
        call = snowflake_ml.registry.log_model.call_args.kwargs
        assert {name: call[name] for name in asked_for} == asked_for
        assert call["target_platforms"] == ["WAREHOUSE"]
        assert call["metrics"] == {"accuracy": 0.9, "auc": 0.1 + 0.2}
        assert call["signatures"]["predict"].inputs[0].as_snowpark_type() == ArrayType(FloatType())

    def test_it_opens_in_the_schema_of_all_tables(
        self, warehouse: EmbeddedWarehouse, snowflake_ml: Any, snowflake_ml_registry: SnowflakeMLRegistry
    ) -> None:
        assert snowflake_ml_registry.ensure() == {"registry": "TEST.R"}
        (session,), place = snowflake_ml.opening.call_args
        assert session is warehouse.session()
        assert (place["database_name"], place["schema_name"]) == ('"TEST"', f'"{warehouse.schema_name}"')

    def test_a_version_whose_logger_was_killed_before_its_manifest_is_completed(
        self, snowflake_ml: Any, snowflake_ml_registry: SnowflakeMLRegistry
    ) -> None:
        snowflake_ml_registry.log(stored(FIRST))
        snowflake_ml.models[MODEL.upper()].versions[FIRST].comment = None
        assert snowflake_ml_registry.default(MODEL) is None
        with pytest.raises(LookupError):
            snowflake_ml_registry.load(MODEL)
        snowflake_ml_registry.log(stored(FIRST))
        assert snowflake_ml_registry.load(MODEL) == stored(FIRST)

    def test_damaged_files_are_named_with_what_to_do(
        self, snowflake_ml: Any, snowflake_ml_registry: SnowflakeMLRegistry
    ) -> None:
        snowflake_ml_registry.log(stored(FIRST))
        (booster,) = snowflake_ml.models[MODEL.upper()].versions[FIRST].folder.rglob("booster.txt")
        booster.write_text("tree")
        with pytest.raises(DamagedModelError, match=rf"ALTER MODEL {MODEL} DROP VERSION {FIRST}"):
            snowflake_ml_registry.load(MODEL)


def test_a_removed_version_leaves_no_files(warehouse_registry: WarehouseRegistry) -> None:
    warehouse_registry.log(stored(FIRST))
    warehouse_registry.log(stored(SECOND))
    warehouse_registry.remove(MODEL, FIRST)
    stage = warehouse_registry.warehouse.name("MODEL_STAGE")
    listed = warehouse_registry.warehouse.session().sql(f"LIST @{stage}").collect()
    assert [row["name"] for row in listed if FIRST in row["name"]] == []


def test_maintenance_keeps_the_latest_versions_and_the_default(warehouse_registry: WarehouseRegistry) -> None:
    for version in (FIRST, SECOND, THIRD, FOURTH, FIRST):  # the first is the default again
        warehouse_registry.log(stored(version, model_name="SENTIMENT_CLASSIFIER"))
    remove_old_versions(dg.build_op_context(), ModelHistory(versions=2), warehouse_registry)
    assert names(warehouse_registry, "SENTIMENT_CLASSIFIER") == [FIRST, THIRD, FOURTH]
