"""File formats of CREATE FILE FORMAT and COPY INTO."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.sql.stage_tables import file_literal
from customer_analytics.embedded_snowflake.state.engine import literal
from customer_analytics.embedded_snowflake.state.errors import missing, unsupported
from customer_analytics.embedded_snowflake.state.session import Session

_CSV_OPTIONS = {
    "TYPE",
    "NULL_IF",
    "EMPTY_FIELD_AS_NULL",
    "FIELD_OPTIONALLY_ENCLOSED_BY",
    "FIELD_DELIMITER",
    "SKIP_HEADER",
    "COMPRESSION",
}


def options(properties: Iterable[Expr]) -> dict[str, Any]:
    """The options of a format by name."""
    return {prop.name.upper(): option_value(prop.args["value"]) for prop in properties}


def option_value(node: Expr | None) -> Any:
    """The value of an option: a Boolean, a text, or a list of texts."""
    if isinstance(node, exp.Boolean):
        return node.this
    if isinstance(node, exp.Tuple | exp.Paren | exp.Array):
        return [item.name for item in node.find_all(exp.Literal)]
    return node.name if node is not None else None


def complete(given: dict[str, Any], session: Session) -> dict[str, Any]:
    """The options of a COPY INTO, with those of the format that it names."""
    name, named = given.pop("FORMAT_NAME", None), dict[str, Any]()
    if name is not None:
        key = name.replace('"', "").rsplit(".", 1)[-1].upper()
        if key not in session.file_formats:
            raise missing(name, "File format")
        named = session.file_formats[key]
    return {"TYPE": "CSV", **named, **given}


def source(file: Path, given: dict[str, Any]) -> str:
    """DuckDB's table function that reads a file of this format."""
    kind = str(given["TYPE"]).upper()
    if kind == "PARQUET":
        return f"read_parquet({file_literal(file)})"
    if kind != "CSV":
        raise unsupported(f"COPY INTO from files of type {kind}")
    if other := sorted(set(given) - _CSV_OPTIONS):
        raise unsupported(f"COPY INTO with the CSV option {', '.join(other)}")
    nulls = given.get("NULL_IF", ["\\N"])
    nulls = [nulls] if isinstance(nulls, str) else list(nulls)
    if given.get("EMPTY_FIELD_AS_NULL", True) and "" not in nulls:
        nulls = ["", *nulls]
    quote = str(given.get("FIELD_OPTIONALLY_ENCLOSED_BY", ""))
    return (
        f"read_csv({file_literal(file)}, header = false, all_varchar = true, auto_detect = true, "
        f"delim = {literal(str(given.get('FIELD_DELIMITER', ',')))}, skip = {int(given.get('SKIP_HEADER', 0))}, "
        f"quote = {literal('' if quote.upper() == 'NONE' else quote)}, "
        f"nullstr = [{', '.join(map(literal, nulls))}])"
    )
