"""Every page of the dashboard in every state, on a real deployment."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from customer_analytics.dashboard import display
from customer_analytics.dashboard.reading import reading
from customer_analytics.embedded_snowflake import stop
from customer_analytics_tests.dashboard.looking import APP, Open, looking_at
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.shop import COMMENTS, FORMULA, MARKUP, SQL

PAGES = ("marketing", "sales", "product", "pipeline")
pytestmark = pytest.mark.timeout(900)  # the first test waits for the shop's first run


@pytest.fixture(scope="module")
def look(shop: Deployment) -> Iterator[Open]:
    with looking_at(shop.home) as open_page:
        yield open_page


def texts(app: AppTest) -> list[str]:
    return [text.value for text in app.text]


def test_before_the_first_run_each_page_says_what_to_do(tmp_path: Path) -> None:
    with looking_at(tmp_path) as look:
        messages = [look(page).info[0].value for page in PAGES]
    stop(tmp_path)
    assert all("Run `customer-analytics run`" in sentence for sentence in messages)


def test_marketing_shows_each_model_side_by_side(look: Open) -> None:
    app = look("marketing")
    assert [(m.label, m.value) for m in app.metric][:3] == [
        ("Attributed revenue", "50.00"),
        ("Spend", "8.50"),
        ("ROAS (linear model)", "2.35"),
    ]
    spend = app.dataframe[0].value.set_index("UTM_SOURCE")
    assert spend.loc["google", ["REVENUE_FIRST_TOUCH", "REVENUE_LAST_TOUCH", "REVENUE_LINEAR"]].tolist() == [
        40,
        0,
        20,
    ]
    assert spend.loc["google", "ROAS_LINEAR"] == pytest.approx(20 / 8.5)
    assert len(app.get("vega_lite_chart")) == 4


def test_marketing_takes_its_filters_from_the_address(look: Open) -> None:
    app = look("marketing", source="google", chart="ROAS", model="First touch")
    assert app.metric[1].value == "8.50"
    assert app.dataframe[0].value["UTM_SOURCE"].tolist() == ["google"]
    assert app.selectbox(key="model").value == "First touch"


def test_marketing_shows_how_subscriptions_move(look: Open) -> None:
    months = look("marketing").dataframe[2].value
    assert months["DATE_MONTH"].astype(str).tolist() == ["2020-01-01", "2020-02-01"]
    assert months[["MRR", "new", "churn"]].values.tolist() == [[80, 80, 0], [30, 0, -50]]


def test_sales_lists_customers_by_value_and_the_churned(look: Open) -> None:
    app = look("sales")
    assert app.dataframe[0].value["CUSTOMER_ID"].tolist() == ["2", "1"]
    assert app.dataframe[1].value["CUSTOMER_ID"].tolist() == ["1"]
    assert app.dataframe[0].value["SENTIMENT_SCORE"].between(0, 1).all()


def test_a_customers_timeline_has_orders_subscription_comments_and_calls(look: Open) -> None:
    app = look("sales", customer="1")
    assert texts(app)[0] == "Ada L."
    assert [(m.label, m.value) for m in app.metric][:3] == [
        ("Lifetime value", "19.50"),
        ("Orders", "2"),
        ("MRR, last month", "0.00"),
    ]
    timeline = app.dataframe[2].value
    kinds = timeline["KIND"].value_counts().to_dict()
    assert kinds == {"comment": 3 + len(COMMENTS), "order": 2, "subscription": 2, "call": 1}
    assert set(COMMENTS) <= set(timeline["WHAT"])
    assert timeline.loc[timeline["KIND"].isin(["comment", "call"]), "SENTIMENT"].between(0, 1).all()


def test_a_call_is_on_the_day_in_its_manifest(look: Open) -> None:
    timeline = look("sales", customer="1").dataframe[2].value
    assert timeline.loc[timeline["KIND"] == "call", "DAY"].astype(str).tolist() == ["2020-03-06"]


@pytest.fixture
def undated(shop: Deployment) -> Iterator[None]:
    """The shop while the call of customer 2 has no date."""
    update = "UPDATE STG_SUPPORT_CALLS SET CALLED_AT = {} WHERE CUSTOMER_ID = '2'"
    shop.rows(update.format("NULL"))
    st.cache_data.clear()
    yield
    shop.rows(update.format("'2020-03-07'"))
    st.cache_data.clear()


def test_a_call_without_a_day_is_listed_and_not_on_the_timeline(look: Open, undated: None) -> None:
    app = look("sales", customer="2")
    assert "call" not in app.dataframe[2].value["KIND"].tolist()
    told = [caption.value for caption in app.caption]
    assert any("1 call without a date: only in the list below" in caption for caption in told)
    assert any(caption.startswith("no date") for caption in told)


def test_calls_are_in_natural_order() -> None:
    paths = ["7-10.mp3", "7-2.mp3", "a/7-1.mp3", "7-01-2020-01-31.mp3", "7-2².mp3"]
    assert sorted(paths, key=display.natural) == [
        *("7-01-2020-01-31.mp3", "7-2.mp3", "7-2².mp3", "7-10.mp3", "a/7-1.mp3")
    ]


def test_a_call_can_be_played_beside_its_transcript(look: Open) -> None:
    app = look("sales", customer="1", call="1-01.opus")
    assert "replacement train" in texts(app)[1]
    assert len(app.get("audio")) == 1


def test_a_call_that_cannot_be_read_says_so(look: Open) -> None:
    app = look("sales", customer="2")
    assert "could not be transcribed" in app.warning[0].value


def test_a_customer_without_calls_and_an_unknown_one_have_messages(look: Open) -> None:
    assert [info.value for info in look("sales", customer="3").info][-1] == "This customer has no calls."
    assert look("sales", customer="4711").info[0].value == "There is no data about customer 4711."


def test_search_finds_by_meaning_and_shows_markup_and_sql_as_text(look: Open) -> None:
    assert texts(look("product", q="broken wheel"))[0] == "The wheel of the red tractor broke off at once."
    for query, said in (("squid", MARKUP), (SQL, SQL), (MARKUP, MARKUP)):
        app = look("product", q=query)
        assert texts(app)[0] == said
        assert not [m for m in app.markdown if "squid" in m.value or "octopus" in m.value]


def test_search_takes_its_filters_from_the_address(look: Open) -> None:
    app = look("product", q="train", kind="Calls")
    assert len(texts(app)) == 1
    assert "replacement train" in texts(app)[0]
    assert look("product", q="train", of="3").info[0].value.startswith("Nothing found.")
    app = look("product", **{"q": "train", "from": "2020-03-05", "to": "2020-03-05"})
    assert set(texts(app)) == set(COMMENTS)
    app = look("product", **{"q": "train", "from": "2020-03-06", "to": "2020-03-06"})
    assert len(texts(app)) == 1
    assert "2020-03-06" in app.get("page_link")[0].proto.label


def test_a_question_is_answered_with_quotes_that_lead_to_the_customer(look: Open) -> None:
    app = look("product", ask="Who does Thomas like best?")
    assert texts(app)[0] == "Thomas likes Bertie the bus best."
    link = app.get("page_link")[0].proto
    assert (link.page, link.query_string) == ("sales", "customer=1")


def test_a_question_that_nothing_answers_says_so(look: Open) -> None:
    app = look("product", ask="What is the capital of Mongolia?")
    assert app.info[0].value == "Nothing in the comments and calls answers this."
    assert texts(app) == []


def test_pipeline_shows_freshness_model_and_checks(look: Open) -> None:
    app = look("pipeline")
    fresh, _, checks = (frame.value for frame in app.dataframe)
    by_asset = fresh.set_index("ASSET")
    assert by_asset.loc["pres_clv", "ROWS"] == 2
    assert by_asset.loc["pres_clv", "DAGSTER"] == "http://127.0.0.1:3000/assets/pres_clv"
    assert (
        "never written" not in by_asset.loc[["mrr", "pred_twitter_comments", "customer_comment"], "AGE"].tolist()
    )
    assert {m.label for m in app.metric} == {"Accuracy", "AUC", "Log loss", "Brier score"}
    assert any("is trained on 80 labels of comment_training" in text for text in texts(app))
    assert "passed" in app.success[0].value
    assert set(checks["RESULT"]) <= {"passed", "not run yet"}
    assert len(checks) >= 9


def test_a_page_survives_a_restart_of_the_endpoint(look: Open, shop: Deployment) -> None:
    stop(shop.home)
    st.cache_data.clear()
    assert look("marketing").metric[1].value == "8.50"


def test_pages_can_be_read_during_a_run(look: Open, shop: Deployment) -> None:
    run = shop.start("run", "--select", "key:mrr or key:customers or key:pres_clv or key:pres_churn")
    looks = 0
    while run.poll() is None:
        st.cache_data.clear()
        assert look("sales").dataframe[0].value["CUSTOMER_ID"].tolist() == ["2", "1"]
        looks += 1
    assert run.returncode == 0, run.communicate()[0]
    assert looks > 1


def test_a_system_that_does_not_answer_is_a_message(look: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    st.cache_data.clear()
    monkeypatch.setattr(type(reading().warehouse), "server", _refuse)
    app = AppTest.from_file(str(APP), default_timeout=120).run()
    assert "customer-analytics doctor" in app.error[0].value
    assert "Connection refused" in texts(app)
    assert not app.exception


def _refuse(warehouse: object) -> str:
    raise ConnectionRefusedError("Connection refused")


def test_the_dashboard_cannot_write(look: Open) -> None:
    look("marketing")
    with pytest.raises(Exception, match="READER is read-only"):
        reading().warehouse.query("DELETE FROM PRES_CLV")


def test_a_downloaded_text_is_not_a_formula(look: Open) -> None:
    frame = pd.DataFrame({"WHAT": [FORMULA, "fine", None], "AMOUNT": [-1.5, 2, 3]})
    rows = list(csv.DictReader(io.StringIO(display.csv(frame).decode())))
    assert [row["WHAT"] for row in rows] == [f"'{FORMULA}", "fine", ""]
    assert [row["AMOUNT"] for row in rows] == ["-1.5", "2.0", "3.0"]
