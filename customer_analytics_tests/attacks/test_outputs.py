"""Values, names of columns and names of files that are to act on a spreadsheet, a terminal or a log."""

import csv
import io
import json
import logging
import os
import re
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from customer_analytics.cli.doctor import print_preflight
from customer_analytics.cli.errors import fail
from customer_analytics.cli.sql import print_table
from customer_analytics.dashboard import display
from customer_analytics.embedded_snowflake import Endpoint
from customer_analytics.output import guard_logs
from customer_analytics.progress import Progress
from customer_analytics.settings import Settings
from customer_analytics.terminal import show_messages
from customer_analytics_tests.dashboard.looking import APP, looking_at
from customer_analytics_tests.deployment import Deployment

FORMULAS = [
    *("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\ufeff=1", "\u200b=1"),
    *("\uff1d1+1", "\uff0b1", "\uff0d1", "\uff201", "=cmd|' /C calc'!A0", '=HYPERLINK("http://evil.test")'),
]
BEHIND_A_SEPARATOR = ["fine;=1+1", "fine\n=1+1", "fine\t@SUM(1)", "fine; +1", 'fine";=1']
NUMBERS = ["-5", "+5", "-5.25", "-1e5", "10"]
PLAIN = ["x@y.example", "1-2", "a = b", "good, 5 - 3 = 2", ""]
# Colours, a window's title, the cursor, C1 controls, a backspace, overrides of direction, separators of lines.
ACTING = "a\x1b[31mb\x1b]0;owned\x07c\x9b31md\x08e\x7ff\rg\u202eh\u2066i\u2028j\x00k"
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
BEGINS_A_FORMULA = re.compile("(^|[;\t\r\n])[\\s\ufeff\u200b]*[=+@\uff1d\uff0b\uff0d\uff20-](?![0-9.e]+$)")


def acting(text: str) -> list[str]:
    return ACTS.findall(text.replace("\r\n", "\n"))


@pytest.fixture(scope="module")
def deployment(endpoint: Endpoint, endpoint_home: str) -> Deployment:
    return Deployment(Path(endpoint_home))


def literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def test_csv_of_the_dashboard_holds_no_formula() -> None:
    texts = [*FORMULAS, *BEHIND_A_SEPARATOR, *NUMBERS, *PLAIN]
    frame = pd.DataFrame({"=NAME": texts, "KIND": pd.Categorical(texts), "AMOUNT": [-1.5] * len(texts)})
    header, *rows = csv.reader(io.StringIO(display.csv(frame).decode(), newline=""))
    assert header == ["'=NAME", "KIND", "AMOUNT"]
    for text, kind, amount in rows:
        assert not BEGINS_A_FORMULA.search(text), text
        assert not text.startswith(("\t", "\r", "\n"))
        assert (kind, amount) == (text, "-1.5")
    kept = [text for text, *_ in rows[len(FORMULAS) + len(BEHIND_A_SEPARATOR) :]]
    assert kept == [*NUMBERS, *PLAIN]


def test_csv_of_sql_holds_no_formula_and_nothing_that_acts_on_the_terminal(deployment: Deployment) -> None:
    values = [*FORMULAS, *BEHIND_A_SEPARATOR, "a\x1b[31mb\x9bc"]
    rows = " UNION ALL ".join(f"SELECT {n} AS N, {literal(text)} AS T, -5 AS M" for n, text in enumerate(values))
    printed = deployment.call("sql", f'SELECT N, T AS "=T", M FROM ({rows}) ORDER BY N', "--csv")
    assert acting(printed) == []
    header, *found = csv.reader(io.StringIO(printed, newline=""))
    assert header == ["N", "'=T", "M"]
    assert len(found) == len(values)
    assert [text for _, text, _ in found if BEGINS_A_FORMULA.search(text)] == []
    assert {number for *_, number in found} == {"-5"}


def test_a_table_and_json_of_sql_act_on_no_terminal(deployment: Deployment) -> None:
    value = "a\x1b[31mb\x9bc\u202ed\x7f"
    statement = f'SELECT {literal(value)} AS "n\x1b[0mame"'
    assert acting(deployment.call("sql", statement)) == []
    printed = deployment.call("sql", statement, "--json")
    assert acting(printed) == []
    assert json.loads(printed) == [{"n\x1b[0mame": value}]


def test_an_error_acts_on_no_terminal(deployment: Deployment) -> None:
    refused = deployment.attempt("sql", 'SELECT "x\x1b[31m\u202e" FROM (SELECT 1 AS A)')
    assert refused.returncode == 1
    assert acting(refused.stderr) == []
    assert "\\u001b[31m" in refused.stderr


def test_a_name_of_any_bytes_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail(ACTING + os.fsdecode(b"caf\xe9"))
    print_table([ACTING], [(f"{ACTING}\udce9",)])
    printed = capsys.readouterr()
    assert acting(printed.err + printed.out) == []


def test_files_of_hostile_names_act_on_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source"
    (source / "calls").mkdir(parents=True)
    name = "\x1b]0;owned\x07\x9b31m\u202e"
    (source / "customers.csv").write_text(f"customer_id,first_name,last_name,{name}\n1,Ada,L.,x\n")
    for file in (source / "calls" / f"{name}.wav", source / f"{name}.csv", source / "calls" / f"{name}.txt"):
        file.write_bytes(b"RIFF")
    print_preflight(Settings(home=tmp_path / "home", source=str(source)))
    with pytest.raises(SystemExit):
        print_preflight(Settings(home=tmp_path / "home", source=f"{source}/{name}"))
    printed = capsys.readouterr()
    assert "customers.csv" in printed.out
    assert acting(printed.out + printed.err) == []


@dg.asset
def noisy(context: dg.AssetExecutionContext) -> None:
    context.log.warning(f"calls/{ACTING}.wav is no audio file")
    Progress(ACTING, context.log.info, every=0)
    raise dg.Failure(f"{ACTING} cannot be read", allow_retries=False)


def test_neither_a_stack_trace_nor_a_named_value_acts_on_the_terminal() -> None:
    guard_logs()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    log = logging.Logger("someone's")
    log.addHandler(handler)
    try:
        raise ValueError(ACTING)
    except ValueError:
        log.exception("%(value)s", {"value": ACTING})
    assert "ValueError: " in stream.getvalue()
    assert acting(stream.getvalue()) == []


def test_a_message_forges_no_line_of_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("customer_analytics")
    log.handlers = []  # one writes to what was the terminal when it was made
    show_messages()
    log.warning("calls/%s.wav is no audio file", "a\n12:00:00  run  all is well\x1b[2J")
    printed = capfd.readouterr().err
    assert acting(printed) == []
    assert len(re.findall("^[0-9]{2}:[0-9]{2}:[0-9]{2}", printed, re.MULTILINE)) == 1


def test_a_run_acts_on_no_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    show_messages()
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        made = dg.materialize([noisy], instance=instance, raise_on_error=False)
        events = [entry.message for entry in instance.all_logs(made.run_id)]
        captured = capfd.readouterr()
    assert not made.success
    warning = next(message for message in events if "no audio file" in message)
    assert acting(warning) == []
    assert "no audio file" in captured.err
    assert acting(re.sub("\x1b\\[[0-9;]*m", "", captured.err + captured.out)) == []


def test_a_page_opened_first_has_the_apps_title_and_errors(deployment: Deployment) -> None:
    """As a link from elsewhere, such as `/sales?customer=1`, opens it in a new session."""
    with looking_at(deployment.home):
        app = AppTest.from_file(str(APP), default_timeout=120)
        app.switch_page("views/sales.py")
        app.query_params["customer"] = "1"
        app.run()
    assert [title.value for title in app.title] == ["Sales"]
    assert not app.exception
