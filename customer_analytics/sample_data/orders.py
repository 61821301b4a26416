"""Orders and payments; happier customers order more and spend more."""

import datetime as dt
from dataclasses import dataclass
from random import Random

from customer_analytics.sample_data.customers import LAST_DAY, Customer

_PRICES = (590, 890, 1190, 1490, 1890, 2490, 2990, 3490, 4490, 5990, 8990, 12900)
_METHODS = ("credit_card", "bank_transfer", "gift_card")
_WEIGHTS = (60, 30, 10)


@dataclass(frozen=True)
class Order:
    """An order; `payments` are methods and amounts in cents."""

    day: dt.date
    status: str
    payments: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """The sum of the payments, in cents."""
        return sum(amount for _, amount in self.payments)


def orders(customer: Customer, left: dt.date | None, random: Random) -> list[Order]:
    """The customer's orders in order; former customers hardly buy."""
    satisfaction = customer.satisfaction
    if random.random() < 0.2 - 0.15 * satisfaction:
        return []
    days_between = 240 - 190 * satisfaction
    bought: list[Order] = []
    day = customer.joined + dt.timedelta(days=random.randrange(40))
    while day <= LAST_DAY:
        if left is None or day < left or random.random() < 0.1:
            bought.append(Order(day, _status(day, satisfaction, random), _payments(satisfaction, random)))
        day += dt.timedelta(days=1 + int(random.expovariate(1 / days_between)))
    return bought


def _status(day: dt.date, satisfaction: float, random: Random) -> str:
    age, dice = (LAST_DAY - day).days, random.random()
    if age < 4:
        return "placed"
    if age < 10:
        return "shipped"
    if dice < 0.2 * (1 - satisfaction):
        return "returned" if age > 45 else "return_pending"
    return "completed"


def _payments(satisfaction: float, random: Random) -> tuple[tuple[str, int], ...]:
    things = 1 + (random.random() < 0.15 + 0.4 * satisfaction) + (random.random() < 0.35 * satisfaction)
    amount = sum(random.choice(_PRICES) for _ in range(things))
    payments = [(random.choices(_METHODS, _WEIGHTS)[0], amount)]
    if amount > 2000 and random.random() < 0.15:
        payments = [("coupon", 500), (payments[0][0], amount - 500)]
    return tuple(payments)
