"""The pages of docs/ that are made from the code: `python -m customer_analytics.reference` writes them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.settings import Settings
from customer_analytics.tables import Column, Table, customers, presentation, sentiment, sources

_MADE = "<!-- Made by `make docs` from {where}; change it there. -->"
_STAGES = {
    "Source tables": (sources.TABLES, "The source files' rows, typed; and what could not be read."),
    "Customers": (customers.TABLES, "What customers bought, subscribed to and came through."),
    "Sentiment": (sentiment.TABLES, "What customers said, and how they felt about it."),
    "Presentation": (presentation.TABLES, "What the dashboard shows."),
}
_SECRETS = {
    "SNOWFLAKE_PRIVATE_KEY": "The private key itself, in PEM, where no file is named.",
    "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "Passphrase of the private key.",
    "SNOWFLAKE_TOKEN": "Programmatic access token, or OAuth token.",
    "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN": "Token of an embedded endpoint that is served elsewhere.",
    "WEAVIATE_URL": "Address of Weaviate, e.g. https://cluster.weaviate.network.",
    "WEAVIATE_API_KEY": "API key of Weaviate.",
    "CUSTOMER_ANALYTICS_WEBHOOK_URL": "Where failures are posted, with notifications by webhook.",
    "CUSTOMER_ANALYTICS_WEB_PASSWORD": "Password of Dagster's UI and the dashboard, by basic "
    "authentication with any user name; none is asked for if it is not set.",
    "CELERY_BROKER_URL": "Broker of Celery, for `customer_analytics.distributed`.",
    "CELERY_RESULT_BACKEND": "Result backend of Celery.",
    "OPENAI_API_KEY": "API key of OpenAI, or of what speaks its protocol.",
}


def pages() -> dict[str, str]:
    """The text of each page by its name in docs/."""
    return {"tables.md": "\n".join(_tables()), "configuration.md": "\n".join(_configuration())}


def _tables() -> Iterator[str]:
    files = {file.table: file.name for file in SOURCE_FILES}
    yield from ("# Tables and what they mean", "", _MADE.format(where="customer_analytics/tables"), "")
    yield "The same texts stand as comments in the warehouse and as descriptions in Dagster's UI."
    for title, (tables, meaning) in _STAGES.items():
        yield from ("", f"## {title}", "", meaning)
        for table in tables:
            yield from ("", f"### {table.name}", "", table.description)
            if table in files:
                yield f"Read from `{files[table]}`."
            yield from ("", "| column | type | meaning |", "|---|---|---|")
            yield from (_row(table, column) for column in table.columns)
    yield ""


def _row(table: Table, column: Column) -> str:
    notes = [column.description]
    if column.name in table.key:
        notes.append("Key." if len(table.key) == 1 else "Part of the key.")
    notes += [f"Refers to {reference.table}." for reference in table.references if reference.column == column.name]
    null = "" if column.nullable else " NOT NULL"
    return f"| {column.name} | {column.type}{null} | {_cell(' '.join(notes))} |"


def _configuration() -> Iterator[str]:
    yield from ("# Configuration", "", _MADE.format(where="customer_analytics/settings.py"), "")
    yield "Settings are environment variables. Secrets are too, and are read only where they are used."
    yield from ("", "| variable | default | meaning |", "|---|---|---|")
    for name, field in Settings.model_fields.items():
        variable = field.alias or f"CUSTOMER_ANALYTICS_{name.upper()}"
        yield f"| `{variable}` | {_default(name, field)} | {_cell(_meaning(field))} |"
    yield from ("", "## Secrets", "", "| variable | meaning |", "|---|---|")
    yield from (f"| `{variable}` | {meaning} |" for variable, meaning in _SECRETS.items())
    yield ""


def _default(name: str, field: FieldInfo) -> str:
    if name == "model_cache":
        return "`models` in the user's cache folder"
    default = field.get_default()
    if isinstance(default, tuple):
        default = ",".join(default)
    return "" if default in (None, "") else f"`{default}`"


def _meaning(field: FieldInfo) -> str:
    choices = _choices(field.annotation)
    return f"{field.description}{' One of ' + ', '.join(f'`{c}`' for c in choices) + '.' if choices else ''}"


def _choices(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    for page, text in pages().items():
        Path("docs", page).write_text(text, encoding="utf-8")
        print(f"docs/{page}")
