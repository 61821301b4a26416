"""One more call: what a run about it changes, and that it changes nothing else."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest

from customer_analytics import tables
from customer_analytics.adapters import Adapters
from customer_analytics.automation.orphans import Orphans, clean
from customer_analytics.embedded_snowflake import stop
from customer_analytics.settings import Settings
from customer_analytics_tests.deployment import Deployment, located
from customer_analytics_tests.small_source import write_small_source
from customer_analytics_tests.spoken import speak

pytestmark = pytest.mark.timeout(600)
Rows = set[tuple[str, str]]
"""Rows of all tables: the name of the table, and the row as text."""


class Shop(Deployment):
    """A small source, loaded whole once; then one call after the other."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "home")
        self.calls = write_small_source(folder / "source") / "calls"
        settings = Settings(home=self.home, source=str(folder / "source"))
        self.located = located(settings)
        self.adapters = Adapters(settings)
        self.instance = dg.DagsterInstance.ephemeral()

    def run(self, job: str, *calls: str, again: bool = False, customers: Sequence[str] = ()) -> None:
        scope = {"calls": list(calls), "again": again, "customers": list(customers)}
        config = {"resources": {"scope": {"config": scope}}}
        self.located.resolve_job_def(job).execute_in_process(config, self.instance)

    def contents(self) -> Rows:
        return {(name, str(row)) for name in tables.TABLES for row in self.rows(f"SELECT * FROM {name}")}

    def changes(self, *calls: str, customers: Sequence[str] = ()) -> list[tuple[str, str]]:
        """The tables in which rows go and come by a run about these calls: `-` and `+` with the table's name."""
        before = self.contents()
        self.run("calls", *calls, customers=customers)
        after = self.contents()
        gone, come = sorted(before - after), sorted(after - before)
        return [("-", name) for name, _ in gone] + [("+", name) for name, _ in come]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("shop"))
    speak(made.calls / "1-01.wav", begin=0)
    speak(made.calls / "2-01.wav", begin=3)
    made.run("all_assets")
    yield made
    stop(made.home)


OF_A_CALL = ["CALL_TRANSCRIPTS", "PRED_CUSTOMER_CALLS"]
OF_ITS_CUSTOMER = ["PRES_CHURN", "PRES_CLV", "PRES_SENTIMENT"]


def test_a_run_about_a_new_call_adds_its_rows_and_renews_its_customers(shop: Shop) -> None:
    speak(shop.calls / "1-02.wav", begin=6)
    speak(shop.calls / "2-02.wav", begin=8)  # as new, but not what the run is about
    assert shop.changes("1-02.wav") == [
        *(("-", name) for name in OF_ITS_CUSTOMER),
        *(("+", name) for name in (*OF_A_CALL, *OF_ITS_CUSTOMER, "STG_SUPPORT_CALLS")),
    ]
    (customer,) = shop.rows("SELECT CALLS FROM PRES_SENTIMENT WHERE CUSTOMER_ID = '1'")
    assert customer == {"CALLS": 2}
    (shop.calls / "2-02.wav").unlink()


def test_the_same_run_again_changes_nothing(shop: Shop) -> None:
    assert shop.changes("1-02.wav") == []


def test_a_changed_call_is_transcribed_again_and_its_old_words_are_forgotten(shop: Shop) -> None:
    speak(shop.calls / "1-02.wav", begin=8)
    changed = [*OF_A_CALL, *OF_ITS_CUSTOMER, "STG_SUPPORT_CALLS"]
    assert shop.changes("1-02.wav") == [*(("-", name) for name in changed), *(("+", name) for name in changed)]


def test_a_renamed_call_is_of_the_customer_that_its_new_name_tells(shop: Shop) -> None:
    transcribed = "SELECT TRANSCRIPT FROM CALL_TRANSCRIPTS WHERE RELATIVE_PATH = '{}'"
    before = shop.rows(transcribed.format("1-02.wav"))
    (shop.calls / "1-02.wav").rename(shop.calls / "2-09.wav")
    shop.run("calls", "1-02.wav", "2-09.wav")
    assert shop.rows(transcribed.format("2-09.wav")) == before
    counts = "SELECT CUSTOMER_ID, CALLS FROM PRES_SENTIMENT WHERE CALLS > 0 ORDER BY 1"
    assert shop.rows(counts) == [{"CUSTOMER_ID": "1", "CALLS": 1}, {"CUSTOMER_ID": "2", "CALLS": 2}]


def test_a_call_of_nobody_and_one_that_cannot_be_read_change_no_customer(shop: Shop) -> None:
    speak(shop.calls / "voicemail.wav", begin=3)
    (shop.calls / "2-03.wav").write_bytes(b"no audio")
    assert shop.changes("2-03.wav", "voicemail.wav") == [
        ("+", name)
        for name in ("CALL_TRANSCRIPTS", "CALL_TRANSCRIPTS", "PRED_CUSTOMER_CALLS", *["STG_SUPPORT_CALLS"] * 2)
    ]


def test_a_call_that_is_gone_leaves_all_tables(shop: Shop) -> None:
    (shop.calls / "2-09.wav").unlink()
    shop.run("calls", "2-09.wav")
    assert [row for row in shop.contents() if "2-09.wav" in row[1]] == []


def test_a_failed_call_is_tried_again_when_asked(shop: Shop) -> None:
    when = "SELECT TRANSCRIBED_AT FROM CALL_TRANSCRIPTS WHERE STATUS = 'failed'"
    before = shop.rows(when)
    shop.run("calls", "2-03.wav")
    assert shop.rows(when) == before
    shop.run("calls", "2-03.wav", again=True)
    assert shop.rows(when) != before


def test_stage_files_and_partitions_without_a_call_are_listed_and_then_removed(shop: Shop) -> None:
    ports = ("warehouse", "source", "vector_store", "embedder")
    shop.instance.add_dynamic_partitions("call_audio", ["00ff"])
    with shop.adapters as built:
        systems = [getattr(built, name) for name in ports]
        found = clean(*systems, shop.instance, remove=False)
        assert found.partitions == ("00ff",)
        assert len(found.stage_files) == 2  # the words of 1-02 before and after it was changed
        assert clean(*systems, shop.instance, remove=True) == found
        assert clean(*systems, shop.instance, remove=False) == Orphans((), (), (), ())


def test_calls_of_a_folder_that_is_away_stay(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (shop.calls / "share").symlink_to(tmp_path / "share")
    speak(tmp_path / "share" / "1-05.wav", begin=6)
    shop.run("calls")
    (tmp_path / "share").rename(tmp_path / "away")
    assert shop.changes() == [("+", "STG_REJECTED_ROWS")]
    (row,) = shop.rows("SELECT SOURCE, LINE FROM STG_REJECTED_ROWS")
    assert row == {"SOURCE": "calls/share", "LINE": 0}


CALLED = "SELECT CUSTOMER_ID, CAST(CALLED_AT AS VARCHAR) AS AT, CALLED_AT_SOURCE AS FROM_, PROPERTIES FROM {}"


def test_a_manifest_tells_when_a_call_was_and_changes_no_other_table(shop: Shop) -> None:
    (shop.calls / "calls.csv").write_text("file,called_at,agent\n1-01.wav,2020-03-01 10:30,anna\n,2020-03-01,\n")
    assert shop.changes("1-01.wav") == [
        ("-", "STG_SUPPORT_CALLS"),
        ("+", "STG_REJECTED_ROWS"),
        ("+", "STG_SUPPORT_CALLS"),
    ]
    (row,) = shop.rows(CALLED.format("STG_SUPPORT_CALLS WHERE RELATIVE_PATH = '1-01.wav'"))
    assert row["AT"].startswith("2020-03-01 10:30:00")
    assert (row["FROM_"], row["PROPERTIES"]) == ("manifest", '{"agent": "anna"}')
    assert [(r["SOURCE"], r["LINE"]) for r in shop.rows("SELECT * FROM STG_REJECTED_ROWS WHERE LINE > 0")] == [
        ("calls/calls.csv", 3)
    ]


def test_a_call_that_the_manifest_gives_to_another_customer_is_transcribed_no_second_time(shop: Shop) -> None:
    when = "SELECT TRANSCRIBED_AT FROM CALL_TRANSCRIPTS WHERE RELATIVE_PATH = '1-01.wav'"
    before = shop.rows(when)
    (shop.calls / "calls.csv").write_text("file,customer_id\n1-01.wav,2\n")
    assert shop.changes("1-01.wav") == [("-", "STG_REJECTED_ROWS")]  # the run is not about customer 2
    shop.run("calls", "1-01.wav", customers=["2"])
    assert shop.rows(when) == before
    counts = "SELECT CUSTOMER_ID, CALLS FROM PRES_SENTIMENT WHERE CALLS > 0 ORDER BY 1"
    assert shop.rows(counts) == [{"CUSTOMER_ID": "1", "CALLS": 1}, {"CUSTOMER_ID": "2", "CALLS": 2}]


def test_a_manifest_that_cannot_be_read_keeps_all_calls_as_they_were(shop: Shop) -> None:
    before = shop.contents()
    (shop.calls / "calls.csv").write_text("call,customer_id\n1-01.wav,2\n")
    with pytest.raises(dg.Failure, match=r"^calls/calls\.csv lacks the column FILE"):
        shop.run("calls")
    rejected = [f"{number},2020-13-01" for number in range(3)]
    (shop.calls / "calls.csv").write_text("\n".join(["file,called_at", *rejected]))
    with pytest.raises(dg.Failure, match=r"^calls/calls\.csv: 3 of 3 rows .* STG_SUPPORT_CALLS") as raised:
        shop.run("calls")
    assert "2020-13" not in str(raised.value)
    assert shop.contents() == before
    (shop.calls / "calls.csv").write_text("file,customer_id\n1-01.wav,2\n")


def test_after_all_that_a_run_about_everything_changes_nothing(shop: Shop) -> None:
    before = shop.contents()
    shop.run("all_assets")
    assert shop.contents() == before
