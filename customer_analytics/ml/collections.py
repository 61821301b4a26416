"""The three collections of vectors and what their objects carry."""

from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.vectors.base import Collection, PropertyType

COMMENT_TRAINING = "CommentTraining"
CUSTOMER_COMMENT = "CustomerComment"
CUSTOMER_CALL = "CustomerCall"

_PROPERTIES = {
    COMMENT_TRAINING: {"review_text": PropertyType.TEXT, "label": PropertyType.INTEGER},
    CUSTOMER_COMMENT: {
        "customer_id": PropertyType.INTEGER,
        "date": PropertyType.DATE,
        "review_text": PropertyType.TEXT,
    },
    CUSTOMER_CALL: {
        "customer_id": PropertyType.INTEGER,
        "relative_path": PropertyType.CATEGORY,
        "transcript": PropertyType.TEXT,
    },
}


def collection(name: str, embedder: Embedder) -> Collection:
    """A collection as it is for one embedding model."""
    properties = _PROPERTIES[name]
    text = next(property for property, kind in properties.items() if kind is PropertyType.TEXT)
    return Collection(name, properties, text, embedder.model, embedder.dimensions)
