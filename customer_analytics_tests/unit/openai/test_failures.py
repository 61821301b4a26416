"""What becomes of a service that is overloaded, broken, slow or talks nonsense; the real client asks."""

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiktoken

from customer_analytics.ports.embeddings import token_limit
from customer_analytics.ports.embeddings.openai import OpenAIEmbedder
from customer_analytics.ports.openai_service import OpenAIError, OpenAIService
from customer_analytics.ports.speech.audio import SAMPLE_RATE, decode
from customer_analytics.ports.speech.base import Transcript
from customer_analytics.ports.speech.openai import OpenAITranscriber
from customer_analytics.settings import settings
from customer_analytics_tests import openai_server
from customer_analytics_tests.openai_server import (
    DISTURBED,
    KEY,
    LONG_RATE_LIMIT,
    NO_CREDIT,
    RATE_LIMIT,
    Answer,
    OpenAIServer,
    half_the_body,
    refusal,
    too_few_vectors,
)
from customer_analytics_tests.spoken import SECONDS, SPEECH


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    yield server
    server.stop()


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.fail()
    return running


def service(server: OpenAIServer, **settings: object) -> OpenAIService:
    return OpenAIService(**({"api_key": KEY, "base_url": server.url, "retries": 1} | settings))


def embedder(server: OpenAIServer, **settings: object) -> OpenAIEmbedder:
    mine = {"service": service(server), "cache_folder": str(CACHE)}
    return OpenAIEmbedder(**(mine | settings))


CACHE = settings().model_cache


def test_a_rate_limit_is_waited_out_as_long_as_the_service_says(server: OpenAIServer) -> None:
    server.fail(RATE_LIMIT)
    assert embedder(server).embed(["ok"]).shape == (1, 1536)
    first, second = server.requests
    assert second.at - first.at >= 1


@pytest.mark.parametrize(
    "fault", [DISTURBED, half_the_body, too_few_vectors, Answer(200, "<html>"), Answer(200, "[]")]
)
def test_what_passes_is_asked_for_again(server: OpenAIServer, fault: openai_server.Fault) -> None:
    expected = embedder(server).embed(["ok", "well"])
    server.fail(fault)
    np.testing.assert_array_equal(embedder(server).embed(["ok", "well"]), expected)
    assert len(server.requests) == 2


def test_an_answer_that_does_not_come_in_time_is_asked_for_again(server: OpenAIServer) -> None:
    patient = embedder(server, service=service(server, timeout=5))
    expected = patient.embed(["ok"])  # and the model behind the server is loaded
    server.fail(6.0)
    np.testing.assert_array_equal(patient.embed(["ok"]), expected)


@pytest.mark.parametrize(
    ("faults", "sentence"),
    [
        (
            [DISTURBED] * 2,
            "status 500 (The server had an error): the service has a failure. Finished work is kept",
        ),
        (
            [LONG_RATE_LIMIT],
            "the account's rate limit is reached. Finished work is kept: run again in 600 seconds",
        ),
        ([NO_CREDIT] * 2, "the account has no credit left"),
        ([half_the_body] * 2, "gave a malformed answer"),
        ([too_few_vectors] * 2, "1 vectors for 2 texts"),
        ([refusal(400, "No", "invalid")], "correct the settings CUSTOMER_ANALYTICS_OPENAI_"),
    ],
)
def test_repetitions_end_in_a_sentence_that_says_what_to_do(
    server: OpenAIServer, faults: list[openai_server.Fault], sentence: str
) -> None:
    server.fail(*faults)
    with pytest.raises(OpenAIError) as raised:
        embedder(server).embed(["ok", "well"])
    assert sentence in str(raised.value)
    assert len(server.requests) == len(faults)


def test_a_service_that_is_not_there_is_named(server: OpenAIServer) -> None:
    nobody = service(server, base_url="http://127.0.0.1:9/v1", retries=0)
    with pytest.raises(OpenAIError, match=r"127.0.0.1:9/v1 cannot be reached .* correct OPENAI_BASE_URL"):
        embedder(server, service=nobody).embed(["ok"])


def test_a_refused_key_is_not_repeated(server: OpenAIServer) -> None:
    with pytest.raises(OpenAIError, match="set OPENAI_API_KEY") as raised:
        embedder(server, service=service(server, api_key="sk-somebodys")).embed(["ok"])
    assert "sk-somebodys" not in str(raised.value)
    assert "sk-somebodys" not in repr(service(server, api_key="sk-somebodys"))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_without_a_key_nothing_is_asked(server: OpenAIServer) -> None:
    with pytest.raises(OpenAIError, match="OPENAI_API_KEY is not set"):
        embedder(server, service=service(server, api_key=None)).embed(["ok"])
    assert server.requests == []


def test_an_unknown_model_is_named(server: OpenAIServer) -> None:
    with pytest.raises(OpenAIError, match=r"'gpt-0' does not exist.*OPENAI_…_MODEL"):
        service(server).describe("gpt-0")
    assert service(server).describe("whisper-1") == f"whisper-1 at {server.url}"


# Embeddings


def test_a_request_keeps_the_limits_on_texts_and_on_tokens(server: OpenAIServer) -> None:
    long = "toy " * 9000  # 9,000 tokens, of which 8,191 count
    embedder(server).embed([long] * 40 + ["ok"] * 100)
    sent = [len(request.body["input"]) for request in server.requests]
    assert sum(sent) == 140
    assert sorted(sent) == [36, 40, 64]  # 36 x 8,191 tokens are the most below 300,000


def test_a_long_text_counts_with_its_first_tokens(server: OpenAIServer) -> None:
    short = embedder(server, max_tokens=4)
    short.embed(["one two three four five six", "zażółć gęślą jaźń", "👩‍👩‍👧👩‍👩‍👧"])
    (request,) = server.requests
    assert request.body["input"] == ["one two three four", "zażółć", "👩"]
    assert short.model == "text-embedding-3-small-4"


def test_tiktoken_finds_the_vocabulary_in_the_model_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(address: str) -> bytes:
        raise AssertionError(f"tiktoken downloads {address}")

    monkeypatch.setattr(tiktoken.load, "read_file", download)
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    token_limit._encoding.cache_clear()
    assert token_limit.first_tokens("one two three", 2, str(settings().model_cache)) == "one two"


def test_the_tokens_that_the_service_has_counted_are_priced(server: OpenAIServer) -> None:
    listed, negotiated, unknown = (
        embedder(server),
        embedder(server, price=3.0),
        embedder(server, name="BAAI/bge-small", length=384),
    )
    for priced in (listed, negotiated, unknown):
        priced.embed(["a toy", "two toys"])
    assert listed.spent().metadata == {"tokens_billed": 4, "cost_estimate_usd": 8e-08}
    assert negotiated.spent().metadata == {"tokens_billed": 4, "cost_estimate_usd": 12e-6}
    assert unknown.spent().metadata == {"tokens_billed": 4}
    assert listed.spent().metadata == {"tokens_billed": 0, "cost_estimate_usd": 0.0}


def test_shorter_vectors_are_asked_for_and_only_they(server: OpenAIServer) -> None:
    assert embedder(server, length=256).embed(["ok"]).shape == (1, 256)
    assert embedder(server).embed(["ok"]).shape == (1, 1536)
    assert [request.body.get("dimensions") for request in server.requests] == [256, None]


def test_a_model_of_another_maker_needs_its_length_and_is_held_to_it(server: OpenAIServer) -> None:
    with pytest.raises(ValueError, match="OPENAI_EMBEDDING_DIMENSIONS"):
        embedder(server, name="BAAI/bge-small").embed(["ok"])
    foreign = embedder(server, name="BAAI/bge-small", length=384)
    assert foreign.embed(["ok"]).shape == (1, 384)
    assert foreign.model == "BAAI-bge-small-8191"
    with pytest.raises(OpenAIError, match="gives vectors of length 384, not 512"):
        embedder(server, name="BAAI/bge-small", length=512).embed(["ok"])


# Speech


def transcriber(server: OpenAIServer, **settings: object) -> OpenAITranscriber:
    return OpenAITranscriber(service=service(server), **settings)


def test_a_service_that_fails_is_no_failed_call(server: OpenAIServer) -> None:
    server.fail(DISTURBED, DISTURBED)
    calls = transcriber(server).transcribe([SPEECH])
    with pytest.raises(OpenAIError, match="the service has a failure"):
        next(calls)


def test_a_recording_that_the_service_cannot_read_is_a_failed_call(server: OpenAIServer) -> None:
    server.fail(refusal(400, "Audio file might be corrupted or unsupported.", "invalid_value", "file"))
    first, second = transcriber(server).transcribe([SPEECH, SPEECH])
    assert first == Transcript(
        "failed", error="The file is refused by whisper-1: Audio file might be corrupted or unsupported."
    )
    assert second.status == "ok"


def test_what_is_no_audio_costs_no_request(server: OpenAIServer, tmp_path: Path) -> None:
    (tmp_path / "call.mp3").write_bytes(b"Dear customer")
    (failed,) = transcriber(server).transcribe([tmp_path / "call.mp3"])
    assert failed.status == "failed"
    assert server.requests == []


def test_only_speech_is_sent_and_billed_and_not_the_name_of_the_file(server: OpenAIServer, tmp_path: Path) -> None:
    path = tmp_path / "17-01.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * SAMPLE_RATE * 10) + decode(SPEECH, 60).tobytes())
    listener = transcriber(server)
    (heard,) = listener.transcribe([path])
    (request,) = server.requests
    assert heard.duration_seconds == pytest.approx(10 + SECONDS, abs=0.1)
    assert b"17-01" not in request.body["file"]
    spent = listener.spent()
    assert spent.unit == "seconds of speech"
    assert spent.quantity == pytest.approx(SECONDS, abs=1)
    assert spent.dollars == pytest.approx(spent.quantity / 60 * 0.006)


def test_models_that_tell_no_language_are_asked_for_plain_text(server: OpenAIServer) -> None:
    (heard,) = transcriber(server, name="gpt-4o-transcribe").transcribe([SPEECH])
    assert (heard.status, heard.language) == ("ok", None)
    assert server.requests[0].body["response_format"] == "json"
