"""The source files of the sample shop, written customer by customer in bounded memory."""

import csv
import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from customer_analytics.ingestion.calls import CALLS_FOLDER
from customer_analytics.ml.training_set import text_hash
from customer_analytics.sample_data.calls import MOODS, agent, called_at, channel, moods, recordings
from customer_analytics.sample_data.comments import comments
from customer_analytics.sample_data.customers import Customer, chances, customer
from customer_analytics.sample_data.orders import Order, orders
from customer_analytics.sample_data.subscriptions import left_on, periods
from customer_analytics.sample_data.visits import Origin, ad_spend, visits

MANIFEST = f"{CALLS_FOLDER}/calls.csv"
HEADERS = {
    "customers.csv": "customer_id,first_name,last_name",
    "orders.csv": "order_id,customer_id,order_date,status",
    "payments.csv": "payment_id,order_id,payment_method,amount",
    "subscription_periods.csv": "subscription_id,customer_id,start_date,end_date,monthly_amount",
    "sessions.csv": "session_id,customer_id,started_at,ended_at,utm_source,utm_medium,utm_campaign",
    "customer_conversions.csv": "customer_id,converted_at,revenue",
    "ad_spend.csv": "date_day,utm_source,utm_medium,utm_campaign,spend",
    MANIFEST: "file,customer_id,called_at,agent,channel",
}
SCHEMAS = {
    "twitter_comments.parquet": pa.schema(
        {"customer_id": pa.int64(), "date": pa.date32(), "review_text": pa.string()}
    ),
    "comment_training.parquet": pa.schema({"review_text": pa.string(), "label": pa.int64()}),
}
# The labelling effort does not grow with the shop: about this many comments are labelled, or all of a small
# shop's.
LABELLED = 1_350
_COMMENTS_A_CUSTOMER = 7.6
_ROW_GROUP = 20_000
_NEW_TELEPHONES = dt.date(2025, 7, 1)
_PROGRESS_EVERY = 100


def write_files(folder: Path, customers: int, seed: int, on_progress: Callable[[int, int], None]) -> Counter[str]:
    """Write the files and calls of a number of customers to an empty folder; returns the rows of each file."""
    (folder / CALLS_FOLDER).mkdir()
    with ExitStack() as files:
        shop = _Shop(folder, seed, LABELLED / (_COMMENTS_A_CUSTOMER * customers), files)
        for customer_id in range(1, customers + 1):
            shop.add(customer(seed, customer_id))
            if customer_id % _PROGRESS_EVERY == 0:
                on_progress(customer_id, customers)
        shop.add_ad_spend()
    return shop.rows


class _Shop:
    """The open files, and counters over all customers."""

    def __init__(self, folder: Path, seed: int, labelled: float, files: ExitStack) -> None:
        self.rows: Counter[str] = Counter()
        self._folder, self._seed, self._labelled = folder, seed, labelled
        self._csv = {name: _csv_file(folder / name, header, files) for name, header in HEADERS.items()}
        self._parquet = {name: files.enter_context(_ParquetFile(folder / name, s)) for name, s in SCHEMAS.items()}
        self._ids = {name: count(1) for name in ("order", "payment", "subscription", "session")}
        self._clicks: Counter[tuple[dt.date, Origin]] = Counter()
        self._judged: set[str] = set()
        self._calls: Counter[str] = Counter(dict.fromkeys(MOODS, 0))

    def add(self, customer: Customer) -> None:
        """Write the data of one customer."""
        self._write("customers.csv", customer.customer_id, customer.first_name, customer.last_name)
        subscribed = periods(customer, self._chances("subscriptions", customer))
        for period in subscribed:
            number = next(self._ids["subscription"])
            amounts = (period.start, period.end, period.monthly_amount)
            self._write("subscription_periods.csv", number, customer.customer_id, *amounts)
        left = left_on(subscribed)
        bought = orders(customer, left, self._chances("orders", customer))
        self._add_orders(customer, bought)
        self._add_visits(customer, bought)
        self._add_comments(customer, left)
        self._add_calls(customer, left)

    def add_ad_spend(self) -> None:
        """Write the ad spend for the visits of all customers."""
        for day, origin, spend in ad_spend(self._clicks):
            self._write("ad_spend.csv", day, origin.source, origin.medium, origin.campaign, _units(spend))

    def _add_orders(self, customer: Customer, bought: Iterable[Order]) -> None:
        for order in bought:
            number = next(self._ids["order"])
            self._write("orders.csv", number, customer.customer_id, order.day, order.status)
            for method, amount in order.payments:
                self._write("payments.csv", next(self._ids["payment"]), number, method, amount)

    def _add_visits(self, customer: Customer, bought: list[Order]) -> None:
        seen, converted = visits(customer, bought, self._chances("visits", customer))
        for visit in seen:
            origin = visit.origin
            # As in the shop's log, the rows of direct visits end after the medium.
            utm = (origin.source, origin.medium, origin.campaign)[: 3 if origin.medium else 2]
            number = next(self._ids["session"])
            self._write("sessions.csv", number, customer.customer_id, visit.started_at, visit.ended_at, *utm)
            if origin.click:
                self._clicks[visit.started_at.date(), origin] += 1
        for conversion in converted:
            revenue = _units(conversion.revenue)
            self._write("customer_conversions.csv", customer.customer_id, conversion.converted_at, revenue)

    def _add_comments(self, customer: Customer, left: dt.date | None) -> None:
        random = self._chances("comments", customer)
        for comment in comments(customer, left, random):
            self._write("twitter_comments.parquet", customer.customer_id, comment.day, comment.text)
            is_judged = random.random() < self._labelled and comment.label is not None
            # A repeated text is labelled once, so that no text has two labels.
            if is_judged and (words := text_hash(comment.text)) not in self._judged:
                self._judged.add(words)
                self._write("comment_training.parquet", comment.text, comment.label)

    def _add_calls(self, customer: Customer, left: dt.date | None) -> None:
        said = moods(customer, self._chances("calls", customer))
        random = self._chances("times of calls", customer)
        for number, (mood, moment) in enumerate(
            zip(said, called_at(customer, left, len(said), random), strict=True), 1
        ):
            recording = recordings(mood)[self._calls[mood] % len(recordings(mood))]
            name = f"{customer.customer_id}-{number:02}"
            # Some calls are in a manifest; the others have the day in the file name.
            if moment.date() >= _NEW_TELEPHONES:
                name += f"-{moment:%Y-%m-%d}{recording.suffix}"
            else:
                name += recording.suffix
                told = (name, customer.customer_id, moment, agent(recording), channel(random))
                self._write(MANIFEST, *told)
            shutil.copyfile(recording, self._folder / CALLS_FOLDER / name)
            self._calls[mood] += 1
            self.rows[CALLS_FOLDER] += 1

    def _write(self, name: str, *values: Any) -> None:
        self.rows[name] += 1
        if name in self._csv:
            self._csv[name](values)
        else:
            self._parquet[name].add(values)

    def _chances(self, subject: str, customer: Customer) -> Random:
        return chances(self._seed, subject, customer.customer_id)


class _ParquetFile:
    """A Parquet file that is written row by row and flushed in groups."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema)
        self._rows: list[tuple[Any, ...]] = []

    def __enter__(self) -> "_ParquetFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, row: tuple[Any, ...]) -> None:
        self._rows.append(row)
        if len(self._rows) >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            self._writer.write_table(pa.table([list(column) for column in columns], schema=self._schema))
            self._rows.clear()


def _csv_file(path: Path, header: str, files: ExitStack) -> Callable[[Iterable[Any]], Any]:
    file = files.enter_context(path.open("w", newline="", encoding="utf-8"))
    write: Callable[[Iterable[Any]], Any] = csv.writer(file, lineterminator="\n").writerow
    write(header.split(","))
    return write


def _units(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
