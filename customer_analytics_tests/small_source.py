"""A complete source folder small enough to follow by hand."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CSV = {
    "customers.csv": "customer_id,first_name,last_name\n1,Ada,L.\n2,Ben,K.\n3,Cleo,M.\n",
    "orders.csv": "order_id,customer_id,order_date,status\n1,1,2020-01-05,completed\n2,1,2020-03-01,returned\n"
    "3,2,2020-02-10,placed\n",
    "payments.csv": "payment_id,order_id,payment_method,amount\n1,1,credit_card,1000\n2,1,coupon,250\n"
    "3,2,gift_card,700\n4,3,bank_transfer,1999\n",
    "subscription_periods.csv": "subscription_id,customer_id,start_date,end_date,monthly_amount\n"
    "1,1,2020-01-01,2020-02-15,50\n2,2,2020-01-10,,30\n",
    "sessions.csv": "session_id,customer_id,started_at,ended_at,utm_source,utm_medium,utm_campaign\n"
    "1,1,2020-03-01 9:00:00,2020-03-01 9:10:00,google,cpc,spring\n"
    "2,1,2020-03-02 10:00:00,2020-03-02 10:05:00,direct,\n",
    "customer_conversions.csv": "customer_id,converted_at,revenue\n1,2020-03-02 11:00:00,40\n"
    "3,2020-03-05 8:00:00,10\n",
    "ad_spend.csv": "date_day,utm_source,utm_medium,utm_campaign,spend\n2020-03-01,google,cpc,spring,8.50\n",
}

HAPPY = ["I love this train", "Great fun for all of us", "Wonderful quality, we are delighted", "Best gift ever"]
SAD = [
    "It broke on the first day",
    "Terrible, a waste of money",
    "We hate the noise it makes",
    "Never again, awful",
]


def write_small_source(folder: Path, texts_a_label: int = 40) -> Path:
    """Write the nine files; as many training texts of each label as asked for, and four comments more."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in CSV.items():
        (folder / name).write_text(text)
    happy = [f"{HAPPY[n % 4]}, number {n}" for n in range(texts_a_label)]
    sad = [f"{SAD[n % 4]}, number {n}" for n in range(texts_a_label)]
    training = pa.table({"REVIEW_TEXT": happy + sad, "LABEL": ["1"] * texts_a_label + ["0"] * texts_a_label})
    pq.write_table(training, folder / "comment_training.parquet")
    texts = [happy[0], "What a lovely puzzle", "The box came empty", "What a lovely puzzle"]
    comments = pa.table({"customer_id": [1, 1, 2, 1], "date": ["2020-03-04"] * 4, "review_text": texts})
    pq.write_table(comments, folder / "twitter_comments.parquet")
    (folder / "calls").mkdir(exist_ok=True)
    return folder
