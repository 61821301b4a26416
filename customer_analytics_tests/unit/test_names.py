"""Names become SQL in one place."""

import pytest

from customer_analytics.ports.warehouse.names import quoted, run_schema


def test_every_part_of_a_name_is_quoted() -> None:
    assert quoted("DB", 'odd"; DROP TABLE x; --') == '"DB"."odd""; DROP TABLE x; --"'


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name an object"):
        quoted("DB", name)


def test_a_run_schema_carries_the_run_id() -> None:
    assert run_schema("5a9742db-ac05-4d25-a184-88e6cc213f8d") == "RUN_5A9742DBAC054D25A18488E6CC213F8D"


def test_a_run_schema_takes_nothing_but_a_run_id() -> None:
    with pytest.raises(ValueError, match="not a run id"):
        run_schema('x"; DROP DATABASE')
