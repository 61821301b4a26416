"""Whether a file may take the place of its table's rows."""

import pytest

from customer_analytics.ingestion.acceptance import accept
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.load import LoadedFile, parse_file
from customer_analytics.ingestion.location import SourceError

FILES = {source.name: source for source in SOURCE_FILES}


def customers(good: int, *bad: str) -> LoadedFile:
    rows = [f"{number},Ann,B." for number in range(good)] + list(bad)
    return parse_file(FILES["customers.csv"], "\n".join(["customer_id,first_name,last_name", *rows]).encode())


def orders(good: int, *bad: str) -> LoadedFile:
    rows = [f"{number},1,2025-01-01,placed" for number in range(good)] + list(bad)
    return parse_file(FILES["orders.csv"], "\n".join(["order_id,customer_id,order_date,status", *rows]).encode())


def test_a_file_of_good_rows_is_accepted():
    accept(customers(1), rows_before=1000, needs_rows=True)


def test_a_few_bad_rows_of_a_small_file_are_accepted():
    accept(orders(1, *["x,1,soon,placed"] * 98), rows_before=5)


def test_a_file_of_which_nothing_can_be_read_is_refused_with_its_first_reasons():
    file = orders(0, "1,1,soon,placed", "2,1,2025-13-01,placed", "3,1,,placed", "4,1,2025-01-01,", "5,1,x,")
    with pytest.raises(SourceError) as refused:
        accept(file, rows_before=9)
    assert str(refused.value) == (
        "orders.csv: 5 of 5 rows (100 %) cannot be loaded, so STG_ORDERS keeps its rows; "
        "line 2: ORDER_DATE 'soon' is not a date (YYYY-MM-DD); line 4: ORDER_DATE is missing; "
        "line 5: STATUS is missing. Fix the file."
    )
    assert refused.value.without_values == (
        "orders.csv: 5 of 5 rows (100 %) cannot be loaded, so STG_ORDERS keeps its rows; "
        "line 2: ORDER_DATE is not a date (YYYY-MM-DD); line 4: ORDER_DATE is missing; "
        "line 5: STATUS is missing. Fix the file."
    )


def test_a_file_of_100_rows_is_refused_above_the_share_that_may_be_rejected():
    accept(orders(90, *["x,1,soon,placed"] * 10))
    with pytest.raises(
        SourceError, match=r"11 of 100 rows \(11 %\) .* not filled; .*raise CUSTOMER_ANALYTICS_MAX"
    ):
        accept(orders(89, *["x,1,soon,placed"] * 11))
    accept(orders(89, *["x,1,soon,placed"] * 11), maximum_rejected_share=0.11)


def test_a_header_alone_does_not_empty_a_table_unless_it_may():
    accept(orders(0))
    with pytest.raises(SourceError, match=r"^orders\.csv has no rows and STG_ORDERS has 1,234, so .* keeps its"):
        accept(orders(0), rows_before=1234)
    accept(orders(0), rows_before=1234, may_be_empty=True)


def test_a_file_that_needs_rows_is_refused_without_one():
    assert FILES["customers.csv"].needs_rows
    with pytest.raises(
        SourceError, match=r"^customers\.csv has no rows and must have one, so STG_CUSTOMERS is not filled"
    ):
        accept(customers(0), may_be_empty=True, needs_rows=True)
    with pytest.raises(SourceError, match=r"1 of 1 rows \(100 %\)"):
        accept(customers(0, ",Ann,B."), maximum_rejected_share=1, needs_rows=True)
