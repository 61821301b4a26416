"""What is true of a source file's rows, and what becomes of the others."""

import io
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.load import LoadedFile, parse_file
from customer_analytics.ingestion.rules import consistent

FILES = {source.name: source for source in SOURCE_FILES}
PERIODS = "subscription_id,customer_id,start_date,end_date,monthly_amount\n"
PAYMENTS = "payment_id,order_id,payment_method,amount\n"


def parse(name: str, content: str) -> LoadedFile:
    return parse_file(FILES[name], content.encode())


def parquet(name: str, **columns: Any) -> LoadedFile:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return parse_file(FILES[name], file.getvalue())


def rejections(loaded: LoadedFile) -> list[tuple[int, str, str]]:
    return [(row["LINE"], row["REASON"], row["RULE"]) for row in loaded.rejected.to_pylist()]


def test_a_period_of_a_negative_amount_is_rejected_and_a_free_one_is_kept():
    loaded = parse("subscription_periods.csv", PERIODS + "1,7,2025-01-01,,-5\n2,7,2025-01-01,,0\n")
    assert loaded.rows["MONTHLY_AMOUNT"].to_pylist() == [Decimal("0.00")]
    assert rejections(loaded) == [(2, "MONTHLY_AMOUNT '-5.00' is negative", "MONTHLY_AMOUNT is negative")]


def test_a_credit_is_a_payment_and_an_absurd_amount_is_none():
    loaded = parse(
        "payments.csv", PAYMENTS + "1,1,coupon,-500\n2,1,coupon,9223372036854775807\n3,1,coupon,-100000000001\n"
    )
    assert loaded.rows["AMOUNT"].to_pylist() == [-500]
    assert rejections(loaded) == [
        (2 + row, f"AMOUNT '{amount}' is beyond 100,000,000,000", "AMOUNT is beyond 100,000,000,000")
        for row, amount in ((1, "9223372036854775807"), (2, "-100000000001"))
    ]


def test_a_negative_spend_is_a_credit_of_the_network():
    loaded = parse("ad_spend.csv", "date_day,utm_source,utm_medium,utm_campaign,spend\n2025-01-01,google,,,-3.5\n")
    assert loaded.rows["SPEND"].to_pylist() == [Decimal("-3.50")]


def test_a_rule_names_no_value_of_the_data():
    loaded = parse("subscription_periods.csv", PERIODS + "1,7,2025-02-01,2025-01-01,5\n1,7,never,,x\n")
    assert [rule for *_, rule in rejections(loaded)] == [
        "END_DATE is before START_DATE",
        "START_DATE is not a date (YYYY-MM-DD); MONTHLY_AMOUNT is not an amount (such as 10.50)",
    ]


def test_rows_of_a_text_with_two_labels_are_rejected_and_repeated_ones_stay():
    loaded = parquet(
        "comment_training.parquet",
        review_text=["fine", "good", "fine", "bad", " fine ", "good", "fine", "fine", "fine"],
        label=[1, 1, 1, 0, 0, 1, 1, 1, 1],
    )
    assert loaded.rows["REVIEW_TEXT"].to_pylist() == ["good", "bad", "good"]
    reason = "REVIEW_TEXT 'fine' has LABEL 1 in lines 1, 3, 7 and 2 more and LABEL 0 in line 5"
    assert rejections(loaded) == [
        (line, reason, "REVIEW_TEXT has another LABEL in another line") for line in (1, 3, 5, 7, 8, 9)
    ]


def test_a_text_without_a_label_contradicts_nothing():
    rows = pa.table({"REVIEW_TEXT": ["fine", "fine", "bad", "fine", "bad"], "LABEL": [1, None, 0, 1, None]})
    assert consistent("LABEL", per="REVIEW_TEXT")(rows, np.arange(5)) == []
    rows = pa.table({"REVIEW_TEXT": ["fine", "fine", "fine"], "LABEL": [None, 1, 0]})
    (fault,) = consistent("LABEL", per="REVIEW_TEXT")(rows, np.arange(5, 8))
    assert fault.rows.tolist() == [1, 2]
    assert set(fault.reasons()) == {"REVIEW_TEXT 'fine' has LABEL 1 in line 6 and LABEL 0 in line 7"}


def test_a_rejected_label_contradicts_nothing():
    loaded = parquet("comment_training.parquet", review_text=["fine", "fine"], label=[1, 2])
    assert loaded.rows.num_rows == 1


def test_blank_comments_lack_their_text_and_punctuation_is_text():
    texts = ["", "   ", "\u200b", "\u00a0", "...", "🙂"]
    loaded = parquet("twitter_comments.parquet", customer_id=["1"] * 6, date=["2025-05-01"] * 6, review_text=texts)
    assert loaded.rows["REVIEW_TEXT"].to_pylist() == ["...", "🙂"]
    assert rejections(loaded) == [(line, *["REVIEW_TEXT is missing"] * 2) for line in (1, 2, 3, 4)]
