"""The data of the pages, read with a read-only role through the pipeline's adapters."""

import gc
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import dagster as dg
import pandas as pd
import streamlit as st

from customer_analytics.adapters import Adapters
from customer_analytics.ingestion.calls import stage_name
from customer_analytics.instance import dagster_instance
from customer_analytics.ml.training import MODEL
from customer_analytics.ports.registry.base import ModelVersion
from customer_analytics.ports.warehouse.connections import NotFoundError
from customer_analytics.search import Search
from customer_analytics.settings import settings
from customer_analytics.tables.sources import CALL_STAGE

# The maximum age of data when a page is opened or changed.
_FRESH_FOR = timedelta(seconds=20)


@st.cache_resource(show_spinner="Opening the warehouse …")
def reading() -> Adapters:
    """The adapters that all visitors share, with a read-only warehouse."""
    adapters = Adapters(settings(), read_only=True)
    adapters.warehouse.session()
    _exclude_loaded_from_gc()
    return adapters


@st.cache_resource(show_spinner="Opening Dagster's database …")
def instance() -> dg.DagsterInstance:
    """Dagster's instance, for its events on the assets."""
    return ExitStack().enter_context(dagster_instance(settings()))


@st.cache_data(ttl=_FRESH_FOR, max_entries=200, show_spinner="Reading …")
def rows(sql: str, *values: Any) -> pd.DataFrame:
    """The rows of a SELECT with bound values; empty if a table does not exist yet."""
    found = reading().warehouse.query_or_none(sql, values)
    return pd.DataFrame() if found is None else found.to_pandas()


@st.cache_data(ttl=_FRESH_FOR, show_spinner="Reading the registry …")
def classifier() -> ModelVersion | None:
    """The classifier in use; None if there is none, or before the first run."""
    try:
        return reading().registry.default(MODEL)
    except NotFoundError:
        return None


@st.cache_data(max_entries=20, show_spinner="Fetching the call …")
def audio(audio_hash: str, relative_path: str) -> bytes:
    """The audio of a call, from the stage."""
    warehouse = reading().warehouse
    place = f"@{warehouse.name(CALL_STAGE)}/{stage_name(audio_hash, relative_path)}"
    with warehouse.session().file.get_stream(place) as stream:
        content: bytes = stream.read()
    return content


@st.cache_resource(show_spinner="Loading the models …")
def search() -> Search:
    """Search over comments and calls, created once for all visitors, with models and libraries loaded."""
    read = reading()
    made = Search(read.warehouse, read.vector_store, read.embedder, read.reranker, settings().timezone)
    made.find("toy")
    _exclude_loaded_from_gc()
    return made


def _exclude_loaded_from_gc() -> None:
    """Exclude all current objects from garbage collection.

    Streamlit collects garbage after each run of a page. With all libraries loaded, that takes 0.4 s, during which
    all other visitors wait.
    """
    gc.collect()
    gc.freeze()
