"""Stages: PUT, GET, LIST, REMOVE, directory tables and COPY INTO, through the connector and Snowpark."""

import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import Session

Run = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def run(session: Session) -> Run:
    session.sql("CREATE STAGE FILES DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
    return lambda sql: session.connection.cursor().execute(sql).fetchall()


def names(rows: list[tuple[Any, ...]]) -> list[str]:
    return [row[0] for row in rows]


def test_put_list_get_and_remove(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_bytes(b"first")
    (tmp_path / "c.txt").write_bytes(b"second")
    rows = run(f"PUT 'file://{tmp_path}/*.txt' @FILES/some/folder AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
    assert sorted((row[1], row[6]) for row in rows) == [("a b.txt", "UPLOADED"), ("c.txt", "UPLOADED")]
    listed = run("LIST @FILES")
    assert names(listed) == ["files/some/folder/a b.txt", "files/some/folder/c.txt"]
    assert listed[0][1:3] == (5, "8b04d5e3775d298e78455efc5ca404d5")
    assert dt.datetime.strptime(listed[0][3], "%a, %d %b %Y %H:%M:%S GMT")
    assert names(run("LIST @FILES/some/folder/c")) == ["files/some/folder/c.txt"]
    assert names(run("LIST @FILES PATTERN = '.*a b.*'")) == ["files/some/folder/a b.txt"]
    (tmp_path / "out").mkdir()
    run(f"GET @FILES/some file://{tmp_path}/out/")
    assert (tmp_path / "out" / "a b.txt").read_bytes() == b"first"
    assert (tmp_path / "out" / "c.txt").read_bytes() == b"second"
    assert run("REMOVE @FILES/some/folder/c.txt") == [("files/some/folder/c.txt", "removed")]
    assert names(run("LIST @FILES")) == ["files/some/folder/a b.txt"]
    assert run("RM @FILES PATTERN = '.*nothing.*'") == []


def test_put_compresses_by_default(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x" * 1000)
    run(f"PUT file://{tmp_path}/a.csv @FILES")
    assert names(run("LIST @FILES")) == ["files/a.csv.gz"]


def test_put_without_overwrite_keeps_the_file_that_is_there(run: Run, tmp_path: Path) -> None:
    for content, overwrite in ((b"old", "TRUE"), (b"new", "FALSE")):
        (tmp_path / "a.bin").write_bytes(content)
        run(f"PUT file://{tmp_path}/a.bin @FILES AUTO_COMPRESS = FALSE OVERWRITE = {overwrite}")
    run(f"GET @FILES/a.bin file://{tmp_path}/")
    assert (tmp_path / "a.bin").read_bytes() == b"old"


def test_snowpark_file_operations(session: Session, run: Run, tmp_path: Path) -> None:
    (tmp_path / "call.mp3").write_bytes(bytes(range(256)) * 1000)
    (put,) = session.file.put(str(tmp_path / "call.mp3"), "@FILES/calls", auto_compress=False, overwrite=True)
    assert (put.target, put.status) == ("call.mp3", "UPLOADED")
    session.file.put_stream(io.BytesIO(b"streamed"), "@FILES/calls/s.bin", auto_compress=False, overwrite=True)
    with session.file.get_stream("@FILES/calls/s.bin") as stream:
        assert stream.read() == b"streamed"
    (got,) = session.file.get("@FILES/calls/call.mp3", str(tmp_path / "got"))
    assert got.status == "DOWNLOADED"
    assert (tmp_path / "got" / "call.mp3").read_bytes() == (tmp_path / "call.mp3").read_bytes()


def test_get_of_a_file_that_is_not_there_fails(session: Session, run: Run, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="does not exist"):
        session.file.get_stream("@FILES/nothing.bin")


@pytest.mark.parametrize("path", ["../outside", "a/../../../outside"])
def test_paths_cannot_leave_the_stage(run: Run, tmp_path: Path, path: str) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    cursor_error = (ProgrammingError, KeyError)
    with pytest.raises(cursor_error):
        run(f"PUT file://{tmp_path}/a.txt @FILES/{path} AUTO_COMPRESS = FALSE")
    assert run("LIST @FILES") == []


def test_directory_table_shows_the_files_of_the_last_refresh(session: Session, run: Run, tmp_path: Path) -> None:
    (tmp_path / "1.mp3").write_bytes(b"one")
    run(f"PUT file://{tmp_path}/1.mp3 @FILES/calls AUTO_COMPRESS = FALSE")
    query = "SELECT RELATIVE_PATH, SIZE, MD5 FROM DIRECTORY(@FILES) ORDER BY 1"
    assert run(query) == []
    assert run("ALTER STAGE FILES REFRESH") == [("calls/1.mp3", "REGISTERED_NEW", "")]
    assert run(query) == [("calls/1.mp3", 3, "f97c5d29941bfb1b2fdab0874906ab82")]
    (modified,) = session.sql("SELECT LAST_MODIFIED FROM DIRECTORY(@FILES)").collect()
    assert modified[0].tzinfo is not None
    (tmp_path / "1.mp3").write_bytes(b"another")
    run(f"PUT file://{tmp_path}/1.mp3 @FILES/calls AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
    assert run("ALTER STAGE FILES REFRESH") == [("calls/1.mp3", "REGISTERED_UPDATE", "")]
    run("REMOVE @FILES")
    assert run(query) == [("calls/1.mp3", 7, "b32d73e56ec99bc5ec8f83871cde708a")]
    assert run("ALTER STAGE FILES REFRESH") == [("calls/1.mp3", "UNREGISTERED", "")]
    assert run(query) == []


def test_stage_without_directory_table_cannot_be_refreshed(run: Run) -> None:
    run("CREATE STAGE PLAIN")
    with pytest.raises(ProgrammingError, match="has no directory table"):
        run("ALTER STAGE PLAIN REFRESH")


def test_replaced_and_dropped_stages_lose_their_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    put = f"PUT file://{tmp_path}/a.txt @S AUTO_COMPRESS = FALSE"
    run("CREATE STAGE S")
    run(put)
    run("CREATE STAGE IF NOT EXISTS S")
    assert names(run("LIST @S")) == ["s/a.txt"]
    run("CREATE OR REPLACE STAGE S")
    assert run("LIST @S") == []
    run(put)
    run("DROP STAGE S")
    with pytest.raises(ProgrammingError, match="does not exist"):
        run("LIST @S")
    run("DROP STAGE IF EXISTS S")
    run("CREATE TEMPORARY STAGE S")
    assert run("LIST @S") == []


TABLE = pa.table(
    {
        "id": pa.array([1, 2, None], pa.int64()),
        "amount": pa.array([Decimal("1.50"), Decimal("-99999999.99"), None], pa.decimal128(18, 2)),
        "score": pa.array([0.1, float("nan"), None], pa.float64()),
        "flag": pa.array([True, False, None], pa.bool_()),
        "day": pa.array([dt.date(1969, 7, 20), dt.date(2024, 2, 29), None], pa.date32()),
        "moment": pa.array([dt.datetime(2024, 1, 2, 3, 4, 5, 678901), dt.datetime(1969, 1, 1), None], pa.timestamp("us")),
        "text": pa.array(["quote '\" comma, \\ newline\nünï🎈", "", None], pa.string()),
    }
)  # fmt: skip
COLUMNS = (
    "ID NUMBER(38,0), AMOUNT NUMBER(18,2), SCORE FLOAT, FLAG BOOLEAN, DAY DATE, MOMENT TIMESTAMP_NTZ, TEXT VARCHAR"
)


def put_parquet(
    run: Run, folder: Path, table: pa.Table, name: str = "rows.parquet", stage: str = "FILES/load"
) -> None:
    pq.write_table(table, folder / name, compression="snappy")
    run(f"PUT file://{folder}/{name} @{stage} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")


COPY = """COPY INTO T FROM @FILES/load/rows.parquet
    FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE USE_VECTORIZED_SCANNER = TRUE)
    MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = ABORT_STATEMENT"""


def test_parquet_is_copied_by_column_name_value_for_value(session: Session, run: Run, tmp_path: Path) -> None:
    put_parquet(run, tmp_path, TABLE)
    run(f"CREATE TABLE T ({COLUMNS}, EXTRA INT)")
    assert run(COPY)[0][:4] == ("files/load/rows.parquet", "LOADED", 3, 3)
    copied = session.table("T").drop("EXTRA").to_arrow()
    assert copied.num_rows == 3
    rows, expected = (
        run("SELECT * EXCLUDE EXTRA FROM T"),
        list(zip(*(c.to_pylist() for c in TABLE.columns), strict=True)),
    )
    assert repr(rows) == repr(expected)  # by text, since nan is not equal to itself


def test_copy_skips_what_was_loaded_unless_forced_and_purges_on_request(run: Run, tmp_path: Path) -> None:
    put_parquet(run, tmp_path, TABLE)
    run(f"CREATE TABLE T ({COLUMNS})")
    run(COPY + " FORCE = FALSE PURGE = FALSE")
    assert run(COPY)[0][1] == "LOAD_SKIPPED"
    assert run("SELECT COUNT(*) FROM T") == [(3,)]
    assert run(COPY + " FORCE = TRUE PURGE = TRUE")[0][1] == "LOADED"
    assert run("SELECT COUNT(*) FROM T") == [(6,)]
    assert run("LIST @FILES") == []
    assert run(COPY) == [("Copy executed with 0 files processed.",)]


def test_copy_takes_the_files_named_or_all_below_the_path(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put_parquet(run, tmp_path, pa.table({"ID": [name]}), f"{name}.parquet")
    run("CREATE TABLE T (ID VARCHAR)")
    how = "FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    run(f"COPY INTO T FROM @FILES/load FILES = ('a.parquet', 'c.parquet') {how}")
    assert sorted(run("SELECT ID FROM T")) == [("a",), ("c",)]
    run(f"COPY INTO T FROM @FILES/load/ {how}")
    assert sorted(run("SELECT ID FROM T")) == [("a",), ("b",), ("c",)]
    with pytest.raises(ProgrammingError, match="was not found"):
        run(f"COPY INTO T FROM @FILES/load FILES = ('d.parquet') {how}")


def test_failed_copy_loads_and_purges_nothing(run: Run, tmp_path: Path) -> None:
    put_parquet(run, tmp_path, pa.table({"ID": ["1"]}), "a.parquet")
    put_parquet(run, tmp_path, pa.table({"ID": ["x"]}), "b.parquet")
    run("CREATE TABLE T (ID INT)")
    with pytest.raises(ProgrammingError, match="'x' is not recognized"):
        run(
            "COPY INTO T FROM @FILES/load FILE_FORMAT=(TYPE=PARQUET) MATCH_BY_COLUMN_NAME=CASE_INSENSITIVE PURGE=TRUE"
        )
    assert run("SELECT * FROM T") == []
    assert len(run("LIST @FILES")) == 2


def test_copy_in_a_rolled_back_transaction_loads_and_purges_nothing(run: Run, tmp_path: Path) -> None:
    put_parquet(run, tmp_path, TABLE)
    run(f"CREATE TABLE T ({COLUMNS})")
    run("BEGIN")
    run(COPY + " PURGE = TRUE")
    run("ROLLBACK")
    assert run("SELECT COUNT(*) FROM T") == [(0,)]
    assert run(COPY)[0][1] == "LOADED"


def test_csv_is_copied(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,s,d\n1,"x, ""y""\nz",2024-01-02\n2,,\n', encoding="utf-8")
    run(f"PUT file://{tmp_path}/a.csv @FILES")
    run("CREATE TABLE T (ID INT, S VARCHAR, D DATE)")
    run(
        """COPY INTO T FROM @FILES/a.csv FILE_FORMAT = (TYPE = CSV SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '"')"""
    )
    assert run("SELECT * FROM T ORDER BY ID") == [(1, 'x, "y"\nz', dt.date(2024, 1, 2)), (2, None, None)]


def test_put_to_a_bound_stage(session: Session, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    cursor = session.connection.cursor()
    cursor.execute(f"PUT file://{tmp_path}/a.txt ?", ("@FILES/bound",), _force_qmark_paramstyle=True)
    assert names(run("LIST @FILES")) == ["files/bound/a.txt.gz"]
