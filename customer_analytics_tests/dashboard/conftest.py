"""What a page's test leaves behind in its process."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Streamlit's AppTest makes the page the main module, which processes spawned by later tests would import."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before
