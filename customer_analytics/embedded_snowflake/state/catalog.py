"""The catalog: INFORMATION_SCHEMA, SHOW and DESCRIBE."""

import sqlglot
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.state.engine import literal, quoted
from customer_analytics.embedded_snowflake.state.errors import missing, unsupported
from customer_analytics.embedded_snowflake.state.store import HIDDEN_SCHEMAS, META, TEMPORARY

_HIDDEN = ", ".join(literal(name) for name in HIDDEN_SCHEMAS)

_SHOWN_TO_USERS = f"NOT internal AND database_name = {{database}} AND schema_name NOT IN ({_HIDDEN})"

_DATA_TYPE = """CASE
    WHEN data_type IN ('BIGINT', 'HUGEINT', 'INTEGER', 'SMALLINT', 'TINYINT', 'UBIGINT', 'UINTEGER')
        OR data_type LIKE 'DECIMAL%' THEN 'NUMBER'
    WHEN data_type IN ('VARCHAR', 'UUID') THEN 'TEXT'
    WHEN data_type = 'DOUBLE' THEN 'FLOAT'
    WHEN data_type = 'BLOB' THEN 'BINARY'
    WHEN data_type = 'TIMESTAMP WITH TIME ZONE' THEN 'TIMESTAMP_TZ'
    WHEN data_type LIKE 'TIMESTAMP%' THEN 'TIMESTAMP_NTZ'
    WHEN data_type = 'JSON' OR data_type LIKE '%]' OR data_type LIKE 'STRUCT%' THEN 'VARIANT'
    ELSE data_type END"""

_FULL_TYPE = """CASE data_type
    WHEN 'NUMBER' THEN 'NUMBER(' || numeric_precision || ',' || numeric_scale || ')'
    WHEN 'TEXT' THEN 'VARCHAR(16777216)'
    WHEN 'TIMESTAMP_NTZ' THEN 'TIMESTAMP_NTZ(9)'
    WHEN 'TIMESTAMP_TZ' THEN 'TIMESTAMP_TZ(9)'
    WHEN 'TIME' THEN 'TIME(9)'
    WHEN 'BINARY' THEN 'BINARY(8388608)'
    ELSE data_type END"""

_EPOCH = "TIMESTAMPTZ '1970-01-01 00:00:00+00'"

VIEWS = {
    "TABLES": f"""
        SELECT database_name AS TABLE_CATALOG, schema_name AS TABLE_SCHEMA, table_name AS TABLE_NAME,
            'SYSADMIN' AS TABLE_OWNER, 'BASE TABLE' AS TABLE_TYPE, 'NO' AS IS_TRANSIENT,
            CAST(NULL AS VARCHAR) AS CLUSTERING_KEY, estimated_size AS ROW_COUNT, 0 AS BYTES, 1 AS RETENTION_TIME,
            {_EPOCH} AS CREATED, {_EPOCH} AS LAST_ALTERED, comment AS COMMENT
        FROM duckdb_tables() WHERE {_SHOWN_TO_USERS}
        UNION ALL BY NAME
        SELECT database_name AS TABLE_CATALOG, schema_name AS TABLE_SCHEMA, view_name AS TABLE_NAME,
            'SYSADMIN' AS TABLE_OWNER, 'VIEW' AS TABLE_TYPE, comment AS COMMENT
        FROM duckdb_views() WHERE {_SHOWN_TO_USERS}""",
    "VIEWS": f"""
        SELECT database_name AS TABLE_CATALOG, schema_name AS TABLE_SCHEMA, view_name AS TABLE_NAME,
            'SYSADMIN' AS TABLE_OWNER, sql AS VIEW_DEFINITION, 'NO' AS IS_SECURE, {_EPOCH} AS CREATED,
            {_EPOCH} AS LAST_ALTERED, comment AS COMMENT
        FROM duckdb_views() WHERE {_SHOWN_TO_USERS}""",
    "COLUMNS": f"""
        SELECT database_name AS TABLE_CATALOG, schema_name AS TABLE_SCHEMA, table_name AS TABLE_NAME,
            column_name AS COLUMN_NAME, column_index AS ORDINAL_POSITION, column_default AS COLUMN_DEFAULT,
            CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS IS_NULLABLE, {_DATA_TYPE} AS DATA_TYPE,
            CASE WHEN data_type = 'VARCHAR' THEN 16777216 END AS CHARACTER_MAXIMUM_LENGTH,
            CASE WHEN data_type LIKE 'DECIMAL%' THEN numeric_precision
                WHEN data_type LIKE '%INT' OR data_type = 'INTEGER' THEN 38 END AS NUMERIC_PRECISION,
            CASE WHEN data_type LIKE 'DECIMAL%' THEN numeric_scale
                WHEN data_type LIKE '%INT' OR data_type = 'INTEGER' THEN 0 END AS NUMERIC_SCALE,
            CASE WHEN data_type LIKE 'TIME%' THEN 9 END AS DATETIME_PRECISION,
            'NO' AS IS_IDENTITY, comment AS COMMENT
        FROM duckdb_columns() WHERE {_SHOWN_TO_USERS}""",
    "SCHEMATA": f"""
        SELECT database_name AS CATALOG_NAME, schema_name AS SCHEMA_NAME, 'SYSADMIN' AS SCHEMA_OWNER,
            'NO' AS IS_TRANSIENT, 1 AS RETENTION_TIME, COALESCE(known.created_on, {_EPOCH}) AS CREATED,
            {_EPOCH} AS LAST_ALTERED, known.comment AS COMMENT
        FROM duckdb_schemas() LEFT JOIN {{meta}}.schemas known USING (schema_name)
        WHERE database_name = {{database}} AND schema_name NOT IN ({_HIDDEN})""",
    "DATABASES": f"""
        SELECT database_name AS DATABASE_NAME, 'SYSADMIN' AS DATABASE_OWNER, 'NO' AS IS_TRANSIENT,
            comment AS COMMENT, {_EPOCH} AS CREATED, {_EPOCH} AS LAST_ALTERED, 1 AS RETENTION_TIME
        FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL""",
    "STAGES": """
        SELECT {database} AS STAGE_CATALOG, schema_name AS STAGE_SCHEMA, name AS STAGE_NAME,
            CAST(NULL AS VARCHAR) AS STAGE_URL, 'Internal Named' AS STAGE_TYPE, 'SYSADMIN' AS STAGE_OWNER,
            comment AS COMMENT, created_on AS CREATED,
            CASE WHEN directory THEN 'YES' ELSE 'NO' END AS DIRECTORY_ENABLED
        FROM {meta}.stages""",
    "LOAD_HISTORY": """
        SELECT schema_name AS SCHEMA_NAME, file AS FILE_NAME, table_name AS TABLE_NAME,
            loaded_at AS LAST_LOAD_TIME, 'LOADED' AS STATUS
        FROM {meta}.loads""",
}


def information_schema(table: exp.Table, database: str | None) -> Expr:
    """The query behind a view of INFORMATION_SCHEMA."""
    if table.name not in VIEWS or database is None:
        raise missing(f"{database}.INFORMATION_SCHEMA.{table.name}")
    query = sqlglot.parse_one(_view(table.name, database), read="duckdb")
    assert isinstance(query, exp.Query)
    return query.subquery(table.alias or table.name)


def _view(name: str, database: str) -> str:
    return VIEWS[name].format(database=literal(database), meta=f"{quoted(database)}.{META}")


def describe_table(database: str, schema: str, name: str, temporary_schema: str | None) -> str:
    """SQL of DESCRIBE TABLE."""
    if temporary_schema is not None:
        database, schema = TEMPORARY, temporary_schema
    return f"""
        SELECT column_name AS "name", {_FULL_TYPE} AS "type", 'COLUMN' AS "kind",
            CASE is_nullable WHEN 'YES' THEN 'Y' ELSE 'N' END AS "null?", column_default AS "default",
            'N' AS "primary key", 'N' AS "unique key", CAST(NULL AS VARCHAR) AS "check",
            CAST(NULL AS VARCHAR) AS "expression", comment AS "comment", CAST(NULL AS VARCHAR) AS "policy name",
            CAST(NULL AS VARCHAR) AS "privacy domain"
        FROM ({_view("COLUMNS", database)})
        WHERE TABLE_SCHEMA = {literal(schema)} AND TABLE_NAME = {literal(name)} ORDER BY ORDINAL_POSITION"""


_TABLE_COLUMNS = f"""{_EPOCH} AS "created_on", TABLE_NAME AS "name", TABLE_CATALOG AS "database_name",
    TABLE_SCHEMA AS "schema_name", CASE TABLE_TYPE WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END AS "kind",
    COALESCE(COMMENT, '') AS "comment", '' AS "cluster_by", ROW_COUNT AS "rows", BYTES AS "bytes",
    TABLE_OWNER AS "owner", '1' AS "retention_time" """

_SHOWN = {
    "TABLES": ("TABLES", _TABLE_COLUMNS, "TABLE_TYPE = 'BASE TABLE'", "TABLE_SCHEMA"),
    "OBJECTS": ("TABLES", _TABLE_COLUMNS, "TRUE", "TABLE_SCHEMA"),
    "VIEWS": (
        "VIEWS",
        f"""{_EPOCH} AS "created_on", TABLE_NAME AS "name", '' AS "reserved", TABLE_CATALOG AS "database_name",
            TABLE_SCHEMA AS "schema_name", TABLE_OWNER AS "owner", COALESCE(COMMENT, '') AS "comment",
            VIEW_DEFINITION AS "text", 'false' AS "is_secure" """,
        "TRUE",
        "TABLE_SCHEMA",
    ),
    "SCHEMAS": (
        "SCHEMATA",
        """CREATED AS "created_on", SCHEMA_NAME AS "name", 'N' AS "is_default", 'N' AS "is_current",
            CATALOG_NAME AS "database_name", SCHEMA_OWNER AS "owner", COALESCE(COMMENT, '') AS "comment",
            '' AS "options", '1' AS "retention_time" """,
        "TRUE",
        None,
    ),
    "DATABASES": (
        "DATABASES",
        f"""{_EPOCH} AS "created_on", DATABASE_NAME AS "name", 'N' AS "is_default", 'N' AS "is_current",
            '' AS "origin", DATABASE_OWNER AS "owner", COALESCE(COMMENT, '') AS "comment", '' AS "options",
            '1' AS "retention_time", 'STANDARD' AS "kind" """,
        "TRUE",
        None,
    ),
    "STAGES": (
        "STAGES",
        """CREATED AS "created_on", STAGE_NAME AS "name", STAGE_CATALOG AS "database_name",
            STAGE_SCHEMA AS "schema_name", '' AS "url", 'N' AS "has_credentials", 'N' AS "has_encryption_key",
            STAGE_OWNER AS "owner", COALESCE(COMMENT, '') AS "comment", CAST(NULL AS VARCHAR) AS "region",
            'INTERNAL NO CSE' AS "type", CAST(NULL AS VARCHAR) AS "cloud",
            CASE DIRECTORY_ENABLED WHEN 'YES' THEN 'Y' ELSE 'N' END AS "directory_enabled" """,
        "TRUE",
        "STAGE_SCHEMA",
    ),
    "COLUMNS": (
        "COLUMNS",
        """TABLE_NAME AS "table_name", TABLE_SCHEMA AS "schema_name", COLUMN_NAME AS "column_name",
            json_object('type', DATA_TYPE, 'precision', NUMERIC_PRECISION, 'scale', NUMERIC_SCALE,
                'nullable', IS_NULLABLE = 'YES') AS "data_type",
            CASE IS_NULLABLE WHEN 'YES' THEN 'true' ELSE 'false' END AS "null?",
            COALESCE(COLUMN_DEFAULT, '') AS "default", 'COLUMN' AS "kind", '' AS "expression",
            COALESCE(COMMENT, '') AS "comment", TABLE_CATALOG AS "database_name", '' AS "autoincrement" """,
        "TRUE",
        "TABLE_SCHEMA",
    ),
}


def show(statement: Expr, databases: list[str], database: str | None, schema: str | None) -> str:
    """SQL of SHOW <kind> [LIKE …] [IN …]; without IN, of the session's database and schema, as in Snowflake."""
    kind = statement.name.upper()
    if kind not in _SHOWN:
        raise unsupported(f"SHOW {kind}")
    view, columns, condition, schema_column = _SHOWN[kind]
    database, schema, table = _scope(statement, database, schema)
    if database is not None and database not in databases:
        raise missing(database, "Database")
    searched = databases if database is None else [database]
    if kind == "DATABASES":
        searched = databases[:1]  # any of them lists all
    if not searched:
        return "SELECT '' AS \"name\" WHERE FALSE"
    wanted = {schema_column: schema, "TABLE_NAME": table}
    filters = [f"{column} = {literal(value)}" for column, value in wanted.items() if column and value is not None]
    where = " AND ".join([condition, *filters])
    parts = [f"SELECT {columns} FROM ({_view(view, name)}) WHERE {where}" for name in searched]
    by_name = _name_filters(statement, "column_name" if kind == "COLUMNS" else "name")
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) WHERE {by_name}"


def _scope(statement: Expr, database: str | None, schema: str | None) -> tuple[str | None, str | None, str | None]:
    """Database, schema and table that a SHOW is limited to."""
    scope, kind = statement.args.get("scope"), statement.args.get("scope_kind")
    if kind == "ACCOUNT":
        return None, None, None
    if scope is not None and kind in ("SCHEMA", "SCHEMAS"):
        return scope.db or database, scope.name, None
    if scope is not None and kind in ("TABLE", "VIEW"):
        return scope.catalog or database, scope.db or schema, scope.name
    if scope is not None and kind == "DATABASE":
        return scope.name, None, None
    return database, schema, None


def _name_filters(statement: Expr, column: str) -> str:
    filters = ["TRUE"]
    if (like := statement.args.get("like")) is not None:
        filters.append(f'"{column}" ILIKE {literal(like.name)}')
    if starts_with := statement.args.get("starts_with"):
        filters.append(f'starts_with("{column}", {literal(starts_with.name)})')
    return " AND ".join(filters)
