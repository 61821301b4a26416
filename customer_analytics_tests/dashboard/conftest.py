"""Isolation of the page tests."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Restore the main module: AppTest replaces it by the page, which spawned processes would import."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before
