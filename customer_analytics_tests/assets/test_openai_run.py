"""The whole graph with OpenAI's protocol behind speech and embeddings, from the command line."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from customer_analytics.embedded_snowflake import stop
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.openai_server import KEY, OpenAIServer
from customer_analytics_tests.small_source import write_small_source
from customer_analytics_tests.spoken import SECONDS, SPEECH

COLLECTIONS = ("comment_training", "customer_comment", "customer_call")
VECTORISED = " or ".join(f"key:{name}" for name in (*COLLECTIONS, "sentiment_classifier", "pred_twitter_comments"))


class OpenAIDeployment(Deployment):
    def metadata(self, asset: str) -> dict[str, Any]:
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            event = instance.get_latest_materialization_event(dg.AssetKey(asset))
        assert event is not None and event.asset_materialization is not None
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}

    def collections(self) -> set[str]:
        return {path.name.removesuffix(".lance") for path in (self.home / "vectors").glob("*.lance")}


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_small_source(tmp_path_factory.mktemp("source"))
    shutil.copyfile(SPEECH, folder / "calls" / f"1-01{SPEECH.suffix}")
    return folder


@pytest.fixture(scope="module")
def deployment(
    server: OpenAIServer, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    chosen = {f"CUSTOMER_ANALYTICS_{port}": "openai" for port in ("EMBEDDINGS", "SPEECH")}
    chosen |= {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url}
    made = OpenAIDeployment(tmp_path_factory.mktemp("openai"), chosen)
    made.call("run", "--source", str(source))
    yield made
    stop(made.home)


def test_the_run_completes(deployment: OpenAIDeployment) -> None:
    (call,) = deployment.rows("SELECT STATUS, LANGUAGE, MODEL FROM CALL_TRANSCRIPTS")
    assert call == {"STATUS": "ok", "LANGUAGE": "en", "MODEL": "openai-whisper-1"}
    assert deployment.rows("SELECT CUSTOMER_ID, CALLS, COMMENTS FROM PRES_SENTIMENT ORDER BY 1") == [
        {"CUSTOMER_ID": "1", "CALLS": 1, "COMMENTS": 3},
        {"CUSTOMER_ID": "2", "CALLS": 0, "COMMENTS": 1},
    ]


def test_assets_report_what_was_billed_and_its_estimated_cost(deployment: OpenAIDeployment) -> None:
    for name in COLLECTIONS:
        metadata = deployment.metadata(name)
        assert metadata["embedding_model"] == "text-embedding-3-small-8191"
        assert metadata["tokens_billed"] > 0
        assert metadata["cost_estimate_usd"] == pytest.approx(metadata["tokens_billed"] * 0.02 / 1e6)
    calls = deployment.metadata("call_transcripts")
    assert calls["seconds_of_speech_billed"] == pytest.approx(SECONDS, abs=1)
    assert calls["cost_estimate_usd"] == pytest.approx(calls["seconds_of_speech_billed"] / 60 * 0.006)


def test_the_key_stands_nowhere_in_the_state_folder(deployment: OpenAIDeployment) -> None:
    files = [path for path in deployment.home.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_other_dimensions_lead_to_collections_and_a_classifier_of_their_own(
    deployment: OpenAIDeployment, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = deployment.metadata("sentiment_classifier")["version"]
    first = {f"{name}__text_embedding_3_small_8191__1536" for name in COLLECTIONS}
    assert deployment.collections() == first
    monkeypatch.setitem(os.environ, "CUSTOMER_ANALYTICS_OPENAI_EMBEDDING_DIMENSIONS", "256")
    deployment.call("run", "--source", str(source), "--select", VECTORISED)
    assert deployment.collections() == first | {name.replace("1536", "256") for name in first}
    after = deployment.metadata("sentiment_classifier")["version"]
    assert after != before
    assert deployment.rows("SELECT DISTINCT MODEL_VERSION FROM PRED_TWITTER_COMMENTS") == [
        {"MODEL_VERSION": after}
    ]
    assert deployment.metadata("comment_training")["dimensions"] == 256


def test_a_service_that_fails_fails_the_step_and_says_what_to_do(
    deployment: OpenAIDeployment, server: OpenAIServer, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "CUSTOMER_ANALYTICS_OPENAI_EMBEDDING_MODEL", "text-embedding-9")
    monkeypatch.setitem(os.environ, "CUSTOMER_ANALYTICS_OPENAI_EMBEDDING_DIMENSIONS", "384")
    done = deployment.attempt("run", "--source", str(source), "--select", "comment_training")
    assert done.returncode == 1
    assert "comment_training" in done.stderr
    assert "correct the model's name" in done.stderr
    assert "Traceback" not in done.stderr
