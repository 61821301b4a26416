"""Visits to the web shop, conversions, and ad spend."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from customer_analytics.sample_data.customers import FIRST_DAY, LAST_DAY, Customer
from customer_analytics.sample_data.orders import Order


@dataclass(frozen=True)
class Origin:
    """The origin of a visit; `weight` is its relative frequency, `click` its cost in cents."""

    source: str
    medium: str
    campaign: str
    weight: int
    click: int = 0


ORIGINS = (
    Origin("direct", "", "", 30),
    Origin("google", "search", "", 16),
    Origin("bing", "search", "", 5),
    Origin("newsletter", "email", "new_arrivals", 14),
    Origin("adwords", "paid_search", "brand_name", 13, 45),
    Origin("adwords", "paid_search", "gift_ideas", 7, 110),
    Origin("facebook_ads", "paid_social", "summer_of_play", 8, 80),
    Origin("facebook_ads", "paid_social", "first_box_half_price", 7, 140),
)
# Clicks of people who never become customers, per visit of a customer.
_OTHER_CLICKS = 4
_FIXED_COST_A_DAY = 150


@dataclass(frozen=True)
class Visit:
    """A session in the web shop."""

    started_at: dt.datetime
    ended_at: dt.datetime
    origin: Origin


@dataclass(frozen=True)
class Conversion:
    """A purchase in the web shop; `revenue` is in cents."""

    converted_at: dt.datetime
    revenue: int


def visits(customer: Customer, bought: Sequence[Order], random: Random) -> tuple[list[Visit], list[Conversion]]:
    """The customer's visits in order, and conversions: one per order, except orders by telephone."""
    seen: list[Visit] = []
    converted: list[Conversion] = []
    for order in bought:
        by_telephone, without_cookie = random.random() < 0.05, random.random() < 0.04
        moment = _moment(order.day, random)
        if by_telephone:
            continue
        if not without_cookie:
            before = sorted(random.randrange(1, 30) for _ in range(random.choice((0, 0, 1, 1, 2, 3, 5))))
            seen += [_visit(order.day - dt.timedelta(days=days), random) for days in before]
            last = _visit_at(moment, random)
            seen.append(last)
            moment = last.ended_at
        converted.append(Conversion(moment, order.total))
    for _ in range(random.choice((0, 1, 1, 2, 3, 4))):
        days = (LAST_DAY - customer.joined).days
        seen.append(_visit(customer.joined + dt.timedelta(days=random.randrange(days + 1)), random))
    return sorted(seen, key=lambda visit: visit.started_at), converted


def ad_spend(clicks: Counter[tuple[dt.date, Origin]]) -> Iterator[tuple[dt.date, Origin, int]]:
    """The daily cost of each paid campaign in cents, from its visits."""
    for day in (FIRST_DAY + dt.timedelta(days=days) for days in range((LAST_DAY - FIRST_DAY).days + 1)):
        for origin in ORIGINS:
            if origin.click:
                paid_clicks = clicks[day, origin] * (1 + _OTHER_CLICKS)
                yield day, origin, _FIXED_COST_A_DAY + paid_clicks * origin.click


def _visit(day: dt.date, random: Random) -> Visit:
    return _visit_at(_moment(max(day, FIRST_DAY), random), random)


def _visit_at(moment: dt.datetime, random: Random) -> Visit:
    (origin,) = random.choices(ORIGINS, [origin.weight for origin in ORIGINS])
    return Visit(moment, moment + dt.timedelta(seconds=15 + int(random.expovariate(1 / 400))), origin)


def _moment(day: dt.date, random: Random) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(7)) + dt.timedelta(seconds=random.randrange(15 * 3600))
