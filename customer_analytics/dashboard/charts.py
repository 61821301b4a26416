"""The charts, in a colour-blind-safe palette."""

import itertools

import altair as alt
import pandas as pd

from customer_analytics.tables.attribution import ATTRIBUTION_MODELS

# Okabe and Ito, "Color Universal Design", 2008.
_BLUE, _ORANGE, _GREEN, _VERMILION, _SKY, _PURPLE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
)
_MOVEMENTS = {
    "new": _BLUE,
    "reactivation": _SKY,
    "upgrade": _GREEN,
    "downgrade": _ORANGE,
    "churn": _VERMILION,
}
_MODEL_COLOURS = itertools.cycle((_BLUE, _ORANGE, _GREEN, _PURPLE, _SKY, _VERMILION))
_MODELS = dict(zip((model.label for model in ATTRIBUTION_MODELS), _MODEL_COLOURS, strict=False))
_KINDS = {"order": _BLUE, "comment": _ORANGE}
_LEGEND = alt.Legend(orient="top", title=None, columns=2)


def by_model(frame: pd.DataFrame, measure: str, spend: bool) -> alt.LayerChart:
    """A measure by place as grouped bars, one per attribution model; spend is a black stroke.

    Args:
        frame: Columns PLACE, MODEL, VALUE and SPEND.
        measure: The title of the value axis, with its unit.
        spend: Whether spend has the same unit and is drawn.
    """
    places = alt.Y("PLACE:N", title=None, sort=list(frame["PLACE"].unique()), axis=alt.Axis(labelLimit=130))
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            places,
            alt.X("VALUE:Q", title=measure),
            alt.YOffset("MODEL:N", sort=list(_MODELS)),
            _colour("MODEL", _MODELS),
            tooltip=[
                alt.Tooltip("PLACE:N", title="Source / medium"),
                alt.Tooltip("MODEL:N", title="Model"),
                alt.Tooltip("VALUE:Q", title=measure, format=",.2f"),
                alt.Tooltip("SPEND:Q", title="Spend", format=",.2f"),
            ],
        )
    )
    strokes = (
        alt.Chart(frame[frame["SPEND"].notna() & spend])
        .mark_tick(color="black", thickness=3)
        .encode(places, alt.X("SPEND:Q"), alt.YOffset("MODEL:N", sort=list(_MODELS)))
    )
    chart: alt.LayerChart = (bars + strokes).properties(height=alt.Step(14))
    return chart


def revenue_by_day(frame: pd.DataFrame) -> alt.Chart:
    """Stacked bars of attributed revenue; columns DAY, UTM_SOURCE and REVENUE."""
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            alt.X("yearmonthdate(DAY):T", title=None, axis=alt.Axis(format="%d %b %y", labelOverlap=True)),
            alt.Y("REVENUE:Q", title="Revenue (currency units)"),
            alt.Color(
                "UTM_SOURCE:N",
                scale=alt.Scale(range=[_BLUE, _ORANGE, _GREEN, _VERMILION, _SKY, _PURPLE, "#666666"]),
                legend=_LEGEND,
            ),
            tooltip=[
                alt.Tooltip("DAY:T", title="Day"),
                alt.Tooltip("UTM_SOURCE:N", title="Source"),
                alt.Tooltip("REVENUE:Q", title="Revenue", format=",.2f"),
            ],
        )
        .properties(height=340)
    )
    return chart


def mrr(months: pd.DataFrame) -> alt.Chart:
    """MRR as a line; columns DATE_MONTH, MRR and CUSTOMERS."""
    chart: alt.Chart = (
        alt.Chart(months)
        .mark_line(point=True, color=_BLUE)
        .encode(
            alt.X("yearmonth(DATE_MONTH):T", title=None),
            alt.Y("MRR:Q", title="MRR (currency units)"),
            tooltip=[
                alt.Tooltip("yearmonth(DATE_MONTH):T", title="Month"),
                alt.Tooltip("MRR:Q", title="MRR", format=",.2f"),
                alt.Tooltip("CUSTOMERS:Q", title="Customers"),
            ],
        )
        .properties(height=220)
    )
    return chart


def movements(changes: pd.DataFrame) -> alt.Chart:
    """MRR movements as bars above and below zero; columns DATE_MONTH, MOVEMENT, CHANGE and CUSTOMERS."""
    chart: alt.Chart = (
        alt.Chart(changes)
        .mark_bar()
        .encode(
            alt.X("yearmonth(DATE_MONTH):T", title=None),
            alt.Y("CHANGE:Q", title="Change of MRR (currency units)"),
            _colour("MOVEMENT", _MOVEMENTS),
            tooltip=[
                alt.Tooltip("yearmonth(DATE_MONTH):T", title="Month"),
                alt.Tooltip("MOVEMENT:N", title="Movement"),
                alt.Tooltip("CHANGE:Q", title="Change", format="+,.2f"),
                alt.Tooltip("CUSTOMERS:Q", title="Customers"),
            ],
        )
        .properties(height=300)
    )
    return chart


def timeline(months: pd.DataFrame, events: pd.DataFrame) -> alt.LayerChart:
    """A customer's MRR as steps, with orders and comments as marks.

    Args:
        months: Columns DATE_MONTH and MRR.
        events: Columns DAY, KIND, AMOUNT and SENTIMENT.
    """
    steps = (
        alt.Chart(months)
        .mark_area(interpolate="step-after", color=_SKY, opacity=0.35, line={"color": _SKY})
        .encode(
            alt.X("DATE_MONTH:T", title=None),
            alt.Y("MRR:Q", title="MRR, order amount (currency units)"),
            tooltip=[alt.Tooltip("yearmonth(DATE_MONTH):T", title="Month"), alt.Tooltip("MRR:Q", format=",.2f")],
        )
    )
    marks = (
        alt.Chart(events.assign(HEIGHT=events["AMOUNT"].fillna(0)))
        .mark_point(filled=True, size=90, opacity=0.8)
        .encode(
            alt.X("DAY:T"),
            alt.Y("HEIGHT:Q"),
            _colour("KIND", _KINDS),
            alt.Shape("KIND:N", scale=alt.Scale(domain=list(_KINDS), range=["square", "circle"]), legend=_LEGEND),
            tooltip=[
                alt.Tooltip("DAY:T", title="Day"),
                alt.Tooltip("KIND:N", title="Kind"),
                alt.Tooltip("AMOUNT:Q", title="Amount", format=",.2f"),
                alt.Tooltip("SENTIMENT:Q", title="Sentiment", format=".2f"),
            ],
        )
    )
    chart: alt.LayerChart = (steps + marks).properties(height=260)
    return chart


def _colour(column: str, colours: dict[str, str]) -> alt.Color:
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{column}:N", scale=scale, legend=_LEGEND)
