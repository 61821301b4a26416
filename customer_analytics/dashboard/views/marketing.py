"""Return on advertising, and MRR movements."""

import pandas as pd
import streamlit as st

from customer_analytics.dashboard import charts
from customer_analytics.dashboard.display import no_run_yet, table
from customer_analytics.dashboard.reading import rows
from customer_analytics.tables.attribution import ATTRIBUTION_MODELS
from customer_analytics.tables.customers import MRR
from customer_analytics.tables.presentation import PRES_AD_SPEND

_MODELS = {model.label: model.name for model in ATTRIBUTION_MODELS}
_AD_SPEND = "SELECT * FROM PRES_AD_SPEND ORDER BY REVENUE_LINEAR DESC, UTM_SOURCE, UTM_MEDIUM"
_REVENUE = f"""SELECT CAST(CONVERTED_AT AS DATE) AS DAY, UTM_SOURCE,
    {", ".join(f"SUM({model}_REVENUE) AS {model}" for model in _MODELS.values())}
    FROM ATTRIBUTION_TOUCHES GROUP BY CAST(CONVERTED_AT AS DATE), UTM_SOURCE ORDER BY DAY, UTM_SOURCE"""  # noqa: S608
_MONTHS = """SELECT DATE_MONTH, SUM(MRR) AS MRR, COUNT_IF(IS_ACTIVE) AS CUSTOMERS
    FROM MRR GROUP BY DATE_MONTH ORDER BY DATE_MONTH"""
_MOVEMENTS = """SELECT DATE_MONTH, CHANGE_CATEGORY AS MOVEMENT, SUM(MRR_CHANGE) AS CHANGE, COUNT(*) AS CUSTOMERS
    FROM MRR WHERE CHANGE_CATEGORY IS NOT NULL GROUP BY DATE_MONTH, CHANGE_CATEGORY
    ORDER BY DATE_MONTH, MOVEMENT"""


def _by_model(spend: pd.DataFrame, measure: str) -> pd.DataFrame:
    """One row per place and model."""
    medium = spend["UTM_MEDIUM"].map(lambda value: f" / {value}", na_action="ignore").fillna("")
    place = spend["UTM_SOURCE"].fillna("(none)") + medium
    return pd.concat(
        pd.DataFrame(
            {"PLACE": place, "MODEL": name, "VALUE": spend[f"{measure}_{column}"], "SPEND": spend["SPEND"]}
        )
        for name, column in _MODELS.items()
    ).dropna(subset="VALUE")


def _advertising(spend: pd.DataFrame) -> None:
    st.subheader("Return on advertising")
    sources = st.multiselect(
        "Sources",
        sorted(spend["UTM_SOURCE"].dropna().unique()),
        key="source",
        bind="query-params",
        placeholder="All",
    )
    if sources:
        spend = spend[spend["UTM_SOURCE"].isin(sources)]
    spent, revenue = spend["SPEND"].sum(), spend["REVENUE_LINEAR"].sum()
    bought = spend.loc[spend["SPEND"] > 0, "REVENUE_LINEAR"].sum()
    for place, (title, value) in zip(
        st.columns(3),
        {
            "Attributed revenue": f"{revenue:,.2f}",
            "Spend": f"{spent:,.2f}",
            "ROAS (linear model)": f"{bought / spent:.2f}" if spent else "no spend",
        }.items(),
        strict=True,
    ):
        place.metric(title, value, border=True)
    measure = st.segmented_control(
        "Chart", ["Revenue", "ROAS"], default="Revenue", required=True, key="chart", bind="query-params"
    )
    unit = "Revenue (currency units)" if measure == "Revenue" else "ROAS (revenue per unit of spend)"
    by_model = _by_model(spend, str(measure).upper())
    if by_model.empty:
        st.info("These sources have no ad spend, so there is no return on it.")
    else:
        chart = charts.by_model(by_model, unit, spend=measure == "Revenue")
        st.altair_chart(chart, alt=f"{unit} by source, medium and attribution model")
        if measure == "Revenue":
            st.caption("Black strokes show spend.")
    table(spend, "ad_spend", PRES_AD_SPEND)
    st.caption("Amounts in currency units. ROAS is revenue per unit of spend; it is empty without spend.")


def _revenue_by_day(touches: pd.DataFrame) -> None:
    st.subheader("Attributed revenue by day")
    labels = list(_MODELS)
    default = labels.index("Linear")
    model = st.selectbox("Attribution model", labels, index=default, key="model", bind="query-params")
    daily = touches.assign(REVENUE=touches[_MODELS[model]])[["DAY", "UTM_SOURCE", "REVENUE"]]
    st.altair_chart(charts.revenue_by_day(daily), alt="Attributed revenue by day and source")
    with st.expander("As a table"):
        table(daily, "revenue_by_day")


def _subscriptions(months: pd.DataFrame) -> None:
    st.subheader("Monthly recurring revenue")
    movements = rows(_MOVEMENTS)
    last = months.iloc[-1]
    first, second = st.columns(2)
    first.metric(f"MRR in {last['DATE_MONTH']:%B %Y}", f"{last['MRR']:,.2f}", border=True)
    second.metric("Subscribed customers", f"{last['CUSTOMERS']:,.0f}", border=True)
    st.altair_chart(charts.mrr(months), alt="MRR by month")
    st.altair_chart(charts.movements(movements), alt="Change of MRR by month and movement")
    with st.expander("As a table"):
        by_movement = movements.pivot_table(
            index="DATE_MONTH", columns="MOVEMENT", values="CHANGE", aggfunc="sum", fill_value=0
        )
        table(months.merge(by_movement.reset_index(), on="DATE_MONTH", how="left"), "mrr_by_month", MRR)
    st.caption("MRR in currency units per month, on the last day of each complete month.")


spend = rows(_AD_SPEND)
if spend.empty:
    no_run_yet("There is no advertising data yet.")
else:
    _advertising(spend)
touches = rows(_REVENUE)
if not touches.empty:
    _revenue_by_day(touches)
months = rows(_MONTHS)
if months.empty:
    no_run_yet("There is no subscription data yet.")
else:
    _subscriptions(months)
