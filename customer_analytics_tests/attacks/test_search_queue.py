"""Many searches at once: they take turns, in order of arrival, on a few threads, and a full queue says so at once."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from customer_analytics.model_files import RERANKER_EN
from customer_analytics.ports import onnx_model
from customer_analytics.ports.answers import scoring
from customer_analytics.ports.answers.reranker import Reranker
from customer_analytics.ports.answers.scoring import BusyError, Turns
from customer_analytics.search import Search, finding
from customer_analytics.settings import settings

TEXTS = ["The train is loud.", "A lovely puzzle.", "The doll broke."]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What all scoring waits for."""
    opened = threading.Event()
    yield opened
    opened.set()


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_searches_are_served_in_the_order_of_their_arrival(gate: threading.Event) -> None:
    turns, served = Turns(1), []

    def score(search: int, text: str) -> float:
        gate.wait()
        served.append(search)
        return 0.0

    with ThreadPoolExecutor(20) as sessions:
        for search in range(20):
            sessions.submit(turns.scores, lambda text, search=search: score(search, text), TEXTS)
            wait_for(lambda search=search: turns.waiting == search + 1)
        gate.set()
    assert served == [search for search in range(20) for _ in TEXTS]
    assert turns.waiting == 0


def test_no_more_texts_are_scored_at_once_than_there_are_threads(gate: threading.Event) -> None:
    turns, now, most, lock = Turns(2), 0, 0, threading.Lock()
    gate.set()

    def score(text: str) -> float:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1
        return 0.0

    with ThreadPoolExecutor(20) as sessions:
        list(sessions.map(lambda _: turns.scores(score, TEXTS), range(20)))
    assert most == 2


def test_a_full_queue_refuses_at_once_and_takes_more_once_it_is_empty(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "MOST_WAITING", 3)
    turns = Turns(1)

    def score(text: str) -> float:
        gate.wait()
        return 1.0

    with ThreadPoolExecutor(3) as sessions:
        for _ in range(3):
            sessions.submit(turns.scores, score, TEXTS)
        wait_for(lambda: turns.waiting == 3)
        with pytest.raises(BusyError, match="3 searches are waiting already: try again in a moment"):
            turns.scores(score, TEXTS)
        gate.set()
    assert turns.scores(score, TEXTS) == [1.0, 1.0, 1.0]


def test_a_search_that_fails_gives_its_place_back() -> None:
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError):
        turns.scores(lambda text: 1 / 0, TEXTS)
    assert turns.waiting == 0


def test_all_searches_of_a_process_share_one_queue() -> None:
    cache = str(settings().model_cache)
    assert scoring.turns(2) is scoring.turns(2)
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: scoring.turns(7), range(8)))
    assert len(made) == 1
    assert Reranker(cache_folder=cache).waiting() == Reranker(cache_folder=cache).waiting() == 0


def test_the_model_is_loaded_once_however_many_search_first(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    really_load = onnx_model._load

    def load(files: dict[str, Path]) -> onnx_model.OnnxModel:
        loads.append(files)
        return really_load(files)

    monkeypatch.setattr(onnx_model, "_loaded", {})
    monkeypatch.setattr(onnx_model, "_load", load)
    reranker = Reranker(cache_folder=str(settings().model_cache))
    with ThreadPoolExecutor(8) as sessions:
        scores = list(sessions.map(lambda _: reranker.score("noise", TEXTS), range(8)))
    assert len(loads) == 1
    assert all(each == scores[0] for each in scores)
    assert RERANKER_EN.name in {name for name, *_ in onnx_model._loaded}


class _Counting:
    """In place of the reranker: counts what it is asked to read."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def score(self, query: str, texts: list[str]) -> list[float]:
        self.texts += texts
        return [0.0] * len(texts)


def test_a_search_reads_at_most_forty_excerpts_and_none_twice() -> None:
    def candidate(number: int, text: str) -> finding.Candidate:
        match = finding.Match(str(number), {"review_text": text, "customer_id": "1"}, 0.0)
        return finding.Candidate("comment", match)

    counting = _Counting()
    search = Search(None, None, None, counting)  # type: ignore[arg-type]
    hits = search.reranked("noise", [candidate(n, f"Text {n // 2}.") for n in range(200)])
    assert len(counting.texts) == len(set(counting.texts)) <= 40
    assert len(hits) >= 40
