"""Formatting of rows, numbers and customers' texts."""

import io
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from customer_analytics.ports.registry.base import ModelVersion
from customer_analytics.shipped_classifier import is_shipped
from customer_analytics.spreadsheets import write_csv
from customer_analytics.tables import SqlType, Table
from customer_analytics.tables.attribution import ATTRIBUTION_MODELS

_FORMATS = {SqlType.AMOUNT: "%.2f", SqlType.FLOAT: "%.2f", SqlType.INTEGER: "%d"}
_SHORT = ("CLV", "MRR", "ROAS", "UTM")


def table(
    frame: pd.DataFrame,
    name: str,
    declared: Table | None = None,
    columns: dict[str, Any] | None = None,
    on_select: Callable[[], None] | None = None,
) -> None:
    """Show a table that can be sorted, searched and downloaded; columns have their descriptions as tooltips.

    Args:
        frame: The rows, with upper-case column names.
        name: Name of the downloaded file without its extension; also identifies the table on its page.
        declared: The declared table, which gives the columns' descriptions and formats.
        columns: Streamlit's configuration of single columns; overrides the declaration.
        on_select: Callback when a row is selected; the selection is in the session state under `name`.
    """
    known = {column.name: column for column in declared.columns} if declared else {}
    config: dict[str, Any] = {
        column: st.column_config.Column(label(column), help=known[column].description if column in known else None)
        for column in frame.columns
    }
    for column in frame.columns:
        if column in known and known[column].type in _FORMATS:
            config[column] = st.column_config.NumberColumn(
                label(column), help=known[column].description, format=_FORMATS[known[column].type]
            )
    chosen: dict[str, Any] = {"on_select": on_select, "selection_mode": "single-row"} if on_select else {}
    st.dataframe(
        frame, hide_index=True, column_config=config | (columns or {}), key=name, placeholder="", **chosen
    )
    st.download_button(
        "Download CSV",
        csv(frame),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=f"download_{name}",
        icon=":material/download:",
        on_click="ignore",
    )


def csv(frame: pd.DataFrame) -> bytes:
    """The rows as CSV, with formulas in texts neutralised."""
    file = io.StringIO()
    write_csv(file, list(frame.columns), frame.astype(object).where(frame.notna(), None).itertuples(index=False))
    return file.getvalue().encode()


def label(column: str) -> str:
    """A column's title, e.g. `Last active month`, `ROAS linear`."""
    for model in ATTRIBUTION_MODELS:
        column = column.replace(model.name, model.label)
    words = column.split("_")
    title = " ".join(word if word in _SHORT else word.lower() for word in words)
    return title[:1].upper() + title[1:]


def sentiment_column(title: str = "Sentiment") -> Any:
    """A column of sentiments, from 0 (unhappy) to 1 (happy)."""
    meaning = "Probability that the text is positive, from 0 to 1."
    return st.column_config.ProgressColumn(title, help=meaning, format="%.2f", min_value=0, max_value=1)


def mood(sentiment: float | None) -> str:
    """A sentiment as a word and a number."""
    if sentiment is None or pd.isna(sentiment):
        return "not scored"
    word = "negative" if sentiment < 0.4 else "positive" if sentiment > 0.6 else "mixed"
    return f"{word} ({sentiment:.2f})"


def natural(text: str) -> list[tuple[int, str]]:
    """A sort key for natural order: 2 before 10."""
    parts = re.split("([0-9]+)", text)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def sentiment_origin(classifier: ModelVersion | None) -> None:
    """Show the origin of sentiments, or why there are none, unless the user's own classifier scored them."""
    if classifier is None:
        st.caption("There is no sentiment, because there is no classifier. The Pipeline page shows why.")
    elif is_shipped(classifier.version):
        st.caption(
            f"Sentiment comes from {classifier.version}, which {classifier.tags['origin']}. Once you have "
            "labelled enough texts, your own classifier replaces it: see `customer-analytics label`."
        )


def no_run_yet(what: str) -> None:
    """Say that a table is empty or missing, and how to fill it."""
    st.info(f"{what} Run `customer-analytics run`, or materialize the assets in Dagster.")
