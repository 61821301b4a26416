"""A source that brings a snapshot of its vectors: only what is new is embedded."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer_analytics.embedded_snowflake import stop
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.small_source import write_small_source

pytestmark = pytest.mark.timeout(600)
VECTORS = "+key:customer_comment"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small source with the snapshot of a deployment that has embedded it."""
    folder = write_small_source(tmp_path_factory.mktemp("source"))
    made = Deployment(tmp_path_factory.mktemp("before"))
    assert "CommentTraining: 80 objects, 80 embedded" in made.call(
        "run", "--source", str(folder), "--select", VECTORS
    )
    printed = made.call("snapshot", "create", str(folder / "snapshot"))
    assert "CommentTraining: 80 objects in CommentTraining-" in printed
    assert "CustomerComment: 4 objects in CustomerComment-" in printed
    stop(made.home)
    return folder


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path / "home")
    yield made
    stop(made.home)


def test_a_run_restores_the_snapshot_and_embeds_only_what_is_new(
    deployment: Deployment, source: Path, tmp_path: Path
) -> None:
    grown = tmp_path / "source"
    shutil.copytree(source, grown)
    comments = pq.read_table(grown / "twitter_comments.parquet")
    new = pa.table({"customer_id": [3], "date": ["2020-03-05"], "review_text": ["Not seen before"]})
    pq.write_table(pa.concat_tables([comments.slice(1), new]), grown / "twitter_comments.parquet")
    first = deployment.call("run", "--source", str(grown), "--select", VECTORS)
    assert "CommentTraining: 80 objects restored, 0 were there" in first
    assert "CustomerComment: 4 objects restored, 0 were there" in first
    assert "CommentTraining: 80 objects, 0 embedded, 0 removed" in first
    assert "CustomerComment: 4 objects, 1 embedded, 1 removed" in first
    # The object that left would otherwise come back from the snapshot, and be removed again, with every run.
    again = deployment.call("run", "--source", str(grown), "--select", VECTORS)
    assert "restored," not in again
    assert "CustomerComment: 4 objects, 0 embedded, 0 removed" in again


def test_a_snapshot_of_another_model_fails_the_run_before_anything_is_embedded(
    deployment: Deployment, source: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "source"
    shutil.copytree(source, foreign)
    manifest = json.loads((foreign / "snapshot" / "manifest.json").read_text())
    for entry in manifest["collections"]:
        entry["model"] = "another-model"
    (foreign / "snapshot" / "manifest.json").write_text(json.dumps(manifest))
    done = deployment.attempt("run", "--source", str(foreign), "--select", VECTORS)
    assert done.returncode == 1
    assert "holds vectors of another-model in 384 dimensions, but the embedder is bge-small-en-v1.5" in done.stderr
    assert "embedded," not in done.stderr


def test_the_command_line_restores_what_is_missing(deployment: Deployment, source: Path, tmp_path: Path) -> None:
    assert "80 objects restored, 0 were there" in deployment.call("snapshot", "restore", str(source / "snapshot"))
    nothing = deployment.attempt("snapshot", "restore", str(tmp_path))
    assert (nothing.returncode, "contains no snapshot" in nothing.stderr) == (1, True)
