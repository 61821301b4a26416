"""The pipeline on sample data: its tables tell the story that was put into the files."""

from collections.abc import Iterator

import pytest

from customer_analytics.embedded_snowflake import stop
from customer_analytics.sample_data.folder import write_sample_data
from customer_analytics_tests.deployment import Deployment

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A run on a small shop, of whose calls only three are kept, since listening takes longest."""
    made = Deployment(tmp_path_factory.mktemp("sample_run"))
    source = made.home / "source"
    write_sample_data(source, customers=120)
    for call in sorted((source / "calls").iterdir())[3:]:
        call.unlink()
    made.call("run", "--source", str(source))
    yield made
    stop(made.home)


def test_unhappy_customers_churn_more(deployment: Deployment) -> None:
    (scores,) = deployment.rows(
        "SELECT AVG(IFF(C.CUSTOMER_ID IS NOT NULL, S.SENTIMENT_SCORE, NULL)) AS CHURNED,"
        " AVG(IFF(C.CUSTOMER_ID IS NULL, S.SENTIMENT_SCORE, NULL)) AS STAYED"
        " FROM (SELECT DISTINCT CUSTOMER_ID FROM MRR) M JOIN PRES_SENTIMENT S ON S.CUSTOMER_ID = M.CUSTOMER_ID"
        " LEFT JOIN PRES_CHURN C ON C.CUSTOMER_ID = M.CUSTOMER_ID"
    )
    assert float(scores["CHURNED"]) + 0.1 < float(scores["STAYED"])


def test_happy_customers_are_worth_more(deployment: Deployment) -> None:
    (values,) = deployment.rows(
        "SELECT AVG(IFF(SENTIMENT_SCORE > 0.6, CLV, NULL)) AS HAPPY, AVG(IFF(SENTIMENT_SCORE < 0.4, CLV, NULL)) AS SAD"
        " FROM PRES_CLV"
    )
    assert float(values["HAPPY"]) > 1.3 * float(values["SAD"])


def test_no_row_is_rejected_and_no_call_fails(deployment: Deployment) -> None:
    assert deployment.rows("SELECT COUNT(*) AS N FROM STG_REJECTED_ROWS") == [{"N": 0}]
    assert deployment.rows("SELECT STATUS, COUNT(*) AS N FROM CALL_TRANSCRIPTS GROUP BY STATUS") == [
        {"STATUS": "ok", "N": 3}
    ]
