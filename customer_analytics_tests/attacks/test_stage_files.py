"""Files of a stage are those in its folder: no link, pattern or path leads to others, for the owner neither."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint

SECRET = "words outside of the stage"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.csv").write_text(SECRET)
    duckdb.execute(f"COPY (SELECT '{SECRET}' AS SECRET) TO '{folder}/secret.parquet'")
    return folder


@pytest.fixture
def owner(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    with snowflake.connector.connect(**endpoint.connection_args) as connection:
        for statement in ("CREATE OR REPLACE DATABASE STAGED", "CREATE TABLE T (A VARCHAR)", "CREATE STAGE S"):
            connection.cursor().execute(statement)
        yield connection


@pytest.fixture
def stage(owner: SnowflakeConnection, endpoint_home: str, tmp_path: Path) -> Path:
    """The folder of the stage S, with one file in it."""
    stages = Path(endpoint_home) / "warehouse" / "stages"
    before = set(stages.iterdir())
    owner.cursor().execute("CREATE OR REPLACE STAGE S")
    (tmp_path / "own.csv").write_text("own")
    owner.cursor().execute(f"PUT 'file://{tmp_path}/own.csv' @S AUTO_COMPRESS = FALSE")
    (folder,) = (path for path in stages.iterdir() if path not in before and (path / "own.csv").exists())
    return folder


def loaded(owner: SnowflakeConnection) -> list[tuple[str]]:
    return owner.cursor().execute("SELECT A FROM T ORDER BY A").fetchall()


def test_a_link_in_a_stage_is_not_a_file_of_it(
    owner: SnowflakeConnection, stage: Path, outside: Path, tmp_path: Path
) -> None:
    (stage / "link.csv").symlink_to(outside / "secret.csv")
    (stage / "folder").symlink_to(outside)
    cursor = owner.cursor()
    assert [name for name, *_ in cursor.execute("LIST @S").fetchall()] == ["s/own.csv"]
    cursor.execute("COPY INTO T FROM @S")
    for file in ("link.csv", "folder/secret.csv"):
        with pytest.raises(ProgrammingError):
            cursor.execute(f"COPY INTO T FROM @S FILES = ('{file}')")
    with pytest.raises(ProgrammingError):
        cursor.execute("SELECT * FROM TABLE(INFER_SCHEMA(LOCATION => '@S/folder/secret.parquet'))")
    assert loaded(owner) == [("own",)]
    (tmp_path / "got").mkdir()
    cursor.execute(f"GET @S 'file://{tmp_path}/got'")
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["own.csv"]
    with pytest.raises(ProgrammingError):
        cursor.execute(f"PUT 'file://{tmp_path}/own.csv' @S/folder AUTO_COMPRESS = FALSE")
    cursor.execute("REMOVE @S")
    assert sorted(path.name for path in outside.iterdir()) == ["secret.csv", "secret.parquet"]


@pytest.mark.parametrize(
    "place",
    [
        "@S/../{folder}/secret.csv",
        "@S/{folder}/secret.csv",
        "'{folder}/secret.csv'",
        "'file://{folder}/secret.csv'",
        "@S FILES = ('{folder}/secret.csv')",
        "@S FILES = ('../../../../../../../../..{folder}/secret.csv')",
        "@S PATTERN = '.*secret.*'",
        "(SELECT $1 FROM '{folder}/secret.csv')",
        "(SELECT $1 FROM @S/../../../../../../../../..{folder}/secret.csv)",
        "(SELECT $1, read_text('{folder}/secret.csv') FROM @S)",
        "(SELECT S.$1 FROM @S S, '{folder}/secret.csv' X)",
        "(SELECT (SELECT MAX(A) FROM T) FROM @S)",
    ],
)
def test_copy_reads_no_file_outside_of_its_stage(
    owner: SnowflakeConnection, stage: Path, outside: Path, place: str
) -> None:
    try:
        owner.cursor().execute(f"COPY INTO T FROM {place.format(folder=outside)}")
    except ProgrammingError as error:
        assert SECRET not in str(error)
        assert error.errno in (2, 1003, 1011, 2003, 2140, 91016)
    assert loaded(owner) in ([], [("own",)])


@pytest.mark.parametrize("target", ["'{folder}/out.csv'", "'file://{folder}/out.csv'", "@S/../../out.csv", "@S"])
def test_copy_writes_no_file(owner: SnowflakeConnection, outside: Path, target: str) -> None:
    before = sorted(outside.rglob("*"))
    with pytest.raises(ProgrammingError):
        owner.cursor().execute(f"COPY INTO {target.format(folder=outside)} FROM T")
    assert sorted(outside.rglob("*")) == before


@pytest.mark.parametrize("name", ["*.csv", "?wn.csv", "[o]wn.csv", "**"])
def test_the_name_of_a_file_is_no_pattern(owner: SnowflakeConnection, stage: Path, name: str) -> None:
    (stage / name).write_text("by its name")
    owner.cursor().execute(f"COPY INTO T FROM @S FILES = ('{name}')")
    assert loaded(owner) == [("by its name",)]
