"""What every embedder guarantees; a new adapter joins by a line in `EMBEDDERS`."""

import multiprocessing
import random
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.ports.embeddings.openai import OpenAIEmbedder
from customer_analytics.ports.openai_service import OpenAIService
from customer_analytics.settings import settings
from customer_analytics_tests import openai_server


def local(threads: int) -> Embedder:
    return BgeSmallEmbedder(cache_folder=str(settings().model_cache), threads=threads)


def openai(threads: int) -> Embedder:
    service = OpenAIService(api_key=openai_server.KEY, base_url=openai_server.shared_url())
    return OpenAIEmbedder(
        service=service, cache_folder=str(settings().model_cache), requests=threads, texts_a_request=5
    )


EMBEDDERS: dict[str, Callable[[int], Embedder]] = {"local": local, "openai": openai}

TEXTS = [
    "The doll arrived broken and nobody answers my mails.",
    "Best toy store ever, my daughter loves the train set!",
    "ok",
    " ".join(f"Call {n} about my bill was answered after {n} minutes." for n in range(60)),
    *(
        f"Order {n} came {'late' if n % 3 else 'on time'}, {'never again' if n % 2 else 'thank you'}."
        for n in range(28)
    ),
]

HOSTILE = {
    "empty": "",
    "spaces": " \t\r\n ",
    "emoji": "👍🏽👩‍👩‍👧 great",
    "lone surrogate": "broken \ud83d text",
    "surrogate pair": "\ud83d\udc4d",
    "NUL": "zero\x00byte",
    "right to left": "\u202e\u0645\u0631\u062d\u0628\u0627, \u05e9\u05dc\u05d5\u05dd",
    "control characters": "\x01\x02\x1b[31m\x7f",
    "SQL": "'; DROP TABLE CUSTOMERS; --",
    "one long word": "a" * 100_000,
    "a million words": "toy " * 1_000_000,
}


@pytest.fixture(scope="session", params=list(EMBEDDERS))
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def make(adapter: str) -> Callable[[int], Embedder]:
    return EMBEDDERS[adapter]


@pytest.fixture(scope="session")
def embedder(make: Callable[[int], Embedder]) -> Embedder:
    return make(2)


@pytest.fixture(scope="session")
def alone(embedder: Embedder) -> list[bytes]:
    """Each text's vector, embedded alone."""
    return [embedder.embed([text])[0].tobytes() for text in TEXTS]


def rows(vectors: npt.NDArray[np.float32]) -> list[bytes]:
    return [vector.tobytes() for vector in vectors]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_vector_does_not_depend_on_its_company_its_place_or_the_threads(
    make: Callable[[int], Embedder], alone: list[bytes], threads: int, seed: int
) -> None:
    assert len(TEXTS) == 32
    order = random.Random(seed).sample(range(32), 32)
    assert rows(make(threads).embed([TEXTS[i] for i in order])) == [alone[i] for i in order]


def embed_with(adapter: str, texts: list[str]) -> list[bytes]:
    return rows(EMBEDDERS[adapter](2).embed(texts))


def test_another_process_computes_the_same_vectors(adapter: str, alone: list[bytes]) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        assert process.submit(embed_with, adapter, TEXTS[:8]).result(timeout=120) == alone[:8]


def test_threads_that_start_together_share_one_model(make: Callable[[int], Embedder], alone: list[bytes]) -> None:
    together = threading.Barrier(4)
    results: list[bytes] = []

    def embed() -> None:
        together.wait()
        results.append(make(1).embed(TEXTS[:1])[0].tobytes())

    threads = [threading.Thread(target=embed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [alone[0]] * 4


def test_vectors_are_float32_of_unit_length_and_the_model_s_dimensions(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (32, embedder.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.dimensions)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_any_string_has_a_vector(embedder: Embedder, text: str) -> None:
    (vector,) = embedder.embed([text])
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_near_meanings_are_nearer_than_far_ones(embedder: Embedder) -> None:
    broken, damaged, happy = embedder.embed(
        ["The doll arrived broken.", "My puppet was damaged in the post.", "Thank you, we love the trains!"]
    )
    assert broken @ damaged > broken @ happy + 0.1


def test_the_model_s_name_can_stand_in_a_collection_s_name(embedder: Embedder) -> None:
    assert embedder.model.isascii()
    assert not set(embedder.model) & set(" /\\'\"")


class TestLocal:
    """What the local model makes of what it cannot read."""

    @pytest.fixture(scope="class")
    def embedder(self) -> Embedder:
        return local(2)

    def test_the_name_says_model_quantisation_and_truncation(self, embedder: Embedder) -> None:
        assert embedder.model == "bge-small-en-v1.5-int8-256"

    @pytest.mark.parametrize(
        ("text", "read_as"),
        [(" \t\r\n ", ""), ("\x00\x01", ""), ("gr\ud83deat", "great"), ("\ud83d\udc4d", "👍"), ("GREAT", "great")],
    )
    def test_what_is_not_text_counts_as_nothing(self, embedder: Embedder, text: str, read_as: str) -> None:
        assert rows(embedder.embed([text])) == rows(embedder.embed([read_as]))

    def test_a_text_counts_with_its_first_256_tokens(self, embedder: Embedder) -> None:
        # 254 words and the two marks around them
        whole, longer, shorter = embedder.embed(["toy " * 254, "toy " * 254 + "broken", "toy " * 253 + "broken"])
        assert whole.tobytes() == longer.tobytes()
        assert whole.tobytes() != shorter.tobytes()
