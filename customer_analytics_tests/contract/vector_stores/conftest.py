"""Every vector store, empty and with the collection of the tests."""

from pathlib import Path

import pytest

from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics_tests.contract.vector_stores.comments import (
    COMMENTS,
)


@pytest.fixture(params=["lancedb", "weaviate"])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> VectorStore:
    if request.param == "lancedb":
        return LanceVectorStore(path=str(tmp_path / "vectors"))
    store: VectorStore = request.getfixturevalue("weaviate_store")
    return store


@pytest.fixture
def store(empty_store: VectorStore) -> VectorStore:
    empty_store.ensure_collection(COMMENTS)
    return empty_store
