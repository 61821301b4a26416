"""Subscriptions to the monthly toy box, which last longer for happier customers."""

import calendar
import datetime as dt
from dataclasses import dataclass
from random import Random

from customer_analytics.sample_data.customers import LAST_DAY, Customer

_SUBSCRIBERS = 0.78
_PRICES = (15, 25, 40, 60)


@dataclass(frozen=True)
class Period:
    """A period at one price; `end` is the first day after it, None if it is open-ended."""

    start: dt.date
    end: dt.date | None
    monthly_amount: int


def periods(customer: Customer, random: Random) -> list[Period]:
    """The customer's periods in order, decided month by month; none for customers without a subscription."""
    if random.random() >= _SUBSCRIBERS:
        return []
    satisfaction = customer.satisfaction
    leaves = 0.005 + 0.2 * (1 - satisfaction) ** 2.5
    returns = 0.01 + 0.12 * satisfaction**2
    bought: list[Period] = []
    start = min(customer.joined + dt.timedelta(days=random.randrange(30)), LAST_DAY)
    price = random.choice(_PRICES[:3])
    since: dt.date | None = start
    for month in range(1, 40):
        today = _months_later(start, month)
        if today > LAST_DAY:
            break
        dice = random.random()
        if since is None:
            if dice < returns:
                since = today
        elif dice < leaves:
            bought.append(Period(since, today, price))
            since = None
        elif (changed := _changed(price, satisfaction, random)) != price:
            bought.append(Period(since, today, price))
            since, price = today, changed
    if since is not None:
        # Some subscribed for a year, with a known end in the future.
        until = _months_later(LAST_DAY, random.randrange(1, 12)) if random.random() < 0.2 else None
        bought.append(Period(since, until, price))
    return bought


def left_on(bought: list[Period]) -> dt.date | None:
    """The day on which the subscription finally ended; None if it is open-ended or there is none."""
    end = bought[-1].end if bought else None
    return end if end and end <= LAST_DAY else None


def _changed(price: int, satisfaction: float, random: Random) -> int:
    dice, place = random.random(), _PRICES.index(price)
    if dice < 0.05 * satisfaction:
        return _PRICES[min(place + 1, len(_PRICES) - 1)]
    if dice > 1 - 0.06 * (1 - satisfaction):
        return _PRICES[max(place - 1, 0)]
    return price


def _months_later(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
