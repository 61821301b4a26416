"""Measure each part of a search over a deployment's comments and calls.

    CUSTOMER_ANALYTICS_HOME=… python -m benchmarks.search [--rounds 5]

Prints the median and maximum of each part over all queries, in milliseconds, and the median CPU time over all
cores, which is comparable on a machine under other load.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import TypeVar

import click

from customer_analytics.adapters import Adapters
from customer_analytics.ml.collections import CUSTOMER_COMMENT, collection
from customer_analytics.search import Filters, Search, ask
from customer_analytics.search.warehouse import sentiments
from customer_analytics.settings import settings

Result = TypeVar("Result")
QUERIES = [
    "Who does Thomas like best?",
    "broken wheel",
    "What do customers say about the noise?",
    "Which games are good for a six year old?",
    "refund late delivery",
    "The batteries were empty after one hour of play",
]


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Repetitions of each query.")
def main(rounds: int) -> None:
    """How long a search takes on a deployment's comments and calls, part by part."""
    with Adapters(settings(), read_only=True) as adapters:
        search = Search(adapters.warehouse, adapters.vector_store, adapters.embedder, adapters.reranker)
        comments = adapters.vector_store.count(collection(CUSTOMER_COMMENT, adapters.embedder))
        started = time.perf_counter()
        search.find(QUERIES[0])
        print(f"{comments:,} comments; the first search, including loading the models, {_ms(started):,.0f} ms")
        parts: dict[str, list[tuple[float, float]]] = {}

        def timed(part: str, work: Callable[[], Result]) -> Result:
            started, used = time.perf_counter(), time.process_time()
            result = work()
            parts.setdefault(part, []).append((_ms(started), (time.process_time() - used) * 1000))
            return result

        for query in QUERIES * rounds:
            candidates = timed("search, before reranking", partial(search.candidates, query))
            hits = timed("reranking", partial(search.reranked, query, candidates))
            timed("sentiments", partial(sentiments, search.warehouse, hits[:20]))
            unhappy = Filters(sentiment_to=0.3)
            timed("search with low sentiment, before reranking", partial(search.candidates, query, unhappy))
            timed("question, end to end", partial(ask, query, search, adapters.answerer))
    for part, times in parts.items():
        elapsed, used = zip(*times, strict=True)
        figures = f"median {median(elapsed):6.0f} ms, maximum {max(elapsed):6.0f} ms, CPU {median(used):6.0f} ms"
        print(f"{part:<44} {figures}")


def _ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
