"""docker-compose.yml: a valid file, whose services run by the commands that it declares."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.weaviate_server.configuration import variables as weaviate_variables
from customer_analytics.weaviate_server.container import IMAGE
from customer_analytics_tests.production.compose import ROOT, Here, image_variables, interpolated
from customer_analytics_tests.production.servers import answers, running
from customer_analytics_tests.small_source import write_small_source

LOADER = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"
SECRETS = {
    "POSTGRES_PASSWORD": "a-postgres-password",
    "WEAVIATE_API_KEY": "a-weaviate-key",
    "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN": "an-endpoint-token",
}
EMBEDDED = {**SECRETS, "CUSTOMER_ANALYTICS_WAREHOUSE": "embedded"}
MODEL: dict[str, Any] = yaml.safe_load(interpolated(SECRETS))
SERVICES: dict[str, dict[str, Any]] = MODEL["services"]
OURS = {"endpoint", "code", "webserver", "daemon", "dashboard"}
LAUNCH = """mutation($run: ExecutionParams!) { launchRun(executionParams: $run) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


# The file


def test_the_compose_specifications_loader_accepts_the_file(tmp_path: Path) -> None:
    go = shutil.which("go", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if go is None:
        pytest.skip("no Go, with which the Compose specification's loader is built")
    file = tmp_path / "docker-compose.yml"
    file.write_text(interpolated(EMBEDDED))
    environment = {**os.environ, "GOFLAGS": "-mod=mod"}
    done = subprocess.run(
        [go, "run", LOADER, "-format", "json", str(file)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) == set(SERVICES)


def test_nothing_is_published_beyond_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"webserver": ["127.0.0.1:3000:3000"], "dashboard": ["127.0.0.1:8501:8501"]}
    assert MODEL["networks"]["internal"] == {"internal": True}
    for store in ("postgres", "weaviate", "endpoint", "daemon"):
        assert SERVICES[store]["networks"] == ["internal"], store


def test_secrets_have_no_default_and_reach_only_those_who_need_them() -> None:
    with pytest.raises(KeyError, match="Set POSTGRES_PASSWORD in"):
        interpolated({"WEAVIATE_API_KEY": "k"})
    with pytest.raises(KeyError, match="Set WEAVIATE_API_KEY in"):
        interpolated({"POSTGRES_PASSWORD": "p"})
    assert {name for name, service in SERVICES.items() if "env_file" in service} == {"code", "dashboard"}
    for name in ("webserver", "daemon"):
        assert not set(SECRETS.values()) - {"a-postgres-password"} & set(SERVICES[name]["environment"].values())
    assert not any(secret in json.dumps(MODEL["configs"]) for secret in SECRETS.values())


def test_the_example_names_every_variable_of_the_file() -> None:
    named = set(dotenv_values(ROOT / ".env.example", interpolate=False))
    for line in (ROOT / ".env.example").read_text().splitlines():
        named |= (
            {line[1:].partition("=")[0]} if line.startswith("#") and "=" in line and " " not in line else set()
        )
    assert set(SECRETS) <= named
    assert {"SOURCE_FOLDER", "DAGSTER_PORT", "DASHBOARD_PORT", "COMPOSE_PROFILES"} <= named


def test_images_are_pinned_and_every_service_has_a_health_check_and_comes_back() -> None:
    for name, service in SERVICES.items():
        assert service["image"].count(":") == 1
        assert "latest" not in service["image"]
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"
        if name in OURS:
            assert service["cap_drop"] == ["ALL"]
    assert SERVICES["endpoint"]["profiles"] == ["embedded"]
    assert SERVICES["code"]["depends_on"]["endpoint"] == {"condition": "service_healthy", "required": False}


def test_weaviate_is_set_up_as_the_server_that_is_tested_against() -> None:
    weaviate = SERVICES["weaviate"]
    assert weaviate["image"] == IMAGE
    data, backups = (Path(volume.partition(":")[2]) for volume in weaviate["volumes"])
    assert weaviate["environment"] == weaviate_variables("a-weaviate-key", data, backups)


def test_dagsters_instance_is_that_of_the_command_line_but_for_its_storage() -> None:
    here: dict[str, Any] = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    deployed: dict[str, Any] = yaml.safe_load(MODEL["configs"]["dagster"]["content"])
    assert deployed.pop("storage").keys() == {"postgres"}
    assert deployed == here


def test_the_image_is_compiled_unprivileged_and_made_of_files_that_are_there() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert lines[-1] == "USER customer-analytics"
    assert any("compileall" in line for line in lines)
    assert image_variables()["CUSTOMER_ANALYTICS_HOME"] == "/state"
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {name for names in copied for name in names} == sent
    assert all((ROOT / name).exists() for name in sent)


# The services


@contextmanager
def debian_postgres(port: int, folder: Path) -> Iterator[None]:
    """PostgreSQL as the image would start it: one database and one user, who has a password."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("no PostgreSQL; on Debian and Ubuntu: apt install postgresql")
    declared = SERVICES["postgres"]["environment"]
    user, password = declared["POSTGRES_USER"], declared["POSTGRES_PASSWORD"]
    # It refuses to run as root.
    as_whom: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory() as data, tempfile.NamedTemporaryFile("w") as secret:
        secret.write(password)
        secret.flush()
        for path in (data, secret.name) if as_whom else ():
            shutil.chown(path, **as_whom)
        create = [programs[-1] / "initdb", f"--pgdata={data}/cluster", f"--username={user}"]
        create += ["--auth=scram-sha-256", f"--pwfile={secret.name}", "--no-sync"]
        subprocess.run(create, check=True, capture_output=True, cwd="/", **as_whom)
        serve = [str(programs[-1] / "postgres"), "-D", f"{data}/cluster", "-p", str(port)]
        serve += ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}", "-c", "fsync=off"]
        with running(serve, folder / "postgres.log", lambda: answers(port), cwd="/", **as_whom):
            made = [programs[-1] / "createdb", "--host=127.0.0.1", f"--port={port}", f"--username={user}"]
            made.append(declared["POSTGRES_DB"])
            subprocess.run(made, check=True, env={**os.environ, "PGPASSWORD": password})
            yield


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """Every service but Weaviate, whose real server has tests of its own."""
    folder = tmp_path_factory.mktemp("compose")
    write_small_source(folder / "source")
    made = Here(folder, EMBEDDED)
    assert [name for name in SERVICES if name != "weaviate" and made.is_healthy(name)] == []
    with (
        debian_postgres(made.ports["postgres"], folder),
        made.up("endpoint", "code", "dashboard"),
        made.up("webserver", "daemon"),
    ):
        yield made


def graphql(here: Here, query: str, **variables: Any) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{here.ports['webserver']}/graphql",
        data=json.dumps({"query": query, "variables": variables}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.load(response)
    assert "errors" not in answer, answer
    return answer["data"]


@pytest.mark.timeout(900)
def test_every_service_is_healthy_and_the_web_ui_has_loaded_the_code_location(here: Here) -> None:
    found = graphql(here, "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }")
    assert found["workspaceOrError"]["locationEntries"] == [{"name": "customer_analytics", "loadStatus": "LOADED"}]


@pytest.mark.timeout(900)
def test_a_run_launched_in_the_ui_is_queued_in_postgres_and_writes_to_the_endpoint(here: Here) -> None:
    assets = (
        "warehouse_objects",
        "stg_customers",
        "stg_orders",
        "stg_payments",
        "stg_rejected_rows",
        "as_of",
        "customers",
    )
    selector = {
        "repositoryLocationName": "customer_analytics",
        "repositoryName": "__repository__",
        "jobName": "all_assets",
        "assetSelection": [{"path": [asset]} for asset in assets],
    }
    launched = graphql(here, LAUNCH, run={"selector": selector, "runConfigData": {}})["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]
    status, deadline = "QUEUED", time.monotonic() + 240
    while status not in ("SUCCESS", "FAILURE", "CANCELED") and time.monotonic() < deadline:
        time.sleep(1)
        found = graphql(here, "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }", id=run_id)
        status = found["runOrError"]["status"]
    assert status == "SUCCESS", (here.folder / "code.log").read_text()[-3000:]
    place = {"database": "CUSTOMER_ANALYTICS", "schema_name": "ANALYTICS"}
    url = f"http://127.0.0.1:{here.ports['endpoint']}"
    token = SECRETS["CUSTOMER_ANALYTICS_ENDPOINT_TOKEN"]
    warehouse = EmbeddedWarehouse(home="", url=url, token=token, **place)
    rows = warehouse.query("SELECT FIRST_NAME FROM CUSTOMER_ANALYTICS.ANALYTICS.CUSTOMERS ORDER BY 1").to_pylist()
    assert [row["FIRST_NAME"] for row in rows] == ["Ada", "Ben", "Cleo"]
    assert not (here.folder / "state" / "warehouse").exists()
