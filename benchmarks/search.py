"""How long a search takes on a deployment's comments and calls, part by part.

    CUSTOMER_ANALYTICS_HOME=… python -m benchmarks.search [--rounds 5]

Prints the median of each part over all queries and the longest, in milliseconds, and the median of the processor's
time, over all cores, which tells the same on a machine that does other things too.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import TypeVar

import click
import dagster as dg

from customer_analytics.deployment import resources
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
@click.option("--rounds", default=5, show_default=True, help="How often each query is asked.")
def main(rounds: int) -> None:
    """How long a search takes on a deployment's comments and calls, part by part."""
    with dg.build_resources(resources(settings(), reading=True)) as built:
        search = Search(built.warehouse, built.vector_store, built.embedder, built.reranker)
        comments = built.vector_store.count(collection(CUSTOMER_COMMENT, built.embedder))
        started = time.perf_counter()
        search.find(QUERIES[0])
        print(f"{comments:,} comments; the first search, with loading the models, {_ms(started):,.0f} ms")
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
            timed("search among the unhappy, before reranking", partial(search.candidates, query, unhappy))
            timed("question, from end to end", partial(ask, query, search, built.answerer))
    for part, times in parts.items():
        elapsed, used = zip(*times, strict=True)
        figures = f"median {median(elapsed):6.0f} ms, longest {max(elapsed):6.0f} ms, CPU {median(used):6.0f} ms"
        print(f"{part:<44} {figures}")


def _ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
