"""The three vector collections and the properties of their objects."""

from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection, PropertyType

COMMENT_TRAINING = "CommentTraining"
CUSTOMER_COMMENT = "CustomerComment"
CUSTOMER_CALL = "CustomerCall"
NAMES = (COMMENT_TRAINING, CUSTOMER_COMMENT, CUSTOMER_CALL)

PROPERTIES = {
    COMMENT_TRAINING: {"review_text": PropertyType.TEXT, "label": PropertyType.INTEGER},
    CUSTOMER_COMMENT: {
        "customer_id": PropertyType.CATEGORY,
        "date": PropertyType.DATE,
        "review_text": PropertyType.TEXT,
    },
    CUSTOMER_CALL: {
        "customer_id": PropertyType.CATEGORY,
        "relative_path": PropertyType.CATEGORY,
        "transcript": PropertyType.TEXT,
    },
}


def collection(name: str, embedder: Embedder) -> Collection:
    """The collection of one embedding model."""
    return Collection(name, PROPERTIES[name], text_property(name), embedder.model, embedder.dimensions)


def other_models(store: VectorStore, embedder: Embedder) -> list[Collection]:
    """The collections in the store that belong to other embedding models."""
    return [other for name in NAMES for other in store.other_models(collection(name, embedder))]


def of_all_models(store: VectorStore, embedder: Embedder) -> list[Collection]:
    """The three collections of the embedding model, then those of other models."""
    return [*(collection(name, embedder) for name in NAMES), *other_models(store, embedder)]


def text_property(name: str) -> str:
    """The property of a collection whose text is embedded."""
    return next(property for property, kind in PROPERTIES[name].items() if kind is PropertyType.TEXT)
