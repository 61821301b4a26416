"""Search over comments and calls, and questions answered from them."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import streamlit as st

from customer_analytics.dashboard.display import csv, mood, no_run_yet, sentiment_origin
from customer_analytics.dashboard.reading import classifier, reading, rows, search
from customer_analytics.ports.answers.base import Answer, Passage
from customer_analytics.ports.answers.scoring import BusyError
from customer_analytics.search import Filters, Hit, ask

_SCORED = "SELECT (SELECT COUNT(*) FROM PRED_TWITTER_COMMENTS) + (SELECT COUNT(*) FROM PRED_CUSTOMER_CALLS) AS N"
_SOURCES: dict[str, Any] = {"Comments and calls": None, "Comments": "comment", "Calls": "call"}


def _filters() -> Filters:
    with st.expander("Filters", icon=":material/filter_alt:"):
        left, right = st.columns(2)
        source = left.selectbox("Source", list(_SOURCES), key="kind", bind="query-params")
        customer = right.text_input("Customer id", key="of", bind="query-params")
        begin = left.date_input("From", value=None, key="from", bind="query-params", format="YYYY-MM-DD")
        end = right.date_input("To", value=None, key="to", bind="query-params", format="YYYY-MM-DD")
        low, high = st.slider(
            "Sentiment, from 0 (unhappy) to 1 (happy)",
            0.0,
            1.0,
            (0.0, 1.0),
            0.05,
            key="sentiment",
            bind="query-params",
        )
        st.caption("A date range excludes calls without a date.")
    return Filters(
        _SOURCES[source],
        customer.strip() or None,
        begin,
        end,
        low if low > 0 else None,
        high if high < 1 else None,
    )


@st.cache_data(ttl=dt.timedelta(minutes=1), max_entries=100, show_spinner=False)
def _found(query: str, filters: Filters) -> list[Hit]:
    return search().find(query, filters)


@st.cache_data(ttl=dt.timedelta(minutes=1), max_entries=100, show_spinner=False)
def _answer(question: str, filters: Filters) -> Answer:
    return ask(question, search(), reading().answerer, filters)


@contextmanager
def _in_turn(doing: str) -> Iterator[None]:
    """Show a spinner with the number of searches ahead; stops the page if the queue is full."""
    waiting = reading().reranker.waiting()
    try:
        with st.spinner(f"{doing}, after {waiting} other searches …" if waiting else f"{doing} …"):
            yield
    except BusyError as error:
        st.info(str(error))
        st.stop()


def _origin(found: Hit | Passage, place: int) -> None:
    """Show the origin of a text, with a link to its customer."""
    what = f"{found.source.capitalize()} of customer {found.customer_id}"
    if found.customer_id is None:
        st.caption(f"{found.source.capitalize()} of an unknown customer")
        return
    there = {"customer": str(found.customer_id)} | ({"call": found.relative_path} if found.relative_path else {})
    st.page_link(
        "views/sales.py",
        label=f"[{place}] {what}" + (f", {found.date}" if found.date else ""),
        icon=":material/arrow_forward:",
        query_params=there,
    )


def _questions(filters: Filters) -> None:
    st.subheader("Ask")
    question = st.text_input(
        "Question", key="ask", bind="query-params", placeholder="What do customers say about the noise?"
    )
    if not question.strip():
        return
    with _in_turn("Looking for an answer"):
        answer = _answer(question, filters)
    if not answer.is_found:
        st.info(answer.text)
        return
    if reading().answerer.model != "extractive":
        st.text(answer.text)
        st.caption("Written by a language model, based on the passages below.")
    for quote in answer.quotes:
        with st.container(border=True):
            st.text(quote.text)
            _origin(quote.passage, quote.passage.number)


def _searching(filters: Filters) -> None:
    st.subheader("Search")
    query = st.text_input("Words or meaning", key="q", bind="query-params", placeholder="broken wheel")
    if not query.strip():
        return
    with _in_turn("Searching"):
        hits = _found(query, filters)
    if not hits:
        st.info("Nothing found. Try other words or fewer filters.")
        return
    st.caption(f"The {len(hits)} best hits.")
    sentiment_origin(classifier())
    for place, hit in enumerate(hits, start=1):
        with st.container(border=True):
            st.text(hit.excerpt)
            _origin(hit, place)
            st.caption(f"Sentiment {mood(hit.sentiment)}")
            if len(hit.excerpt) < len(hit.text.strip()):
                with st.expander("Full text"):
                    st.text(hit.text)
    st.download_button(
        "Download CSV",
        csv(pd.DataFrame(hits)),
        file_name="search.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


if rows(_SCORED).empty:
    no_run_yet("There are no comments or calls to search yet.")
else:
    chosen = _filters()
    _questions(chosen)
    _searching(chosen)
