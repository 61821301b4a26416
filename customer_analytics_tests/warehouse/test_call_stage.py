"""The stage of call audio, through the connector."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from customer_analytics.ingestion.call_staging import CallStage, staged_audio
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.tables.sources import CALL_STAGE


def test_the_directory_lists_what_a_killed_run_has_staged_after_the_next_run(
    warehouse: EmbeddedWarehouse, tmp_path: Path
) -> None:
    stage = warehouse.name(CALL_STAGE)
    warehouse.session().sql(f"CREATE OR REPLACE STAGE {stage} DIRECTORY = (ENABLE = TRUE)").collect()
    audio_hash = "0f" * 32
    (tmp_path / f"{audio_hash}.wav").write_bytes(b"sound")

    @contextmanager
    def temporary() -> Iterator[Path]:
        yield tmp_path

    CallStage(warehouse, temporary, print).put(tmp_path)  # killed before it has refreshed the directory
    assert staged_audio(warehouse).collect() == []
    CallStage(warehouse, temporary, print).refresh()
    assert [row["AUDIO_HASH"] for row in staged_audio(warehouse).collect()] == [audio_hash]
