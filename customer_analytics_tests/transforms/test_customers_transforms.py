from datetime import date
from decimal import Decimal as D

from customer_analytics.tables.sources import STG_CUSTOMERS, STG_ORDERS, STG_PAYMENTS
from customer_analytics.transforms.customers import build_customers, build_orders

CUSTOMERS = [(1, "Ann", "A."), (2, "Bo", None), (3, "Cy", "C."), (4, "Di", "D."), (5, "Ed", "E.")]
ORDERS = [
    (10, 1, date(2020, 1, 5), "completed"),
    (11, 1, date(2020, 3, 1), "returned"),
    (12, 1, date(2020, 2, 1), "return_pending"),
    (13, 3, date(2017, 12, 31), "placed"),
    (14, 4, date(2020, 1, 1), "shipped"),
    (15, 5, date(2020, 1, 1), "returned"),
    (16, 99, date(2020, 1, 1), "completed"),
]
DAY = date(2020, 12, 31)
NOT_SALES = ("returned", "cancelled", "refunded")
PAYMENTS = [
    (1, 10, "credit_card", 1001),
    (2, 10, "coupon", 250),
    (3, 10, "credit_card", 99),
    (4, 11, "bank_transfer", 500),
    (5, 12, "gift_card", 7),
    (6, 14, "coupon", 300),
    (7, 15, "credit_card", 800),
    (8, 16, "credit_card", 100),
    (9, 77, "credit_card", 100),
]


def test_customers_have_their_orders_and_what_was_paid_on_them(load):
    rows = build_customers(
        load(STG_CUSTOMERS, CUSTOMERS), load(STG_ORDERS, ORDERS), load(STG_PAYMENTS, PAYMENTS), DAY, NOT_SALES
    ).collect()
    assert sorted(rows) == [
        # The net value leaves out the returned order 11 and the coupon; a pending return still counts.
        ("1", "Ann", "A.", date(2020, 1, 5), date(2020, 3, 1), 3, D("18.57"), D("11.07")),
        ("2", "Bo", None, None, None, 0, None, None),
        ("3", "Cy", "C.", date(2017, 12, 31), date(2017, 12, 31), 1, None, None),
        ("4", "Di", "D.", date(2020, 1, 1), date(2020, 1, 1), 1, D("3.00"), None),
        ("5", "Ed", "E.", date(2020, 1, 1), date(2020, 1, 1), 1, D("8.00"), None),
    ]


def test_orders_have_what_was_paid_by_each_method(load):
    rows = build_orders(load(STG_ORDERS, ORDERS), load(STG_PAYMENTS, PAYMENTS), DAY).collect()
    nothing = D("0.00")
    assert sorted(rows) == [
        ("10", "1", date(2020, 1, 5), "completed", D("11.00"), D("2.50"), nothing, nothing, nothing, D("13.50")),
        ("11", "1", date(2020, 3, 1), "returned", nothing, nothing, D("5.00"), nothing, nothing, D("5.00")),
        ("12", "1", date(2020, 2, 1), "return_pending", nothing, nothing, nothing, D("0.07"), nothing, D("0.07")),
        ("13", "3", date(2017, 12, 31), "placed", nothing, nothing, nothing, nothing, nothing, nothing),
        ("14", "4", date(2020, 1, 1), "shipped", nothing, D("3.00"), nothing, nothing, nothing, D("3.00")),
        ("15", "5", date(2020, 1, 1), "returned", D("8.00"), nothing, nothing, nothing, nothing, D("8.00")),
        ("16", "99", date(2020, 1, 1), "completed", D("1.00"), nothing, nothing, nothing, nothing, D("1.00")),
    ]


def test_an_order_counts_from_its_day_on(load):
    tables = load(STG_CUSTOMERS, CUSTOMERS), load(STG_ORDERS, ORDERS), load(STG_PAYMENTS, PAYMENTS)
    before, on = date(2020, 2, 29), date(2020, 3, 1)
    ann = {day: min(build_customers(*tables, day, NOT_SALES).collect()) for day in (before, on)}
    assert [
        (row.MOST_RECENT_ORDER, row.NUMBER_OF_ORDERS, row.CUSTOMER_LIFETIME_VALUE) for row in ann.values()
    ] == [
        (date(2020, 2, 1), 2, D("13.57")),
        (date(2020, 3, 1), 3, D("18.57")),
    ]
    assert [build_orders(*tables[1:], day).count() for day in (before, on)] == [6, 7]


def test_methods_and_statuses_are_compared_whatever_their_case_and_blanks(load):
    orders = load(STG_ORDERS, [(1, 1, DAY, "Returned"), (2, 1, DAY, "shipped"), (3, 1, DAY, " No Show ")])
    payments = [(1, 1, "Credit_Card", 100), (2, 2, "CREDIT CARD", 20), (3, 2, "Coupon", 3), (4, 3, "gift-card", 4)]
    paid = load(STG_PAYMENTS, payments)
    customers = load(STG_CUSTOMERS, [(1, "A", "B")])
    (row,) = build_customers(customers, orders, paid, DAY, ["returned", "no_show"]).collect()
    assert (D("1.27"), D("0.20")) == (row.CUSTOMER_LIFETIME_VALUE, row.NET_LIFETIME_VALUE)
    rows = build_orders(orders, paid, DAY).sort("ORDER_ID").collect()
    assert [(r.STATUS, r.CREDIT_CARD_AMOUNT, r.COUPON_AMOUNT, r.GIFT_CARD_AMOUNT) for r in rows] == [
        ("Returned", 1, 0, 0),
        ("shipped", D("0.20"), D("0.03"), 0),
        (" No Show ", 0, 0, D("0.04")),
    ]


def test_what_was_paid_by_another_method_or_none_is_other(load):
    orders = load(STG_ORDERS, [(1, None, DAY, "placed")])
    payments = load(STG_PAYMENTS, [(1, 1, "paypal", 5000), (2, 1, None, 300), (3, 1, "coupon", -100)])
    (row,) = build_orders(orders, payments, DAY).collect()
    assert (row.CUSTOMER_ID, row.OTHER_AMOUNT, row.COUPON_AMOUNT, row.TOTAL_AMOUNT) == (None, 53, -1, 52)


def test_credits_reduce_the_lifetime_value(load):
    tables = load(STG_CUSTOMERS, [(1, "A", "B")]), load(STG_ORDERS, [(1, 1, DAY, "completed")])
    paid = load(STG_PAYMENTS, [(1, 1, "credit_card", 1000), (2, 1, "credit_card", -400)])
    (row,) = build_customers(*tables, paid, DAY, NOT_SALES).collect()
    assert (row.CUSTOMER_LIFETIME_VALUE, row.NET_LIFETIME_VALUE) == (6, 6)


def test_sums_of_the_largest_amounts_do_not_overflow(load):
    orders = load(STG_ORDERS, [(1, 1, DAY, "completed")])
    paid = load(STG_PAYMENTS, [(n, 1, "credit_card", 10**11) for n in range(1000)])
    (row,) = build_orders(orders, paid, DAY).collect()
    assert row.TOTAL_AMOUNT == 10**12
