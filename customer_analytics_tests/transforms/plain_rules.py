"""The rules of MRR and attribution in plain Python, one customer and one month or conversion at a time."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal


@dataclass(frozen=True)
class Period:
    customer: str
    start: date
    end: date | None
    amount: Decimal

    def is_in_force(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Month:
    customer: str
    first_day: date
    mrr: Decimal
    previous_mrr: Decimal
    category: str | None


def last_day(month: date) -> date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def complete_months(periods: list[Period], as_of: date) -> list[date]:
    """First days of the months from the first start on that are over at the end of AS_OF."""
    months = []
    month = min(period.start for period in periods).replace(day=1)
    while last_day(month) <= as_of:
        months.append(month)
        month = last_day(month) + timedelta(days=1)
    return months


def mrr(periods: list[Period], as_of: date) -> list[Month]:
    """All months of all customers, in order."""
    months = complete_months(periods, as_of)
    customers = sorted({period.customer for period in periods})
    return [month for customer in customers for month in _customer_months(customer, periods, months)]


def _customer_months(customer: int, periods: list[Period], months: list[date]) -> Iterator[Month]:
    amounts = {
        month: sum(
            (p.amount for p in periods if p.customer == customer and p.is_in_force(last_day(month))), Decimal(0)
        )
        for month in months
    }
    active = [month for month in months if amounts[month] > 0]
    if not active:
        return
    previous = Decimal(0)
    for month in months:
        if month < active[0]:
            continue
        amount = amounts[month]
        yield Month(customer, month, amount, previous, _category(month == active[0], amount, previous))
        if month > active[-1]:
            return
        previous = amount


def _category(is_first: bool, amount: Decimal, previous: Decimal) -> str | None:
    if is_first:
        return "new"
    if amount == 0:
        return "churn" if previous > 0 else None
    if previous == 0:
        return "reactivation"
    if amount == previous:
        return None
    return "upgrade" if amount > previous else "downgrade"


@dataclass(frozen=True)
class Visit:
    id: str
    customer: str
    started: datetime


@dataclass(frozen=True)
class Conversion:
    customer: str
    at: datetime
    revenue: Decimal


@dataclass(frozen=True)
class Touch:
    conversion: Conversion
    session: str | None
    index: int | None
    total: int
    points: tuple[float, float, float, float]  # first touch, last touch, 40-20-40, linear


def touches(visits: list[Visit], conversions: list[Conversion]) -> Iterator[Touch]:
    """All touches of all conversions."""
    for conversion in conversions:
        led = [
            visit
            for visit in sorted(visits, key=lambda visit: (visit.started, visit.id))
            if visit.customer == conversion.customer
            and timedelta(0) <= conversion.at - visit.started <= timedelta(days=30)
        ]
        if not led:
            yield Touch(conversion, None, None, 0, (1, 1, 1, 1))
        for index, visit in enumerate(led, start=1):
            yield Touch(conversion, visit.id, index, len(led), _points(index, len(led)))


def _points(index: int, total: int) -> tuple[float, float, float, float]:
    if total <= 2:
        forty_twenty_forty = 1 / total
    elif index in (1, total):
        forty_twenty_forty = 0.4
    else:
        forty_twenty_forty = 0.2 / (total - 2)
    return float(index == 1), float(index == total), forty_twenty_forty, 1 / total
