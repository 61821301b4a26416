"""DuckDB as the endpoint opens it: it reaches the state's own folders, and nothing changes its settings."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from customer_analytics.embedded_snowflake.state.engine import execute
from customer_analytics.embedded_snowflake.state.store import Store

SECRET = "words outside of the state"
# Which database and schema a name means, and how its SQL is read; nothing that reaches out.
OF_THE_SESSION = {"schema", "search_path"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "secret.csv").write_text(SECRET)
    store = Store(tmp_path / "state", memory_limit="64MB")
    (store.folder / "token.json").write_text(SECRET)
    store.create_database("D")
    yield store
    store.close()


def attempts(folder: Path) -> list[str]:
    """SQL that reaches for a file, a library or the network."""
    secret, token = folder / "secret.csv", folder / "state" / "token.json"
    reads = [secret, token, folder / "state" / "stages" / ".." / "token.json", f"file://{secret}", "/etc/passwd"]
    return [
        *(f"SELECT * FROM read_text('{file}')" for file in (*reads, "/proc/self/environ", f"{folder}/*")),
        f"SELECT * FROM '{secret}'",
        f"SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
        "SELECT * FROM 's3://bucket/x.parquet'",
        f"COPY (SELECT 1) TO '{folder}/out.csv'",
        f"COPY (SELECT 1) TO '{token}'",
        f"ATTACH '{folder}/other.duckdb'",
        f"EXPORT DATABASE '{folder}/exported'",
        f"IMPORT DATABASE '{folder}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        f"LOAD '{folder}/x.duckdb_extension'",
        "CREATE PERSISTENT SECRET X (TYPE http)",
        f"CALL enable_profiling(save_location := '{token}')",
        f"CALL enable_logging(storage := 'file', storage_path := '{folder}/logs')",
        f"PRAGMA profile_output = '{token}'",
        f"SET log_query_path = '{folder}/log'",
    ]


def test_no_statement_of_duckdb_reaches_out_of_the_state(store: Store, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    for statement in attempts(tmp_path):
        with store.root.cursor() as cursor, pytest.raises(duckdb.Error):
            execute(cursor, statement)
            print("not refused:", statement)
    assert sorted(tmp_path.rglob("*")) == before
    assert (store.folder / "token.json").read_text() == SECRET


def test_a_link_out_of_a_stage_is_not_followed(store: Store, tmp_path: Path) -> None:
    (store.stages / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(duckdb.PermissionException):
        execute(store.root, f"SELECT * FROM read_text('{store.stages}/link.csv')")
    (store.stages / "link.csv").unlink()


def test_no_setting_of_duckdb_can_be_changed(store: Store) -> None:
    names = [name for (name,) in execute(store.root, "SELECT name FROM duckdb_settings()")]
    changed = []
    for name in names:
        for statement in (f"SET GLOBAL {name} = '1'", f"SET SESSION {name} = '1'", f"RESET {name}"):
            try:
                with store.root.cursor() as cursor:
                    execute(cursor, statement)
                changed.append(name)
            except duckdb.Error:
                pass
    assert len(names) > 100
    assert set(changed) <= OF_THE_SESSION


def test_databases_stage_files_and_spill_still_work(store: Store) -> None:
    (store.stages / "rows.csv").write_text("A\n1\n2\n")
    rows = f"SELECT sum(A) FROM read_csv('{store.stages}/rows.csv')"
    assert execute(store.root, rows) == [(3,)]
    (store.stages / "rows.csv").unlink()
    store.create_database("LATER")
    # About 60 MB of rows to sort in 64 MB.
    many = "SELECT i, md5(i::VARCHAR) || md5(i::VARCHAR) AS TEXT FROM range(900000) AS t(i)"
    execute(store.root, f'CREATE TABLE LATER."PUBLIC".T AS {many}')
    ordered = 'SELECT i, row_number() OVER (ORDER BY TEXT) AS N FROM LATER."PUBLIC".T'
    assert execute(store.root, f"SELECT count(*), max(N) FROM ({ordered})") == [(900000, 900000)]
    store.drop_database("LATER")


@pytest.mark.parametrize("linked", ["home", "state"])
def test_a_state_folder_behind_a_link_works(tmp_path: Path, linked: str) -> None:
    (tmp_path / "real" / "state").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" if linked == "home" else tmp_path / "real" / "state")
    store = Store(link / "state" if linked == "home" else link)
    store.create_database("D")
    store.close()
    reopened = Store(tmp_path / "real" / "state")
    assert reopened.databases() == ["D"]
    reopened.close()
