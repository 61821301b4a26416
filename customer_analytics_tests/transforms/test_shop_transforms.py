from datetime import date
from decimal import Decimal as D

from customer_analytics import transforms
from customer_analytics.tables.sources import STG_CUSTOMERS, STG_ORDERS, STG_PAYMENTS

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
    rows = transforms.customers(
        load(STG_CUSTOMERS, CUSTOMERS), load(STG_ORDERS, ORDERS), load(STG_PAYMENTS, PAYMENTS)
    ).collect()
    assert sorted(rows) == [
        # The net value leaves out the returned order 11 and the coupon; a pending return still counts.
        (1, "Ann", "A.", date(2020, 1, 5), date(2020, 3, 1), 3, D("18.57"), D("11.07")),
        (2, "Bo", None, None, None, 0, None, None),
        (3, "Cy", "C.", date(2017, 12, 31), date(2017, 12, 31), 1, None, None),
        (4, "Di", "D.", date(2020, 1, 1), date(2020, 1, 1), 1, D("3.00"), None),
        (5, "Ed", "E.", date(2020, 1, 1), date(2020, 1, 1), 1, D("8.00"), None),
    ]


def test_orders_have_what_was_paid_by_each_method(load):
    rows = transforms.orders(load(STG_ORDERS, ORDERS), load(STG_PAYMENTS, PAYMENTS)).collect()
    nothing = D("0.00")
    assert sorted(rows) == [
        (10, 1, date(2020, 1, 5), "completed", D("11.00"), D("2.50"), nothing, nothing, D("13.50")),
        (11, 1, date(2020, 3, 1), "returned", nothing, nothing, D("5.00"), nothing, D("5.00")),
        (12, 1, date(2020, 2, 1), "return_pending", nothing, nothing, nothing, D("0.07"), D("0.07")),
        (13, 3, date(2017, 12, 31), "placed", nothing, nothing, nothing, nothing, nothing),
        (14, 4, date(2020, 1, 1), "shipped", nothing, D("3.00"), nothing, nothing, D("3.00")),
        (15, 5, date(2020, 1, 1), "returned", D("8.00"), nothing, nothing, nothing, D("8.00")),
        (16, 99, date(2020, 1, 1), "completed", D("1.00"), nothing, nothing, nothing, D("1.00")),
    ]
