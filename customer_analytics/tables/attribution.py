"""Attribution models: how the touches of a conversion share its revenue."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AttributionModel:
    """One model. To add one, add it to ATTRIBUTION_MODELS: its columns, checks and charts follow.

    Attributes:
        name: Prefix or suffix of its columns, as in LINEAR_POINTS and ROAS_LINEAR.
        label: Its name in the dashboard.
        rule: How it splits a conversion, for column descriptions.
        points: Share of one touch, as SQL over SESSION_INDEX (from 1) and TOTAL_SESSIONS (at least 1). The shares
            of a conversion's touches sum to 1. Divide a FLOAT: Snowflake rounds a divided NUMBER to six more
            decimals.
    """

    name: str
    label: str
    rule: str
    points: str


ATTRIBUTION_MODELS = (
    AttributionModel("FIRST_TOUCH", "First touch", "all to the first touch", "IFF(SESSION_INDEX = 1, 1, 0)"),
    AttributionModel(
        "LAST_TOUCH", "Last touch", "all to the last touch", "IFF(SESSION_INDEX = TOTAL_SESSIONS, 1, 0)"
    ),
    AttributionModel(
        "FORTY_TWENTY_FORTY",
        "40-20-40",
        "40 % each to the first and last touch, 20 % to those between",
        """CASE WHEN TOTAL_SESSIONS <= 2 THEN 1::FLOAT / TOTAL_SESSIONS
            WHEN SESSION_INDEX IN (1, TOTAL_SESSIONS) THEN 0.4
            ELSE 0.2::FLOAT / (TOTAL_SESSIONS - 2) END""",
    ),
    AttributionModel("LINEAR", "Linear", "equal shares to all touches", "1::FLOAT / TOTAL_SESSIONS"),
)
