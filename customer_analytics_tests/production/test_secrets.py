"""No secret leaves the process but to the service that it is for.

One of each kind is planted where users put them. Then runs succeed and fail with them, and everything that they leave
is searched: what was logged (of every library, at the level DEBUG), events with their metadata, the texts of errors,
the Dagster database with its captured output, and what the code location tells of itself over GraphQL.
"""

import base64
import json
import logging
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value

from customer_analytics import assets
from customer_analytics.embedded_snowflake import find, stop
from customer_analytics.embedded_snowflake.process import TOKEN_VARIABLE
from customer_analytics.ports.vectors.weaviate_connection import Connection
from customer_analytics.resources.adapters import resources
from customer_analytics.settings import Settings, secret, settings
from customer_analytics_tests.openai_server import KEY as OPENAI_KEY
from customer_analytics_tests.openai_server import shared_url
from customer_analytics_tests.small_source import write_small_source
from customer_analytics_tests.warehouse.snowflake_account import LoopbackWarehouse, refusing_account

ROOT = Path(__file__).resolve().parents[2]


def planted_key(passphrase: str) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


PLANTED = {
    "SNOWFLAKE_PRIVATE_KEY": planted_key("planted-right-passphrase"),
    "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "planted-right-passphrase",
    "SNOWFLAKE_TOKEN": "planted-access-token",
    "WEAVIATE_API_KEY": "planted-weaviate-key",
    "OPENAI_API_KEY": "planted-openai-key",
    TOKEN_VARIABLE: "planted-endpoint-token",
}
NAMED_CONNECTION = "planted-connection-token"
NOWHERE = "http://127.0.0.1:9"


def secrets() -> list[str]:
    """The planted values; of the key each line, and its beginning in base64."""
    lines = [line for line in PLANTED["SNOWFLAKE_PRIVATE_KEY"].splitlines() if not line.startswith("-----")]
    others = [value for name, value in PLANTED.items() if name != "SNOWFLAKE_PRIVATE_KEY"]
    encoded = base64.b64encode(PLANTED["SNOWFLAKE_PRIVATE_KEY"].encode()).decode()[100:160]
    return [*lines, *others, "planted-wrong-passphrase", NAMED_CONNECTION, OPENAI_KEY, encoded]


def assert_no_secret_in(place: str, text: str) -> None:
    assert text, f"{place}: there is nothing to search"
    assert [secret for secret in secrets() if secret in text] == [], f"a secret is in {place}"


@dataclass
class Left:
    """What a run has left, and whether it succeeded."""

    success: bool
    events: str
    errors: str
    log: str
    database: str

    def assert_no_secret(self) -> None:
        for place, text in vars(self).items():
            if place != "success":
                assert_no_secret_in(place, text or "nothing")


@dataclass
class Runs:
    """Makes runs of the code location's assets with the resources that the environment names."""

    home: Path
    log: pytest.LogCaptureFixture

    def make(self, select: str, **replaced: Any) -> Left:
        self.log.clear()
        (self.home / "dagster").mkdir()
        with dg.DagsterInstance.local_temp(str(self.home / "dagster")) as instance:
            made = dg.materialize(
                dg.load_assets_from_package_module(assets),
                selection=dg.AssetSelection.from_string(select),
                resources=resources(Settings()) | replaced,
                instance=instance,
                raise_on_error=False,
            )
            events = [entry for entry in instance.all_logs(made.run_id)]
        errors = [str(entry.dagster_event.event_specific_data) for entry in events if "FAILURE" in str(entry)]
        files = [path for path in (self.home / "dagster").rglob("*") if path.is_file()]
        return Left(
            success=made.success,
            events="\n".join(serialize_value(entry) for entry in events),
            errors="\n".join(errors),
            log=self.log.text,
            database="\n".join(path.read_bytes().decode(errors="replace") for path in files),
        )


@pytest.fixture(scope="module")
def endpoint_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An endpoint that is served elsewhere, with the planted token."""
    home = tmp_path_factory.mktemp("elsewhere")
    command = [
        sys.executable,
        "-m",
        "customer_analytics.embedded_snowflake",
        "serve",
        "--data",
        home / "warehouse",
    ]
    with subprocess.Popen(
        command, env={**os.environ, TOKEN_VARIABLE: PLANTED[TOKEN_VARIABLE]}, cwd=ROOT
    ) as process:
        while not (endpoint := find(home)) and process.poll() is None:
            time.sleep(0.1)
        assert endpoint
        yield f"http://127.0.0.1:{endpoint.port}"
        stop(home)


@pytest.fixture
def runs(
    endpoint_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Runs:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda *_: 0)  # steps are tried again, but at once
    chosen = {
        "CUSTOMER_ANALYTICS_HOME": str(tmp_path),
        "CUSTOMER_ANALYTICS_SOURCE": str(write_small_source(tmp_path / "source", texts_a_label=5)),
        "CUSTOMER_ANALYTICS_EMBEDDED_ENDPOINT": endpoint_url,
        "CUSTOMER_ANALYTICS_EMBEDDINGS": "openai",
        "CUSTOMER_ANALYTICS_OPENAI_RETRIES": "0",
        "OPENAI_BASE_URL": shared_url(),
        "WEAVIATE_URL": NOWHERE,
        "SNOWFLAKE_ACCOUNT": "myorg-acc",
        "SNOWFLAKE_USER": "PIPELINE",
    }
    for name, value in {**PLANTED, **chosen}.items():
        monkeypatch.setenv(name, value)
    return Runs(tmp_path, caplog)


def test_a_run_that_succeeds_leaves_no_secret(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint is entered with the planted token, and texts are embedded with an OpenAI key."""
    monkeypatch.setenv("OPENAI_API_KEY", OPENAI_KEY)
    left = runs.make("+key:comment_training")
    assert left.success
    left.assert_no_secret()


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"OPENAI_API_KEY": PLANTED["OPENAI_API_KEY"]}, "API key"),
        ({"CUSTOMER_ANALYTICS_EMBEDDINGS": "local", "CUSTOMER_ANALYTICS_VECTORS": "weaviate"}, "Weaviate"),
        ({TOKEN_VARIABLE: "planted-wrong-passphrase"}, TOKEN_VARIABLE),
        ({"OPENAI_API_KEY": f"{PLANTED['OPENAI_API_KEY']}\n"}, "OPENAI_API_KEY holds"),
        (
            {
                "CUSTOMER_ANALYTICS_EMBEDDINGS": "local",
                "CUSTOMER_ANALYTICS_VECTORS": "weaviate",
                "WEAVIATE_URL": f"http://user:{PLANTED['WEAVIATE_API_KEY']}/more@127.0.0.1",
            },
            "WEAVIATE_URL must be like",
        ),
        (
            {
                "CUSTOMER_ANALYTICS_WAREHOUSE": "snowflake",
                "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "planted-wrong-passphrase",
            },
            "does not open with SNOWFLAKE_PRIVATE_KEY_PASSPHRASE",
        ),
    ],
    ids=["openai", "weaviate", "endpoint", "malformed-key", "malformed-address", "private-key"],
)
def test_a_run_that_fails_leaves_no_secret(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str], says: str
) -> None:
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Connection.call, "__defaults__", (1.0,))  # seconds to wait for a server that is not there
    left = runs.make("+key:comment_training")
    assert not left.success
    assert says in left.errors
    left.assert_no_secret()


@pytest.mark.parametrize("way", ["key-pair", "token", "oauth", "connection"])
def test_a_refused_sign_in_leaves_no_secret(runs: Runs, monkeypatch: pytest.MonkeyPatch, way: Any) -> None:
    with refusing_account("390144", "No.") as (port, sign_ins):
        entry = f'[mine]\naccount = "a"\nuser = "PIPELINE"\nauthenticator = "oauth"\ntoken = "{NAMED_CONNECTION}"'
        monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", entry)
        refused = LoopbackWarehouse(
            port=port,
            authentication=way,
            account="myorg-acc",
            user="PIPELINE",
            private_key=secret("SNOWFLAKE_PRIVATE_KEY"),
            private_key_passphrase=secret("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"),
            token=secret("SNOWFLAKE_TOKEN"),
            connection_name="mine",
            database="D",
            schema_name="S",
        )
        left = runs.make("key:warehouse_objects", warehouse=refused)
    assert sign_ins
    assert "Snowflake refused" in left.errors
    left.assert_no_secret()


VARIANTS = [
    {"CUSTOMER_ANALYTICS_WAREHOUSE": "embedded"},
    {"CUSTOMER_ANALYTICS_WAREHOUSE": "snowflake", "CUSTOMER_ANALYTICS_SNOWFLAKE_AUTHENTICATION": "token"},
    {"CUSTOMER_ANALYTICS_WAREHOUSE": "snowflake", "CUSTOMER_ANALYTICS_SNOWFLAKE_AUTHENTICATION": "key-pair"},
]
EVERYWHERE = {
    "CUSTOMER_ANALYTICS_VECTORS": "weaviate",
    "CUSTOMER_ANALYTICS_EMBEDDINGS": "openai",
    "CUSTOMER_ANALYTICS_SPEECH": "openai",
}


@pytest.mark.parametrize("variant", VARIANTS, ids=["embedded", "token", "key-pair"])
def test_the_snapshot_of_the_code_location_names_secrets_and_holds_none(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, variant: dict[str, str]
) -> None:
    for name, value in {**EVERYWHERE, **variant}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    try:
        defs = runpy.run_module("customer_analytics.definitions")["defs"]
    finally:
        settings.cache_clear()
    snapshot = serialize_value(RepositorySnap.from_def(defs.get_repository_def()))
    assert "WEAVIATE_API_KEY" in snapshot
    assert_no_secret_in("the snapshot", snapshot)


def test_graphql_names_secrets_and_tells_none(runs: Runs) -> None:
    query = """{ repositoriesOrError { ... on RepositoryConnection { nodes { allTopLevelResourceDetails {
        name configFields { name defaultValueAsJson } configuredValues { key value type } } } } } }"""
    command = [
        Path(sys.executable).with_name("dagster-graphql"),
        "-m",
        "customer_analytics.definitions",
        "-t",
        query,
    ]
    environment = {**os.environ, **EVERYWHERE, **VARIANTS[-1], "DAGSTER_HOME": str(runs.home)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    (answer,) = (line for line in done.stdout.splitlines() if line.startswith("{"))
    (location,) = json.loads(answer)["data"]["repositoriesOrError"]["nodes"]
    told = {
        value["value"]
        for resource in location["allTopLevelResourceDetails"]
        for value in resource["configuredValues"]
        if value["type"] == "ENV_VAR"
    }
    assert told >= {"SNOWFLAKE_PRIVATE_KEY", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "WEAVIATE_API_KEY"}
    assert_no_secret_in("GraphQL", done.stdout + done.stderr)
