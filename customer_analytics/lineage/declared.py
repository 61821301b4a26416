"""Lineage of what models make, which no query tells."""

from typing import Any

import dagster as dg

from customer_analytics.lineage.metadata import AssetColumn, metadata
from customer_analytics.ml.collections import PROPERTIES, text_property
from customer_analytics.tables import Table

_AUDIO = ("stg_support_calls", "AUDIO_HASH")  # names the audio

CALL_TRANSCRIPTS = metadata(
    {
        **{name: [("stg_support_calls", name)] for name in ("CUSTOMER_ID", "RELATIVE_PATH", "AUDIO_HASH")},
        **{name: [_AUDIO] for name in ("TRANSCRIPT", "LANGUAGE", "DURATION_SECONDS", "STATUS", "ERROR")},
    }
)

# The classifier's columns are those of its predictions for the training texts by folds that did not see them.
SENTIMENT_CLASSIFIER = metadata(
    {
        "TEXT_HASH": [("comment_training", "content_hash")],
        "LABEL": [("comment_training", "label")],
        "SENTIMENT": [("comment_training", "vector"), ("comment_training", "label")],
    }
)


def predictions(table: Table, collection: str) -> dict[str, Any]:
    """The lineage of a prediction table whose rows are the objects of a collection, an asset."""
    made: dict[str, list[AssetColumn]] = {
        "SENTIMENT": [(collection, "vector"), ("sentiment_classifier", "SENTIMENT")],
        "IS_OUT_OF_FOLD": [(collection, "content_hash"), ("sentiment_classifier", "TEXT_HASH")],
        "MODEL_VERSION": [("sentiment_classifier", "SENTIMENT")],
        "VECTOR_ID": [(collection, "id")],
    }
    return metadata({name: made.get(name, [(collection, name.lower())]) for name in table.column_names})


def collection(name: str, table: str) -> dict[str, Any]:
    """The columns of a collection and their lineage, for the asset that brings it to the rows of a table."""
    source = table.lower()
    text = (source, text_property(name).upper())
    properties = {property: [(source, property.upper())] for property in PROPERTIES[name]}
    columns = [
        dg.TableColumn("id", "uuid", "Derived from all columns of the row and how often it has occurred."),
        dg.TableColumn("content_hash", "string", "SHA-256 of the text, in hexadecimal."),
        dg.TableColumn("vector", "float32[]", "The text's vector."),
        *(
            dg.TableColumn(name, str(kind), f"{name.upper()} of the row.")
            for name, kind in PROPERTIES[name].items()
        ),
    ]
    of_row = [source for sources in properties.values() for source in sources]
    return {
        "dagster/column_schema": dg.TableSchema(columns),
        **metadata({"id": of_row, "content_hash": [text], "vector": [text], **properties}),
    }
