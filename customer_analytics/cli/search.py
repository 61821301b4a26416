"""`customer-analytics search` and `customer-analytics ask`."""

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import click

from customer_analytics.cli.errors import or_fail
from customer_analytics.output import echo, echo_json, in_line
from customer_analytics.settings import settings

if TYPE_CHECKING:
    from customer_analytics.adapters import Adapters
    from customer_analytics.ports.answers.base import Answer, Passage
    from customer_analytics.search import Filters, Hit, Search

_DAY = click.DateTime(["%Y-%m-%d"])
_SENTIMENT = click.FloatRange(0, 1)


def _named(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Parse the required call properties: lower-case names and values."""
    parts = [value.partition("=") for value in values]
    for value, (name, equals, _) in zip(values, parts, strict=True):
        if not (name.strip() and equals):
            raise click.BadParameter(f"{value!r} is not a property: write name=value, e.g. agent=anna.")
    return tuple((name.strip().lower(), value.strip()) for name, _, value in parts)


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        (
            click.option("--source", type=click.Choice(["comment", "call"]), help="Only comments, or only calls."),
            click.option("--customer", metavar="ID", help="Only comments and calls of this customer."),
            click.option("--from", "date_from", type=_DAY, metavar="DATE", help="Only from this day on."),
            click.option(
                "--to",
                "date_to",
                type=_DAY,
                metavar="DATE",
                help="Only up to this day; calls without a date are left out.",
            ),
            click.option(
                "--property",
                "properties",
                callback=_named,
                multiple=True,
                metavar="NAME=VALUE",
                help="Only calls with this value in the manifest, e.g. agent=anna; may be repeated.",
            ),
            click.option("--min-sentiment", type=_SENTIMENT, help="Lowest sentiment, from 0 to 1."),
            click.option("--max-sentiment", type=_SENTIMENT, help="Highest sentiment, from 0 to 1."),
            click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        )
    ):
        command = option(command)
    return command


@click.command()
@click.argument("query")
@_filters
@click.option("--limit", type=click.IntRange(1, 40), default=10, show_default=True, help="Maximum number of hits.")
def search(query: str, as_json: bool, limit: int, **chosen: Any) -> None:
    """Find comments and calls by meaning and by words."""
    hits, origin = or_fail(_found, query, _chosen(**chosen), limit)
    if as_json:
        echo_json([asdict(hit) for hit in hits])
        return
    for hit in hits:
        mood = "" if hit.sentiment is None else f", sentiment {hit.sentiment:.2f}"
        echo(f"{hit.score:6.2f}  {_origin(hit)}{mood}\n        {' '.join(hit.excerpt.split())}\n")
    if not hits:
        echo("Nothing found.")
    if origin:
        echo(f"Sentiment comes from {origin}.", err=True)


@click.command()
@click.argument("question")
@_filters
def ask(question: str, as_json: bool, **chosen: Any) -> None:
    """Answer a question with quotes from comments and calls."""
    answer, model = or_fail(_answered, question, _chosen(**chosen))
    if as_json:
        found = {"question": question, "model": model, "is_found": answer.is_found} | asdict(answer)
        echo_json(found)
        return
    echo(answer.text)
    if answer.quotes:
        echo()
    for quote in answer.quotes:
        echo(f"[{quote.passage.number}] {_origin(quote.passage)}")


def _chosen(
    source: Literal["comment", "call"] | None,
    customer: str | None,
    date_from: dt.datetime | None,
    date_to: dt.datetime | None,
    properties: tuple[tuple[str, str], ...],
    min_sentiment: float | None,
    max_sentiment: float | None,
) -> "Filters":
    from customer_analytics.search import Filters

    return Filters(
        source,
        customer,
        date_from.date() if date_from else None,
        date_to.date() if date_to else None,
        min_sentiment,
        max_sentiment,
        properties,
    )


def _found(query: str, filters: "Filters", limit: int) -> "tuple[list[Hit], str | None]":
    """The hits, and the origin of their sentiments if the shipped classifier scored them."""
    from customer_analytics.ml.training import MODEL
    from customer_analytics.shipped_classifier import is_shipped

    with _adapters() as adapters:
        hits = _search(adapters).find(query, filters, limit)
        if all(hit.sentiment is None for hit in hits):
            return hits, None
        info = adapters.registry.default(MODEL)
        return hits, f"{info.version}, which {info.tags['origin']}" if info and is_shipped(info.version) else None


def _answered(question: str, filters: "Filters") -> "tuple[Answer, str]":
    from customer_analytics.search import ask

    with _adapters() as adapters:
        return ask(question, _search(adapters), adapters.answerer, filters), adapters.answerer.model


def _adapters() -> "Adapters":
    from customer_analytics.adapters import Adapters

    return Adapters(settings(), read_only=True)


def _search(made: "Adapters") -> "Search":
    from customer_analytics.search import Search

    made.warehouse.server()  # first, because it refuses a state folder of another version as a whole
    return Search(made.warehouse, made.vector_store, made.embedder, made.reranker, settings().timezone)


def _origin(found: "Hit | Passage") -> str:
    who = "unknown customer" if found.customer_id is None else f"customer {found.customer_id}"
    when_and_where = ", ".join(str(part) for part in (found.date, found.relative_path) if part)
    return in_line(f"{found.source} of {who}, {when_and_where}")
