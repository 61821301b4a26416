"""Freshness of the tables, the model in use, and check results."""

import datetime as dt
from typing import Any

import dagster as dg
import pandas as pd
import streamlit as st

from customer_analytics.dashboard.display import no_run_yet, table
from customer_analytics.dashboard.history import Check, Freshness, History, history
from customer_analytics.dashboard.reading import classifier, instance
from customer_analytics.ports.registry.base import ModelVersion
from customer_analytics.settings import settings

_DAGSTER = settings().dagster_url.rstrip("/")
_CLASSIFIER = "sentiment_classifier"
_LAST = ("passed", "not run yet")  # failed checks come first


@st.cache_data(ttl=dt.timedelta(seconds=5), show_spinner="Reading Dagster's history …")
def _history() -> History:
    return history(instance())


@st.cache_data(ttl=dt.timedelta(seconds=20))
def _why_none() -> str:
    """The reason why the latest run found no classifier."""
    event = instance().get_latest_materialization_event(dg.AssetKey(_CLASSIFIER))
    written = event.asset_materialization.metadata if event and event.asset_materialization else {}
    return str(written["why"].value) if "why" in written else ""


def _tables(assets: list[Freshness]) -> None:
    st.subheader("Freshness")
    now = dt.datetime.now(dt.UTC)
    frame = pd.DataFrame(
        {
            "ASSET": asset.asset,
            "GROUP": asset.group,
            "ROWS": asset.rows,
            "WRITTEN_AT": asset.at,
            "AGE": _age(now - asset.at) if asset.at else "never written",
            "DAGSTER": f"{_DAGSTER}/assets/{asset.asset}",
        }
        for asset in assets
    )
    table(
        frame,
        "freshness",
        columns={
            "ROWS": st.column_config.NumberColumn("Rows", format="localized"),
            "WRITTEN_AT": _time_column("Written at (UTC)"),
            "DAGSTER": st.column_config.LinkColumn("In Dagster", display_text="open"),
        },
    )


def _classifier(model: ModelVersion | None) -> None:
    st.subheader("Model in use")
    if model is None:
        if why := _why_none():
            st.warning(f"No classifier is in use. {why}")
        else:
            no_run_yet("No classifier has been trained yet.")
        return
    if origin := model.tags.get("origin"):
        st.text(f"{model.version} {origin}.")
    shown = {"Accuracy": "accuracy", "AUC": "auc", "Log loss": "log_loss", "Brier score": "brier"}
    for place, (title, name) in zip(st.columns(4), shown.items(), strict=True):
        baseline = model.metrics.get(f"baseline_{name}")
        delta = None if baseline is None else f"{model.metrics[name] - baseline:+.3f} vs. baseline"
        place.metric(title, f"{model.metrics[name]:.3f}", delta, delta_color="off", border=True)
    st.caption("On texts not seen in training. The baseline is a logistic regression on the same folds.")
    with st.expander("Version details"):
        facts = {
            "model": model.model_name,
            "version": model.version,
            "origin": model.tags.get("origin", ""),
            "embedding model": f"{model.embedding_model}, {model.dimensions} dimensions",
            "training data": model.training_data_hash,
        }
        facts |= {f"metric {name}": f"{value:.4f}" for name, value in model.metrics.items()}
        facts |= {f"version of {name}": version for name, version in model.library_versions.items()}
        table(pd.DataFrame(facts.items(), columns=["FACT", "VALUE"]), "model")


def _checks(checks: list[Check]) -> None:
    st.subheader("Checks")
    failed = [check for check in checks if check.result not in ("passed", "not run yet")]
    if failed:
        st.error(f"{len(failed)} of {len(checks)} checks have not passed.")
    else:
        st.success(f"All {sum(check.result == 'passed' for check in checks)} completed checks have passed.")
    frame = pd.DataFrame(
        {
            "RESULT": check.result,
            "ASSET": check.asset,
            "CHECK": check.name.replace("_", " "),
            "BLOCKING": check.blocking,
            "FOUND": check.figures,
            "AT": check.at,
            "DAGSTER": f"{_DAGSTER}/assets/{check.asset}?view=checks&checkDetail={check.name}",
        }
        for check in sorted(checks, key=lambda check: _LAST.index(check.result) if check.result in _LAST else -1)
    )
    table(
        frame,
        "checks",
        columns={
            "AT": _time_column("At (UTC)"),
            "DAGSTER": st.column_config.LinkColumn("In Dagster", display_text="open"),
        },
    )


def _time_column(title: str) -> Any:
    return st.column_config.DatetimeColumn(title, format="YYYY-MM-DD HH:mm:ss", timezone="UTC")


def _age(age: dt.timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    for unit, length in (("day", 24 * 60), ("hour", 60), ("minute", 1)):
        if minutes >= length:
            count = minutes // length
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


known = _history()
if known.active_runs:
    st.info(f"Active runs: {known.active_runs}. Tables may change.", icon=":material/autorenew:")
if all(asset.at is None for asset in known.assets):
    no_run_yet("Nothing has been written yet.")
_tables(known.assets)
_classifier(classifier())
_checks(known.checks)
