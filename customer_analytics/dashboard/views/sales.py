"""Customers by lifetime value, churned customers, and the timeline of each."""

import pandas as pd
import streamlit as st

from customer_analytics.dashboard import charts
from customer_analytics.dashboard.display import (
    mood,
    natural,
    no_run_yet,
    sentiment_column,
    sentiment_origin,
    table,
)
from customer_analytics.dashboard.reading import audio, classifier, rows
from customer_analytics.search.warehouse import DAY_OF_CALL
from customer_analytics.settings import settings
from customer_analytics.tables import natural_order
from customer_analytics.tables.presentation import PRES_CHURN, PRES_CLV

_BY_CUSTOMER = natural_order("CUSTOMER_ID")
_CLV = f"SELECT * FROM PRES_CLV ORDER BY CLV DESC, {_BY_CUSTOMER}"  # noqa: S608
_CHURN = f"SELECT * FROM PRES_CHURN ORDER BY LAST_ACTIVE_MONTH DESC, {_BY_CUSTOMER}"  # noqa: S608
_SHOP = "SELECT FIRST_NAME, LAST_NAME, CUSTOMER_LIFETIME_VALUE FROM CUSTOMERS WHERE CUSTOMER_ID = ?"
_FEELING = "SELECT SENTIMENT_SCORE FROM PRES_SENTIMENT WHERE CUSTOMER_ID = ?"
_ORDERS = """SELECT ORDER_DATE AS DAY, 'order' AS KIND, STATUS AS WHAT, TOTAL_AMOUNT AS AMOUNT, NULL AS SENTIMENT
    FROM ORDERS WHERE CUSTOMER_ID = ?"""
_COMMENTS = """SELECT DATE AS DAY, 'comment' AS KIND, REVIEW_TEXT AS WHAT, NULL AS AMOUNT, SENTIMENT
    FROM PRED_TWITTER_COMMENTS WHERE CUSTOMER_ID = ?"""
_MRR = """SELECT DATE_MONTH, MRR, MRR_CHANGE, CHANGE_CATEGORY FROM MRR WHERE CUSTOMER_ID = ? ORDER BY DATE_MONTH"""
_CALLS = f"""SELECT T.RELATIVE_PATH, T.AUDIO_HASH, {DAY_OF_CALL} AS DAY, T.DURATION_SECONDS,
    T.STATUS, T.TRANSCRIPT, T.ERROR, P.SENTIMENT
    FROM CALL_TRANSCRIPTS T JOIN STG_SUPPORT_CALLS S ON S.RELATIVE_PATH = T.RELATIVE_PATH
    LEFT JOIN PRED_CUSTOMER_CALLS P ON P.RELATIVE_PATH = T.RELATIVE_PATH
    WHERE T.CUSTOMER_ID = ?"""  # noqa: S608
_EVENT = ["DAY", "KIND", "WHAT", "AMOUNT", "SENTIMENT"]
_TYPES = {
    ".mp3": "audio/mpeg",
    ".opus": "audio/ogg",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".webm": "audio/webm",
}


def _choose(name: str, frame: pd.DataFrame) -> None:
    """Show the customer of the selected row."""
    chosen = st.session_state[name].selection.rows
    if chosen:
        st.session_state.customer = str(frame.iloc[chosen[0]]["CUSTOMER_ID"])


def _lists() -> None:
    valuable, churned = st.tabs(["Lifetime value", "Churned"], key="list", bind="query-params", on_change="rerun")
    score = {"SENTIMENT_SCORE": sentiment_column()}
    with valuable:
        clv = rows(_CLV)
        if clv.empty:
            no_run_yet("There are no customers with a lifetime value yet.")
        else:
            st.caption("Select a row to show the customer below. Lifetime value (CLV) in currency units.")
            table(clv, "customers_by_clv", PRES_CLV, score, lambda: _choose("customers_by_clv", clv))
    with churned:
        churn = rows(_CHURN)
        if churn.empty:
            no_run_yet("There are no churned customers yet.")
        else:
            st.caption(f"{len(churn):,} customers whose last subscription has ended. CLV in currency units.")
            table(churn, "churned_customers", PRES_CHURN, score, lambda: _choose("churned_customers", churn))
    if not clv.empty or not churn.empty:
        sentiment_origin(classifier())


def _customer(customer: str) -> None:
    shop, feeling, months = rows(_SHOP, customer), rows(_FEELING, customer), rows(_MRR, customer)
    orders, comments, calls = (
        rows(_ORDERS, customer),
        rows(_COMMENTS, customer),
        rows(_CALLS, settings().timezone, customer),
    )
    if all(frame.empty for frame in (shop, months, comments, calls)):
        st.info(f"There is no data about customer {customer}.")
        return
    if not shop.empty:
        st.text(" ".join(str(name) for name in shop.iloc[0][["FIRST_NAME", "LAST_NAME"]] if name))
    value = None if shop.empty else shop.iloc[0]["CUSTOMER_LIFETIME_VALUE"]
    figures = {
        "Lifetime value": "none" if pd.isna(value) else f"{value:,.2f}",
        "Orders": f"{len(orders):,}",
        "MRR, last month": "none" if months.empty else f"{months.iloc[-1]['MRR']:,.2f}",
        "Sentiment": "none" if feeling.empty else mood(feeling.iloc[0]["SENTIMENT_SCORE"]),
    }
    for place, (title, text) in zip(st.columns(4), figures.items(), strict=True):
        place.metric(title, text, border=True)
    _timeline(months, orders, comments, calls)
    _calls(calls)


def _timeline(months: pd.DataFrame, orders: pd.DataFrame, comments: pd.DataFrame, calls: pd.DataFrame) -> None:
    drawn = _joined(orders, comments)
    if not months.empty or not drawn.empty:
        chart = charts.timeline(months.reindex(columns=["DATE_MONTH", "MRR"]), drawn.drop(columns="WHAT"))
        st.altair_chart(chart, alt="MRR, orders and comments of the customer by day")
    events = _joined(orders, comments, _as_events(calls, "call"), _as_events(months, "subscription"))
    if events.empty:
        done = "only calls without a date" if len(calls) else "no orders, comments or calls"
        st.info(f"This customer has {done}.")
        return
    table(
        events.sort_values("DAY", ascending=False, kind="stable"),
        "timeline",
        columns={
            "DAY": st.column_config.DateColumn("Day", width="small"),
            "KIND": st.column_config.TextColumn("Kind", width="small"),
            "WHAT": st.column_config.TextColumn("What", width="large"),
            "AMOUNT": st.column_config.NumberColumn("Amount", format="%.2f", help="In currency units."),
            "SENTIMENT": sentiment_column(),
        },
    )
    undated = 0 if calls.empty else int(calls["DAY"].isna().sum())
    left_out = f" {undated:,} call{'s' * (undated > 1)} without a date: only in the list below." if undated else ""
    st.caption(f"Amounts in currency units. Days of calls are in the time zone {settings().timezone}.{left_out}")


def _as_events(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Calls, or months with a subscription change, as events of the timeline."""
    if frame.empty:
        return frame
    if kind == "call":
        return frame[frame["DAY"].notna()].assign(KIND=kind, WHAT=frame["TRANSCRIPT"], AMOUNT=float("nan"))
    changed = frame[frame["CHANGE_CATEGORY"].notna()]
    names = {"DATE_MONTH": "DAY", "CHANGE_CATEGORY": "WHAT", "MRR_CHANGE": "AMOUNT"}
    return changed.rename(columns=names).assign(KIND=kind, SENTIMENT=float("nan"))


def _joined(*parts: pd.DataFrame) -> pd.DataFrame:
    """The concatenated events, with numeric columns even if all values are missing."""
    filled = [part[_EVENT].astype({"AMOUNT": float, "SENTIMENT": float}) for part in parts if not part.empty]
    return pd.concat(filled) if filled else pd.DataFrame(columns=_EVENT)


def _calls(calls: pd.DataFrame) -> None:
    st.subheader("Calls")
    if calls.empty:
        st.info("This customer has no calls.")
        return
    path = st.selectbox("Call", sorted(calls["RELATIVE_PATH"], key=natural), key="call", bind="query-params")
    call = calls[calls["RELATIVE_PATH"] == path].iloc[0]
    listen, read = st.columns([1, 2])
    with listen:
        suffix = "." + str(path).rpartition(".")[2].lower()
        st.audio(audio(call["AUDIO_HASH"], path), format=_TYPES.get(suffix, "audio/wav"))
        seconds = call["DURATION_SECONDS"]
        length = "" if pd.isna(seconds) else f"{seconds // 60:.0f}:{seconds % 60:02.0f} min, "
        day = "no date" if pd.isna(call["DAY"]) else str(call["DAY"])
        st.caption(f"{day}, {length}sentiment {mood(call['SENTIMENT'])}")
    with read, st.container(border=True):
        if call["STATUS"] != "failed" and call["ERROR"]:
            st.caption(call["ERROR"])
        if call["STATUS"] == "ok":
            st.text(call["TRANSCRIPT"])
        elif call["STATUS"] == "empty":
            st.info("This call contains no speech.")
        else:
            st.warning("This call could not be transcribed:")
            st.text(call["ERROR"])


_lists()
st.subheader("One customer")
customer = st.text_input("Customer id", key="customer", bind="query-params", placeholder="e.g. 51")
if not customer:
    st.info("Select a row above, or enter a customer id, to see orders, subscription, comments and calls.")
else:
    _customer(customer.strip())
