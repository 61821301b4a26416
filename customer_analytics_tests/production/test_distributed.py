"""The same assets with steps on Celery workers, or on Kubernetes: what the other code location adds."""

import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from snowflake.connector import DictCursor

from customer_analytics import definitions, distributed, tables
from customer_analytics.automation.fan_out import FANNED_OUT, fanned_out
from customer_analytics.embedded_snowflake import stop
from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.resources.retries import RETRIES
from customer_analytics.settings import Settings, settings
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.production.servers import answers, free_port, running
from customer_analytics_tests.small_source import write_small_source
from customer_analytics_tests.spoken import SPEECH

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small source with calls: three in which nobody speaks, and one that is spoken."""
    folder = write_small_source(tmp_path_factory.mktemp("source"))
    for number in range(1, 4):
        tone = np.sin(2 * np.pi * 200 * number * np.arange(16_000) / 16_000)
        with wave.open(str(folder / "calls" / f"{number}-01.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes((8_000 * tone).astype("<i2").tobytes())
    shutil.copy(SPEECH, folder / "calls" / f"1-02{SPEECH.suffix}")
    return folder


@pytest.fixture(scope="module")
def in_process(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("in_process"))
    made.call("run", "--source", str(source))
    yield made
    stop(made.home)


@pytest.fixture(scope="module")
def on_celery(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment in which two Celery workers have done all steps of a run."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server; on Debian and Ubuntu: apt install redis-server")
    made = Deployment(tmp_path_factory.mktemp("on_celery"))
    dagster_home = made.home / "dagster"
    dagster_home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", dagster_home)
    port = free_port()
    environment = {
        **made.environment,
        "CUSTOMER_ANALYTICS_SOURCE": str(source),
        "CUSTOMER_ANALYTICS_BUCKETS": "2",
        "DAGSTER_HOME": str(dagster_home),
        "CELERY_BROKER_URL": f"redis://127.0.0.1:{port}/0",
        "CELERY_RESULT_BACKEND": f"redis://127.0.0.1:{port}/1",
    }
    of_workers = {name: value for name, value in environment.items() if name != "DAGSTER_HOME"}
    broker = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(made.home)]
    worker = [script("celery"), "-A", "dagster_celery.app", "worker", "--concurrency", "2", "--loglevel", "INFO"]
    log = made.home / "worker.log"
    run = [script("dagster"), "job", "execute", "-m", "customer_analytics.distributed", "-j", "all_assets"]
    with (
        running(broker, made.home / "redis.log", lambda: answers(port)),
        running(worker, log, lambda: " ready." in log.read_text(), of_workers),
    ):
        done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    yield made
    stop(made.home)


def script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def rows_of(deployment: Deployment) -> dict[str, list[str]]:
    """All rows of all tables but for when calls were transcribed."""
    place = {"database": "CUSTOMER_ANALYTICS", "schema_name": "ANALYTICS"}
    with EmbeddedWarehouse(home=str(deployment.home), **place).connection() as connection:
        cursor = connection.cursor(DictCursor)
        return {
            name: sorted(
                str({column: value for column, value in row.items() if column != "TRANSCRIBED_AT"})
                for row in cursor.execute(f"SELECT * FROM {name}").fetchall()
            )
            for name in tables.TABLES
        }


def vectors_of(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """All objects of all collections, by id."""
    connection = LanceVectorStore(path=str(deployment.home / "vectors"))._connection()
    return {
        name: {row.pop("id"): row for row in connection.open_table(name).to_arrow().to_pylist()}
        for name in connection.list_tables().tables
    }


@pytest.mark.timeout(900)
def test_celery_workers_write_the_tables_and_vectors_of_a_run_in_one_process(
    on_celery: Deployment, in_process: Deployment
) -> None:
    rows = rows_of(on_celery)
    assert rows == rows_of(in_process)
    assert len(rows["CALL_TRANSCRIPTS"]) == 4
    assert vectors_of(on_celery) == vectors_of(in_process)


def test_workers_have_done_every_step_and_assets_are_materialized(on_celery: Deployment) -> None:
    with dg.DagsterInstance.from_config(str(on_celery.home / "dagster")) as instance:
        (run,) = instance.get_runs()
        steps = {step.step_key for step in instance.get_run_step_stats(run.run_id)}
        events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        by_a_worker = {event.step_key for event in events if "in celery worker" in event.message}
        comments = instance.get_latest_materialization_event(dg.AssetKey("customer_comment"))
        materialized = set(instance.all_asset_keys())
    assert steps == by_a_worker
    assert {f"{name}.{name}_{number}_of_2" for name in FANNED_OUT for number in (1, 2)} <= steps
    assert comments.asset_materialization.metadata["dagster/row_count"].value == 4
    assert definitions.defs.resolve_asset_graph().materializable_asset_keys <= materialized


def test_assets_are_the_same_in_both_code_locations() -> None:
    single, several = (
        {spec.key: spec for spec in defs.resolve_all_asset_specs()}
        for defs in (definitions.defs, distributed.defs)
    )
    assert several.keys() == single.keys()
    for key, spec in single.items():
        assert {dep.asset_key for dep in several[key].deps} == {dep.asset_key for dep in spec.deps}
        assert several[key].replace_attributes(deps=[]) == spec.replace_attributes(deps=[])
    checks = [defs.resolve_asset_graph().asset_check_keys for defs in (definitions.defs, distributed.defs)]
    assert checks[0] == checks[1]


def test_every_step_takes_turns_and_is_retried_as_in_one_process() -> None:
    single, several = (
        {
            next(iter(asset.keys)).path[-1]: asset
            for asset in defs.assets or ()
            if isinstance(asset, dg.AssetsDefinition)
        }
        for defs in (definitions.defs, distributed.defs)
    )
    assert several.keys() == single.keys()
    for name, asset in single.items():
        pool, steps = asset.op.pool, list(several[name].node_def.iterate_op_defs())
        assert asset.op.retry_policy == RETRIES
        assert {step.retry_policy for step in steps} == {RETRIES}
        buckets = settings().buckets if name in FANNED_OUT else 0
        of_buckets = {f"{pool}_{number}_of_{buckets}" for number in range(1, buckets + 1)}
        assert sorted(str(step.pool) for step in steps) == sorted({str(pool), *of_buckets})


def test_the_number_of_buckets_is_the_number_of_steps_side_by_side() -> None:
    (asset,) = (
        asset
        for asset in definitions.defs.assets or ()
        if isinstance(asset, dg.AssetsDefinition) and asset.keys == {dg.AssetKey("customer_call")}
    )
    assert len(fanned_out(asset, 5).node_def.nodes) == 5 + 1  # type: ignore[attr-defined]


def test_kubernetes_gives_a_step_with_a_model_the_memory_that_it_needs() -> None:
    from dagster_k8s.job import (
        DagsterK8sJobConfig,
        UserDefinedDagsterK8sConfig,
        construct_dagster_k8s_job,
        get_user_defined_k8s_config,
    )

    executor = distributed.executor(Settings(executor="kubernetes"))
    job = dg.Definitions(
        assets=distributed.defs.assets,
        jobs=distributed.defs.jobs,
        resources=distributed.defs.resources,
        executor=executor,
    ).resolve_job_def("all_assets")
    config = dg.validate_run_config(job)["execution"]["kubernetes"]
    of_all_steps = UserDefinedDagsterK8sConfig.from_dict(config["step_k8s_config"])
    (step, *_) = (node for node in job.get_node_named("customer_call").definition.nodes if "_of_" in node.name)
    of_the_step = get_user_defined_k8s_config(step.tags)
    assert of_the_step.container_config["resources"]["requests"]["memory"] == "1Gi"
    for asked, memory in ((of_all_steps, "512Mi"), (of_the_step, "1Gi")):
        made = construct_dagster_k8s_job(
            DagsterK8sJobConfig(job_image="customer-analytics", dagster_home="/state/dagster"),
            args=["dagster", "api", "execute_step"],
            job_name="step",
            user_defined_k8s_config=asked,
        )
        (container,) = made.spec.template.spec.containers
        assert container.resources.requests["memory"] == memory
