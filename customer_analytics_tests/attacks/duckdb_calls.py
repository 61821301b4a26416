"""Calls of DuckDB's own functions, each overload with arguments that plain DuckDB takes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

import duckdb

# Values of each type, tried in this order.
_VALUES = {
    "BOOLEAN": ["TRUE"],
    "VARCHAR": [
        "'a'",
        "'day'",
        "'1'",
        "'$'",
        "'count'",
        "'[1]'",
        "'%Y'",
        "'2024-01-02'",
        "'UTC'",
        "'INTEGER'",
        "'T'",
    ],
    "JSON": ["CAST('[1]' AS JSON)", "CAST('{\"a\": 1}' AS JSON)"],
    "DECIMAL": ["CAST(1 AS DECIMAL(9, 2))"],
    "BLOB": ["CAST('a' AS BLOB)", "CAST('aaaaaaaaaaaaaaaa' AS BLOB)"],
    "BIT": ["CAST('101' AS BIT)"],
    "INTERVAL": ["INTERVAL '1 day'"],
    "UUID": ["CAST('00000000-0000-4000-8000-000000000000' AS UUID)"],
    "DATE": ["CAST('2024-01-02' AS DATE)"],
    "TIME": ["CAST('01:02:03' AS TIME)"],
    "TIME_NS": ["CAST('01:02:03' AS TIME_NS)"],
    "TIME WITH TIME ZONE": ["CAST('01:02:03+00' AS TIMETZ)"],
    "TIMESTAMP": ["CAST('2024-01-02' AS TIMESTAMP)"],
    "TIMESTAMP WITH TIME ZONE": ["CAST('2024-01-02' AS TIMESTAMPTZ)"],
    "TIMESTAMPTZ_NS": ["CAST('2024-01-02' AS TIMESTAMPTZ_NS)"],
    "TIMESTAMP_S": ["CAST('2024-01-02' AS TIMESTAMP_S)"],
    "TIMESTAMP_MS": ["CAST('2024-01-02' AS TIMESTAMP_MS)"],
    "TIMESTAMP_NS": ["CAST('2024-01-02' AS TIMESTAMP_NS)"],
    "VARIANT": ["CAST({'a': 1} AS VARIANT)", "CAST([1] AS VARIANT)", "CAST(1 AS VARIANT)"],
    "GEOMETRY": ["CAST('POINT (1 2)' AS GEOMETRY)"],
    "STRUCT": ["{'a': 1}"],
    "TUPLE": ["ROW(1, 2)", "ROW(1)"],
    "UNION": ["union_value(a := 1)"],
    "MAP(K, V)": ["MAP(['a'], [1])"],
    "MAP(VARCHAR, VARCHAR)": ["MAP(['a'], ['b'])"],
    "LAMBDA": ["X -> X", "X -> X > 0", "(X, Y) -> X + Y"],
    "K": ["'a'"],
    "V": ["1"],
    "T": ["1"],
    "ANY": ["1", "'a'", "[1]", "TRUE", "CAST('2024-01-02' AS TIMESTAMP)", "{'a': 1}", "MAP(['a'], [1])", "[[1]]"],
    "T[]": ["[1]", "[2, 1]"],
    "T[][]": ["[[1]]"],
    "ANY[]": ["[1]", "[TRUE]", "['a']"],
    "VARCHAR[]": ["['a']", "['$']", "['T']", "['/a']"],
    "TUPLE(K, V)[]": ["[ROW('a', 1)]"],
    "BOOLEAN[]": ["[TRUE]"],
    'STRUCT("year" BIGINT, "month" BIGINT, "day" BIGINT)': ["{'year': 2024, 'month': 1, 'day': 2}"],
}
_ANYTHING = _VALUES["ANY"]
_INTEGER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|BIGNUM|DOUBLE|FLOAT")
# Functions that are particular about their arguments; `{folder}` is the folder of the planted files.
_ARGUMENTS = {
    "json_execute_serialized_sql": "json_serialize_sql('SELECT 1')",
    "json_deserialize_sql": "json_serialize_sql('SELECT 1')",
    "json_serialize_plan": "'SELECT 1'",
    "json_serialize_sql": "'SELECT 1'",
    "query": "'SELECT 1'",
    "query_table": "'T'",
    "import_database": "'{folder}/exported'",
    "add_parquet_key": "'K', '0123456789112345'",
    "enable_profiling": "save_location := '{folder}/profile.json'",
    "enable_logging": "storage := 'file', storage_path := '{folder}/logs'",
    "copy_database": "'memory', 'copied'",
    "parquet_bloom_probe": "'{folder}/t.parquet', 'A', 1",
    "nextval": "'SEQ'",
    "currval": "'SEQ'",
    "write_log": "'a'",
    "decode": "CAST('a' AS BLOB)",
    "make_type": "'INTEGER'",
    "strptime": "'2024', '%Y'",
    "regexp_extract": "'a', 'a'",
    "enum_code": "CAST('a' AS ENUM('a'))",
    "which_secret": "'s3://a', 's3'",
    "list_aggregate": "[1], 'sum'",
    "from_base64": "'YQ=='",
    "unhex": "'61'",
    "from_hex": "'61'",
    "unbin": "'1'",
    "url_decode": "'a'",
    "checkpoint": "",
    "error": "NULL",
    "storage_info": "'T'",
    "table_info": "'T'",
    "show": "'T'",
    "pragma_storage_info": "'T'",
    "pragma_table_info": "'T'",
    "pragma_show": "'T'",
    "force_checkpoint": "",
    "histogram": "T, A",
    "histogram_values": "T, A",
}
_FILES = {"path", "paths", "file", "pattern"}
_EXTENSIONS = ("csv", "json", "parquet", "duckdb", "txt")
_TRIES = 40


@dataclass(frozen=True)
class Overload:
    """A function with one list of parameters."""

    kind: str
    schema: str
    name: str
    parameters: tuple[str, ...]
    types: tuple[str, ...]
    varargs: str | None

    def calls(self, folder: Path) -> Iterator[str]:
        """Statements that call it, the likeliest to succeed first."""
        for arguments in self._arguments(folder):
            call = f'"{self.name}"({arguments})' if re.search(r"\W", self.name) else f"{self.name}({arguments})"
            if self.kind == "pragma":
                yield f"PRAGMA {call}" if arguments else f"PRAGMA {self.name}"
            elif self.kind in ("table", "table_macro"):
                yield f"SELECT * FROM {call}"
            elif self.kind == "window":
                yield f"SELECT {call} OVER (ORDER BY A) FROM T"
            elif self.kind == "aggregate":
                yield f"SELECT {call} FROM T"
                yield f"SELECT {self.name}({arguments} ORDER BY A) FROM T"
                yield f"SELECT {self.name}({arguments}) WITHIN GROUP (ORDER BY A) FROM T"
            else:
                yield f"SELECT {call}"

    def _arguments(self, folder: Path) -> Iterator[str]:
        if self.name in _ARGUMENTS and (self.kind != "aggregate" or self.name != "histogram"):
            yield _ARGUMENTS[self.name].format(folder=folder)
        if self.parameters and self.parameters[0] in _FILES:
            for extension in _EXTENSIONS:
                file = f"'{folder}/t.{extension}'"
                yield f"[{file}]" if self.types[0].endswith("[]") else file
        # Of a table function's parameters the catalogue does not tell which ones are required.
        counts = range(len(self.types) + 1) if self.kind.startswith("table") else [len(self.types)]
        for count in counts:
            choices = product(*(_values(kind) for kind in self.types[:count]))
            yield from map(", ".join, islice(choices, _TRIES))
            yield from map(", ".join, islice(zip(*map(_cycled, self.types[:count]), strict=True), _TRIES))
        if self.varargs is not None:
            yield from (", ".join([_values(kind)[0] for kind in self.types] + [value] * 2) for value in _ANYTHING)


def _values(kind: str) -> list[str]:
    if kind in _VALUES:
        return _VALUES[kind]
    if match := re.fullmatch(r"(\w+)\[(ANY|\d+)\]", kind):
        return [f"CAST([1, 2, 3] AS {match[1]}[3])"]
    if kind.endswith("[]"):
        return [f"CAST([1] AS {kind})", "['a']"]
    if _INTEGER.fullmatch(kind):
        return [f"CAST({number} AS {kind})" for number in (1, 0, 2024)]
    return _ANYTHING


def _cycled(kind: str) -> list[str]:
    values = _values(kind)
    return [values[i % len(values)] for i in range(12)]


def catalogue(connection: duckdb.DuckDBPyConnection) -> list[Overload]:
    """Every overload of every function that DuckDB has, without its extensions that are not built in."""
    rows = connection.execute(
        """SELECT DISTINCT function_type, schema_name, function_name, parameters, parameter_types, varargs
        FROM duckdb_functions() ORDER BY ALL"""
    ).fetchall()
    return [
        Overload(kind, schema, name, tuple(map(str, parameters)), tuple(str(t or "ANY") for t in types), varargs)
        for kind, schema, name, parameters, types, varargs in rows
    ]


def plant(folder: Path, secret: str) -> None:
    """Files of every format that DuckDB reads, with the secret in each."""
    (folder / "exported").mkdir(parents=True)
    with duckdb.connect(str(folder / "t.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS A, ? AS S", [secret])
        connection.execute(f"COPY t TO '{folder}/t.parquet'")
        connection.execute(f"COPY t TO '{folder}/t.csv'")
        connection.execute(f"COPY t TO '{folder}/t.json'")
    (folder / "t.txt").write_text(secret)
    (folder / "exported" / "schema.sql").write_text(f"SELECT '{secret}';")
    (folder / "exported" / "load.sql").write_text(f"SELECT '{secret}';")


def succeeding(overloads: list[Overload], folder: Path) -> dict[Overload, str]:
    """The call of each overload that succeeds on plain DuckDB, for those that have one."""
    found: dict[Overload, str] = {}
    with _plain() as shared:
        for overload in overloads:
            # Pragmas and what is named so change the connection for those after it.
            alone = overload.kind == "pragma" or re.match(
                r"enable|disable|verify|truncate|\w*external", overload.name
            )
            connection = _plain() if alone else shared
            for call in overload.calls(folder):
                try:
                    connection.execute(call).fetchmany(1)
                except Exception:  # of many kinds, UnicodeDecodeError among them
                    continue
                found[overload] = call
                break
            if alone:
                connection.close()
    return found


def _plain() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"lambda_syntax": "ENABLE_SINGLE_ARROW"})
    connection.execute("CREATE TABLE T AS SELECT 1 AS A; CREATE SEQUENCE SEQ; SELECT nextval('SEQ')")
    connection.execute("ATTACH ':memory:' AS copied")
    return connection
