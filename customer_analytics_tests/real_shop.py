"""The source of a shop as shops have it: ids that are text, semicolons, columns of its own, rows that are wrong."""

from pathlib import Path

CUSTOMERS = 40
AS_OF = "2025-06-30"


def write_real_shop(folder: Path) -> Path:
    """Write the structured files and comments; no labels and no calls.

    Each of 40 customers, `CF-00001` to `CF-00040`, pays 10 units for one order by card, and 25 a month from
    2025-01-01 on; the last ten stop on 2025-04-01. A session by google precedes each conversion of 100 units. Beside
    them there are: an order paid 50 units by paypal, one returned, a contract that starts in 2031, and two orders
    whose date cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = [f"CF-{number:05}" for number in range(1, CUSTOMERS + 1)]
    _write(folder, "customers.csv", "Customer_ID;first_name;last_name;vip", [f"{id};Ann;B.;no" for id in ids])
    orders = [f"in_{number}x;{id};2025-03-{number % 28 + 1:02};completed" for number, id in enumerate(ids)]
    wrong = ["in_bad1;CF-00001;2025-13-01;completed", "in_bad2;CF-00002;soon;completed"]
    others = ["in_paypal;CF-00001;2025-06-30;Completed", "in_back;CF-00002;2025-03-01; RETURNED "]
    _write(folder, "orders.csv", "order_id;customer_id;order_date;status", orders + others + wrong)
    payments = [f"p{number};in_{number}x;credit_card;1000" for number in range(CUSTOMERS)]
    others = ["p90;in_paypal;paypal;5000", "p91;in_back;Credit_Card;700", "p92;in_0x;coupon;-100"]
    _write(folder, "payments.csv", "payment_id;order_id;payment_method;amount", payments + others)
    periods = [
        f"s{number};{id};2025-01-01;{'2025-04-01' if number >= CUSTOMERS - 10 else ''};25"
        for number, id in enumerate(ids)
    ]
    future = ["s90;CF-00040;2031-01-01;;99", "s91;CF-00001;2025-02-01;;-5"]
    header = "subscription_id;customer_id;start_date;end_date;monthly_amount"
    _write(folder, "subscription_periods.csv", header, periods + future)
    sessions = [f"v{number};{id};2025-03-10 10:00:00+01;;google; cpc ;brand" for number, id in enumerate(ids)] + [
        "v90;;2025-03-11T09:00:00Z;;direct;;"
    ]
    header = "session_id;customer_id;started_at;ended_at;utm_source;utm_medium;utm_campaign"
    _write(folder, "sessions.csv", header, sessions)
    conversions = [f"{id};2025-03-10 09:30 UTC;100" for id in ids]
    _write(folder, "customer_conversions.csv", "customer_id;converted_at;revenue", conversions)
    header = "date_day;utm_source;utm_medium;utm_campaign;spend"
    _write(folder, "ad_spend.csv", header, ["2025-03-01; google; cpc; brand;200.00"])
    comments = [f"{ids[0]};2025-05-01;We love this wonderful train", f"{ids[1]};2025-05-02;It broke, never again"]
    blank = [f'{ids[2]};2025-05-03;"  "', ";2025-05-04;Whoever wrote this likes it, number 4"]
    _write(folder, "twitter_comments.csv", "customer_id;date;review_text", comments + blank)
    return folder


def _write(folder: Path, name: str, header: str, lines: list[str]) -> None:
    (folder / name).write_text("\n".join([header, *lines, ""]), encoding="utf-8")
