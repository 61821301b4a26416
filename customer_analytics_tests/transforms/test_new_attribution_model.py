"""An attribution model is declared once: its columns, transform, checks and charts follow."""

from collections.abc import Iterator
from datetime import date, datetime
from importlib import reload

import pytest

from customer_analytics.dashboard import charts, display
from customer_analytics.publishing import table_audits
from customer_analytics.tables import attribution, customers, presentation, sources
from customer_analytics.tables.attribution import AttributionModel
from customer_analytics.transforms import attribution as attribution_transform
from customer_analytics.transforms import presentation as presentation_transform

MIDDLE = AttributionModel(
    "MIDDLE_TOUCH",
    "Middle touch",
    "all to the middle touch",
    "IFF(SESSION_INDEX = CEIL(TOTAL_SESSIONS / 2), 1, 0)",
)
# Each module imports only earlier ones.
MODULES = (
    customers,
    presentation,
    attribution_transform,
    presentation_transform,
    table_audits,
    charts,
    display,
)
TOUCHES = [
    (id, 1, datetime(2020, 1, id), None, "google", medium, None) for id, medium in ((1, "cpc"), (2, "email"))
]


@pytest.fixture(autouse=True)
def with_the_middle_touch() -> Iterator[None]:
    """The modules as they are with one more declaration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attribution, "ATTRIBUTION_MODELS", (*attribution.ATTRIBUTION_MODELS, MIDDLE))
        for module in MODULES:
            reload(module)
        yield
    for module in MODULES:
        reload(module)


def test_its_columns_are_declared_and_computed(load, session):
    conversions = load(sources.STG_CUSTOMER_CONVERSIONS, [(1, datetime(2020, 1, 3), 10)])
    touches = attribution_transform.build_attribution_touches(
        load(sources.STG_SESSIONS, TOUCHES), conversions, date(2020, 1, 31)
    )
    rows = touches.sort("SESSION_ID").collect()
    assert [(row.MIDDLE_TOUCH_POINTS, row.MIDDLE_TOUCH_REVENUE) for row in rows] == [(1, 10), (0, 0)]

    touches.write.save_as_table("ATTRIBUTION_TOUCHES")
    spend = load(sources.STG_AD_SPEND, [(date(2020, 1, 1), "google", "cpc", None, 5)])
    spend_rows = presentation_transform.build_pres_ad_spend(
        session.table("ATTRIBUTION_TOUCHES"), spend, date(2020, 1, 31)
    )
    paid = {row.UTM_MEDIUM: (row.REVENUE_MIDDLE_TOUCH, row.ROAS_MIDDLE_TOUCH) for row in spend_rows.collect()}
    assert paid == {"cpc": (10, 2), "email": (0, None)}


def test_its_revenue_is_checked(load):
    zeros = [0.0] * len(attribution.ATTRIBUTION_MODELS)
    given = (1, datetime(2020, 1, 3), 10, None, None, "unattributed", "unattributed", None, 0, None)
    rows = load(customers.ATTRIBUTION_TOUCHES, [(*given, *zeros, *zeros)])
    *_, revenue = table_audits.AUDITS[customers.ATTRIBUTION_TOUCHES]
    violations = revenue.violations(rows, {"conversions": load(sources.STG_CUSTOMER_CONVERSIONS, [])})
    assert "MIDDLE_TOUCH" in violations.columns

    *_, complete = table_audits.AUDITS[presentation.PRES_AD_SPEND]
    inputs = {"spend": load(sources.STG_AD_SPEND, []), "touches": rows}
    assert "MIDDLE_TOUCH" in complete.violations(load(presentation.PRES_AD_SPEND, []), inputs).columns


def test_the_dashboard_shows_it():
    assert display.label("ROAS_MIDDLE_TOUCH") == "ROAS middle touch"
    assert "Middle touch" in charts._MODELS
