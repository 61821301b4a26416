"""The setup script grants what the pipeline needs and readers may have, and no more."""

import pytest
from sqlglot import exp

from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics_tests.warehouse.snowflake_setup import SCRIPT, Grant, grants, statements

DATABASES = pytest.mark.parametrize("database", ["CUSTOMER_ANALYTICS", "CUSTOMER_ANALYTICS_DEV"])


@DATABASES
def test_a_pipeline_may_create_what_a_run_creates_and_nothing_in_the_other_database(database: str) -> None:
    role, schema = f"{database}_PIPELINE", f"SCHEMA {database}.ANALYTICS"
    assert {grant for grant in grants() if grant.role == role} == {
        Grant("USAGE", "WAREHOUSE CUSTOMER_ANALYTICS", role),
        Grant("USAGE", f"DATABASE {database}", role),
        Grant("CREATE SCHEMA", f"DATABASE {database}", role),
        Grant("USAGE", schema, role),
        Grant("CREATE TABLE", schema, role),
        Grant("CREATE STAGE", schema, role),
        Grant("CREATE MODEL", schema, role),
    }


@DATABASES
def test_a_reader_may_read_tables_and_stages_that_are_and_that_will_be(database: str) -> None:
    role = f"{database}_READER"
    mine = {grant for grant in grants() if grant.role == role}
    assert {grant.privilege for grant in mine} == {"USAGE", "SELECT", "READ"}
    for which in ("ALL", "FUTURE"):
        assert Grant("SELECT", f"{which} TABLES IN SCHEMA {database}.ANALYTICS", role) in mine
        assert Grant("READ", f"{which} STAGES IN SCHEMA {database}.ANALYTICS", role) in mine


def test_the_warehouse_suspends_itself_and_starts_again() -> None:
    (warehouse,) = (
        tree.sql() for tree in statements() if isinstance(tree, exp.Create) and tree.kind == "WAREHOUSE"
    )
    assert "AUTO_SUSPEND=60" in warehouse
    assert "AUTO_RESUME=TRUE" in warehouse


def test_no_statement_needs_the_account_administrator() -> None:
    assert not [tree for tree in statements() if "ACCOUNTADMIN" in tree.sql(dialect="snowflake", comments=False)]


def test_running_it_twice_changes_nothing(warehouse: EmbeddedWarehouse) -> None:
    created = [tree for tree in statements() if tree.sql(comments=False).startswith("CREATE")]
    assert all("IF NOT EXISTS" in tree.sql() for tree in created)
    for _ in range(2):
        with warehouse.connection() as connection:
            assert len(list(connection.execute_string(SCRIPT.read_text(), remove_comments=True))) == len(
                statements()
            )
