"""What the pages read, through the resources that the pipeline uses, in a role that may only read."""

import gc
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, NamedTuple

import dagster as dg
import pandas as pd
import streamlit as st
from snowflake.connector.errors import ProgrammingError

from customer_analytics.deployment import resources
from customer_analytics.ingestion.calls import stage_name
from customer_analytics.ml.training import MODEL
from customer_analytics.resources.registry.base import ModelVersion
from customer_analytics.resources.warehouse.resource import NotThereError
from customer_analytics.resources.warehouse.writes import NOT_THERE
from customer_analytics.running import dagster_instance
from customer_analytics.search import Search
from customer_analytics.settings import settings
from customer_analytics.tables.sources import CALL_STAGE

# What is shown is at most this old when a page is opened or changed.
_FRESH_FOR = timedelta(seconds=20)


class _Opened(NamedTuple):
    instance: dg.DagsterInstance
    resources: Any
    closing: ExitStack  # kept, because what it holds is closed when it goes


@st.cache_resource(show_spinner="Opening the warehouse …")
def _opened() -> _Opened:
    closing = ExitStack()
    instance = closing.enter_context(dagster_instance(settings()))
    built = closing.enter_context(dg.build_resources(resources(settings(), reading=True), instance))
    _keep_what_is_loaded()
    return _Opened(instance, built, closing)


def reading() -> Any:
    """The resources by name, opened once for all visitors; sessions are renewed when an endpoint was restarted."""
    return _opened().resources


def instance() -> dg.DagsterInstance:
    """Dagster's instance, for what it knows of the assets."""
    return _opened().instance


@st.cache_data(ttl=_FRESH_FOR, max_entries=200, show_spinner="Reading …")
def rows(sql: str, *values: Any) -> pd.DataFrame:
    """The rows of a SELECT, with values bound to its question marks; none where its tables are not there yet."""
    try:
        found: pd.DataFrame = reading().warehouse.read(sql, values).to_pandas()
    except NotThereError:
        return pd.DataFrame()
    return found


@st.cache_data(ttl=_FRESH_FOR, show_spinner="Asking the registry …")
def classifier() -> ModelVersion | None:
    """The classifier in use; None where there is none, or before the first run."""
    try:
        default: ModelVersion | None = reading().registry.default(MODEL)
    except ProgrammingError as error:
        if error.errno not in NOT_THERE:
            raise
        return None
    return default


@st.cache_data(max_entries=20, show_spinner="Fetching the call …")
def audio(audio_hash: str, relative_path: str) -> bytes:
    """The audio of a call, from its stage."""
    warehouse = reading().warehouse
    place = f"@{warehouse.name(CALL_STAGE)}/{stage_name(audio_hash, relative_path)}"
    with warehouse.session().file.get_stream(place) as stream:
        content: bytes = stream.read()
    return content


@st.cache_resource(show_spinner="Loading the models …")
def search() -> Search:
    """Search over comments and calls, made once for all visitors, with its models and libraries loaded."""
    read = reading()
    made = Search(read.warehouse, read.vector_store, read.embedder, read.reranker, settings().timezone)
    made.find("toy")
    _keep_what_is_loaded()
    return made


def _keep_what_is_loaded() -> None:
    """Have the interpreter never look at what is there now when it collects garbage.

    Streamlit collects after each run of a page. With the libraries to look at, that takes 0.4 s, for which all
    other visitors wait.
    """
    gc.collect()
    gc.freeze()
