"""Comments on social media, and their labels."""

import datetime as dt
from dataclasses import dataclass
from random import Random

from customer_analytics.sample_data.customers import LAST_DAY, Customer
from customer_analytics.sample_data.manners import typed
from customer_analytics.sample_data.phrases import Writer


@dataclass(frozen=True)
class Comment:
    """A comment; `label` is the label that a person would give, None if a person would give none."""

    day: dt.date
    text: str
    label: int | None


def comments(customer: Customer, left: dt.date | None, random: Random) -> list[Comment]:
    """The customer's comments in order; some customers never write, and former ones soon stop."""
    if random.random() < 0.1:
        return []
    until = min(LAST_DAY, left + dt.timedelta(days=45)) if left else LAST_DAY
    days = max((until - customer.joined).days, 1)
    count = min(1 + int(random.expovariate(1 / 8)), 40)
    written = sorted(customer.joined + dt.timedelta(days=random.randrange(days)) for _ in range(count))
    return [_comment(day, random.random() < 0.08 + 0.84 * customer.satisfaction, random) for day in written]


def _comment(day: dt.date, is_happy: bool, random: Random) -> Comment:
    """A comment after a good or a bad experience, which mostly shows in the text."""
    writer = Writer(random)
    form = random.choices(("plain", "mixed", "turned", "neutral"), (72, 15, 5, 8))[0]
    feeling = "happy" if is_happy else "angry"
    label: int | None = int(is_happy)
    if form == "plain":
        sentences = _plain(writer, is_happy, random)
    elif form == "mixed":
        sentences, is_summed_up = _mixed(writer, is_happy, random)
        # Without a summary, people do not always agree on whether a mixed comment is positive.
        if not is_summed_up and random.random() < 0.25:
            label = 1 - int(is_happy)
    elif form == "turned":
        sentences = _turned(writer, is_happy, random)
        feeling = "ironic"
    else:
        sentences = [writer.say("neutral") for _ in range(random.choice((1, 1, 2)))]
        feeling = "neutral"
        label = label if random.random() < 0.25 else None
    return Comment(day, typed(sentences, feeling, writer, random), label)


def _plain(writer: Writer, is_happy: bool, random: Random) -> list[str]:
    kind = "praise" if is_happy else "blame"
    if random.random() < 0.15:
        return [writer.say(f"tweet {kind}")]
    said = [writer.say(f"{kind} opening")] if random.random() < 0.55 else []
    if random.random() < 0.2:
        said.append(writer.say("neutral"))
    said += [writer.say(kind) for _ in range(random.choice((1, 1, 2, 2, 3, 3, 4, 6)))]
    if random.random() < 0.4:
        said.append(writer.say(f"{kind} closing"))
    return said


def _mixed(writer: Writer, is_happy: bool, random: Random) -> tuple[list[str], bool]:
    """Praise and blame; the dominant one is more frequent, mostly last, and sometimes summed up."""
    weighs, concedes = ("praise", "blame") if is_happy else ("blame", "praise")
    parts = [(concedes, random.choice((1, 1, 2))), (weighs, random.choice((1, 2, 2, 3)))]
    if random.random() < 0.25:
        parts.reverse()
    said: list[str] = []
    for kind, times in parts:
        turn = f"{writer.say(f'turn to {kind}')} " if said else ""
        said += [f"{'' if time else turn}{writer.say(kind)}" for time in range(times)]
    is_summed_up = random.random() < 0.5
    if is_summed_up:
        said.append(writer.say(f"{weighs} closing"))
    return said, is_summed_up


def _turned(writer: Writer, is_happy: bool, random: Random) -> list[str]:
    """Irony, or praise in the form of a complaint."""
    said = [writer.say("teasing" if is_happy else "irony")]
    if random.random() < 0.4:
        said.append(writer.say("praise" if is_happy else "irony"))
    if random.random() < 0.2:
        said.append(writer.say("praise closing"))
    return said
