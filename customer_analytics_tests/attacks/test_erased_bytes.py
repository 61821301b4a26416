"""Forgotten means gone: after an erasure no file of the state holds a word of the customer."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import customer_analytics.sample_data as sample_data
from customer_analytics.adapters import Adapters
from customer_analytics.embedded_snowflake import stop
from customer_analytics.erasure import erase as erasure
from customer_analytics.erasure.systems import opened, resume_erasures
from customer_analytics.ml.collections import CUSTOMER_COMMENT, collection
from customer_analytics.settings import Settings
from customer_analytics_tests.attacks import killed_rewriting
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.small_source import write_small_source

pytestmark = pytest.mark.timeout(900)
RECORDINGS = sorted(
    (Path(sample_data.__file__).parent / "calls").glob("*.opus"), key=lambda path: path.stat().st_size
)
COMMENT = "The frobnicaldus{0} wheel was splendiferous{0}"
# Of each customer that is erased: the words that stand in no row of anybody else.
WORDS = ("zebulona{0}", "quorlington{0}", "frobnicaldus{0}", "splendiferous{0}", "notadatezq{0}", "12x4zq{0}")
ERASED = ("kund71", "kund72", "kund73")


def _add(folder: Path, customer: str) -> None:
    """A customer with rows in every file, also rejected ones, and a call."""
    lines = {
        "customers.csv": f"{customer},Zebulona{customer},Quorlington{customer}\n",
        "orders.csv": f"o{customer},{customer},2020-03-01,placed\nx{customer},{customer},notadatezq{customer},placed\n",
        "payments.csv": f"p{customer},o{customer},coupon,250\nq{customer},o{customer},coupon,12x4zq{customer}\n",
    }
    for name, text in lines.items():
        with (folder / name).open("a") as file:
            file.write(text)


def _write_source(folder: Path) -> Path:
    write_small_source(folder)
    for customer in ERASED:
        _add(folder, customer)
    own = [COMMENT.format(customer) for customer in ERASED]
    comments = pq.read_table(folder / "twitter_comments.parquet")
    columns = {
        "customer_id": [*map(str, comments["customer_id"].to_pylist()), *ERASED],
        "date": comments["date"].to_pylist() + ["2020-03-05"] * len(ERASED),
        "review_text": comments["review_text"].to_pylist() + own,
    }
    pq.write_table(pa.table(columns), folder / "twitter_comments.parquet")
    training = pq.read_table(folder / "comment_training.parquet")
    # The customers' comments are training texts too, and rejected ones besides.
    columns = {
        "REVIEW_TEXT": training["REVIEW_TEXT"].to_pylist() + own * 2,
        "LABEL": training["LABEL"].to_pylist() + ["1"] * len(own) + ["badlabelzq"] * len(own),
    }
    pq.write_table(pa.table(columns), folder / "comment_training.parquet")
    shutil.copy(RECORDINGS[0], folder / "calls" / f"{ERASED[0]}-01.opus")
    shutil.copy(RECORDINGS[1], folder / "calls" / "2-01.opus")
    return folder


def _killed_run(deployment: Deployment) -> None:
    """A run that is killed while it listens to a call, with rows in the scratch schema."""
    done = subprocess.run(
        [sys.executable, "-m", "customer_analytics_tests.attacks.killed_run"],
        env={**deployment.environment, "TMPDIR": str(deployment.home / "tmp")},
        check=False,
    )
    assert done.returncode == -9


def _state_of_earlier_versions(deployment: Deployment) -> None:
    """What earlier versions have told Dagster and the logs."""
    customer = ERASED[0]
    told = {"relative_path": f"{customer}-01.opus", "value": f"notadatezq{customer}"}
    home = {"DAGSTER_HOME": str(deployment.home / "dagster")}
    with patch.dict(os.environ, home), dg.DagsterInstance.get() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("call_audio", metadata=told))
    output = deployment.home / "dagster" / "storage" / "run" / "compute_logs"
    output.mkdir(parents=True)
    (output / "step.err").write_text(f"ORDER_DATE 'notadatezq{customer}' is not a date\n")
    deployment.rows(f"SELECT 'Quorlington{customer}'")
    for name in ("statements.1.jsonl", "endpoint.log"):
        with (deployment.home / "warehouse" / name).open("a") as log:
            log.write(json.dumps({"sql": f"SELECT 'Zebulona{customer}'"}) + "\n")


@dataclass
class Readers:
    """Threads that read the warehouse and a collection, on and on."""

    deployment: Deployment
    longest: float = 0.0
    reads: int = 0
    errors: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._tables, self._vectors)]

    def __enter__(self) -> "Readers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _tables(self) -> None:
        with self.deployment._warehouse().connection() as connection:
            cursor = connection.cursor()
            self._again(lambda: cursor.execute("SELECT COUNT(*) FROM ANALYTICS.STG_SESSIONS").fetchall())

    def _vectors(self) -> None:
        made = Adapters(Settings(home=self.deployment.home))
        held = collection(CUSTOMER_COMMENT, made.embedder)
        self._again(lambda: [list(made.vector_store.scan(held)), made.vector_store.count(held)])

    def _again(self, read: "object") -> None:
        while not self._over.is_set():
            began = time.monotonic()
            try:
                read()  # type: ignore[operator]
            except BaseException as error:
                self.errors.append(error)
                return
            self.longest = max(self.longest, time.monotonic() - began)
            self.reads += 1
            time.sleep(0.01)


@dataclass(frozen=True)
class Erased:
    deployment: Deployment
    printed: str
    readers: Readers
    transcript: str
    audio: bytes
    before: list[str]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    source = _write_source(tmp_path_factory.mktemp("source"))
    made = Deployment(tmp_path_factory.mktemp("home"), {"CUSTOMER_ANALYTICS_SOURCE": str(source)})
    made.call("run")
    made.call("snapshot", "create", str(source / "snapshot"))
    yield made
    stop(made.home)


@pytest.fixture(scope="module")
def erased(deployment: Deployment) -> Erased:
    """The first customer erased, in a folder that has seen a killed run, while others read."""
    customer = ERASED[0]
    (deployment.home / "tmp").mkdir()
    _killed_run(deployment)
    _state_of_earlier_versions(deployment)
    select = f"SELECT TRANSCRIPT FROM ANALYTICS.CALL_TRANSCRIPTS WHERE CUSTOMER_ID = '{customer}'"
    (row,) = deployment.rows(select)
    before = holding(deployment.home, customer)
    with Readers(deployment) as readers:
        printed = deployment.call("erase", customer, "--yes")
    audio = RECORDINGS[0].read_bytes()
    return Erased(deployment, printed, readers, row["TRANSCRIPT"], audio[len(audio) // 2 :][:64], before)


def holding(home: Path, customer: str, *more: bytes) -> list[str]:
    """The files with a word of the customer, in UTF-8 or UTF-16 and any case, or with one of these bytes."""
    words = [word.format(customer) for word in (*WORDS, "{0}-01.opus")]
    wanted = [word.encode(encoding) for word in words for encoding in ("utf-8", "utf-16-le")]
    files = [file for file in sorted(home.rglob("*")) if file.is_file()]
    contents = {str(file.relative_to(home)): file.read_bytes() for file in files}
    return [
        name
        for name, content in contents.items()
        if any(word in content.lower() for word in wanted) or any(part in content for part in more)
    ]


def test_before_the_erasure_the_words_are_found_where_they_are_kept(erased: Erased) -> None:
    places = {name.split("/")[0] for name in erased.before}
    assert {"warehouse", "vectors", "dagster"} <= places


def test_no_file_of_the_state_holds_a_word_of_an_erased_customer(erased: Erased) -> None:
    assert holding(erased.deployment.home, ERASED[0], erased.audio, erased.transcript.encode()) == []


def test_no_file_of_the_snapshot_holds_the_customer_s_objects(erased: Erased) -> None:
    snapshot = Path(erased.deployment.variables["CUSTOMER_ANALYTICS_SOURCE"], "snapshot")
    for file in snapshot.glob("*.parquet"):
        assert COMMENT.format(ERASED[0]) not in str(pq.read_table(file).to_pylist())


def test_readers_wait_at_most_five_seconds_and_never_fail(erased: Erased) -> None:
    assert erased.readers.errors == []
    assert erased.readers.reads > 20
    assert erased.readers.longest <= 5


def test_the_check_says_what_it_looked_at_and_what_it_cannot_reach(erased: Erased) -> None:
    assert f"Verified: no data of customer {ERASED[0]} is left" in erased.printed
    assert "the bytes of" in erased.printed
    assert "Not searched: the source data, copies and backups" in erased.printed
    assert COMMENT.format(ERASED[0]) not in erased.printed


def test_others_keep_what_is_theirs(erased: Erased) -> None:
    rows = erased.deployment.rows("SELECT FIRST_NAME FROM ANALYTICS.STG_CUSTOMERS ORDER BY CUSTOMER_ID")
    others = [f"Zebulona{customer}" for customer in ERASED[1:]]
    assert [row["FIRST_NAME"] for row in rows] == ["Ada", "Ben", "Cleo", *others]
    assert holding(erased.deployment.home, ERASED[1])


class _Killed(BaseException):
    """Ends the erasure where a kill would: nothing after it is done."""


@pytest.mark.parametrize(("customer", "step"), [(ERASED[1], "_purge"), (ERASED[2], "search")])
def test_an_erasure_that_was_killed_is_completed_at_the_next_start(
    erased: Erased, customer: str, step: str
) -> None:
    settings = Settings(
        home=erased.deployment.home, source=erased.deployment.variables["CUSTOMER_ANALYTICS_SOURCE"]
    )
    with opened(settings) as systems, patch.object(erasure, step, side_effect=_Killed), suppress(_Killed):
        erasure.erase(customer, systems)
    assert holding(settings.home, customer) != []

    assert resume_erasures(settings) == []

    assert holding(settings.home, customer) == []
    assert resume_erasures(settings) == []


def test_a_rewriting_killed_at_any_step_leaves_the_old_databases_or_the_new_ones(tmp_path: Path) -> None:
    command = [sys.executable, "-m", killed_rewriting.__name__, str(tmp_path)]
    steps = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert [step["killed"] for step in steps] == [True] * (len(steps) - 1) + [False]
    assert len(steps) >= 9  # two databases, each copied, written anew, put in its place
    assert steps[0]["before"] == ["ONE.duckdb", "TWO.duckdb"]
    for step in steps:
        assert step["found"]["rows"] == step["found"]["views"] == [["kept"], ["kept"]]
        assert step["found"]["comments"] == [["It's a word."]] * 2
        assert step["found"]["numbers"] == [[3008], [3008]]
        assert step["left"] == []
