"""`customer-analytics demo`."""

import os

import click

from customer_analytics.cli.errors import or_fail
from customer_analytics.cli.summary import print_outcome
from customer_analytics.output import echo
from customer_analytics.sample_data import DEFAULT_CUSTOMERS
from customer_analytics.settings import Settings, settings

_SHOWN = {
    "PRES_CLV: customers by lifetime value": """
        SELECT CUSTOMER_ID, NAME, MOST_RECENT_ORDER AS LATEST_ORDER, NUMBER_OF_ORDERS AS ORDERS, CLV,
            ROUND(SENTIMENT_SCORE, 2) AS SENTIMENT
        FROM PRES_CLV ORDER BY PRES_CLV.CLV DESC, {by_customer} LIMIT 5""",
    "PRES_CHURN: the latest customers to churn": """
        SELECT CUSTOMER_ID, NAME, LAST_ACTIVE_MONTH, CLV, ROUND(SENTIMENT_SCORE, 2) AS SENTIMENT
        FROM PRES_CHURN ORDER BY LAST_ACTIVE_MONTH DESC, {by_customer} LIMIT 5""",
    "PRES_SENTIMENT: the unhappiest customers with calls and comments": """
        SELECT CUSTOMER_ID, CALLS, COMMENTS, ROUND(CALLS_SENTIMENT, 2) AS OF_CALLS,
            ROUND(COMMENTS_SENTIMENT, 2) AS OF_COMMENTS, SENTIMENT_BUCKET AS BUCKET
        FROM PRES_SENTIMENT WHERE CALLS > 0 AND COMMENTS > 0 ORDER BY SENTIMENT_SCORE, {by_customer} LIMIT 5""",
    "PRES_AD_SPEND: return on ad spend by attribution model": """
        SELECT UTM_SOURCE AS SOURCE, UTM_MEDIUM AS MEDIUM, SPEND, ROUND(ROAS_FIRST_TOUCH, 2) AS FIRST,
            ROUND(ROAS_LAST_TOUCH, 2) AS LAST, ROUND(ROAS_FORTY_TWENTY_FORTY, 2) AS "40-20-40",
            ROUND(ROAS_LINEAR, 2) AS LINEAR
        FROM PRES_AD_SPEND WHERE SPEND > 0 ORDER BY ROAS_LINEAR DESC, UTM_SOURCE, UTM_MEDIUM""",
    "Churn by sentiment: unhappy subscribers leave more often": """
        SELECT MOOD, COUNT(*) AS SUBSCRIBERS, COUNT_IF(IS_CHURNED) AS CHURNED,
            ROUND(100 * COUNT_IF(IS_CHURNED) / COUNT(*)) AS PERCENT
        FROM (
            SELECT S.SENTIMENT_SCORE AS SCORE, C.CUSTOMER_ID IS NOT NULL AS IS_CHURNED,
                CASE WHEN SCORE < 0.4 THEN 'unhappy' WHEN SCORE < 0.6 THEN 'mixed' ELSE 'happy' END AS MOOD
            FROM PRES_SENTIMENT S LEFT JOIN PRES_CHURN C ON C.CUSTOMER_ID = S.CUSTOMER_ID
            WHERE S.SENTIMENT_SCORE IS NOT NULL AND S.CUSTOMER_ID IN (SELECT CUSTOMER_ID FROM MRR)
        )
        GROUP BY MOOD ORDER BY MIN(SCORE)""",
}


@click.command()
@click.option(
    "--customers",
    type=click.IntRange(min=1),
    default=DEFAULT_CUSTOMERS,
    show_default=True,
    help="Number of customers of the sample shop.",
)
def demo(customers: int) -> None:
    """Run the pipeline on sample data without any account, and print the results."""
    chosen = settings()
    # The demo always uses the sample data, also if the user has set another source.
    os.environ["CUSTOMER_ANALYTICS_SOURCE"] = str(chosen.sample_data)
    settings.cache_clear()
    or_fail(_prepare, chosen, customers)
    from customer_analytics import running
    from customer_analytics.cli.doctor import print_preflight

    or_fail(print_preflight, settings())
    outcome = or_fail(running.run, settings())
    if outcome.success:
        or_fail(_show, chosen)
    print_outcome(outcome)
    echo("\nNext: `make dev` serves the lineage, the checks and the dashboard, and")
    echo("`.venv/bin/customer-analytics sql 'SELECT * FROM PRES_CHURN'` queries the tables.")


def _prepare(chosen: Settings, customers: int) -> None:
    from customer_analytics.doctor import state_folder
    from customer_analytics.model_files import BGE_SMALL_EN, RERANKER_EN, WHISPER_TINY_EN, fetch
    from customer_analytics.progress import Progress
    from customer_analytics.sample_data.folder import write_sample_data
    from customer_analytics.terminal import show_messages

    show_messages()
    echo(f"State folder: {state_folder(chosen)}")
    for model in (WHISPER_TINY_EN, BGE_SMALL_EN, RERANKER_EN):
        fetch(model, chosen.model_cache)
    echo(f"Model files: verified, in {chosen.model_cache}")
    progress = Progress("customers written", lambda line: echo(line, err=True))
    contents = write_sample_data(chosen.sample_data, customers, on_progress=progress)
    kept = "unchanged" if contents.was_there else "written"
    echo(f"Sample data: {sum(contents.rows.values()):,} rows and {contents.calls} calls, {kept}")


def _show(chosen: Settings) -> None:
    from customer_analytics.cli.sql import print_table, query
    from customer_analytics.tables import natural_order

    for caption, statement in _SHOWN.items():
        print_table(*query(chosen, statement.format(by_customer=natural_order("CUSTOMER_ID"))), caption)
