"""`clean --orphans` lists data without a source, and removes it only with --yes."""

from pathlib import Path

import dagster as dg
import pytest

from customer_analytics_tests.deployment import Deployment

pytestmark = pytest.mark.timeout(600)  # includes the shop's first run


def test_data_without_a_source_is_listed_and_removed_only_with_yes(shop: Deployment, tmp_path: Path) -> None:
    (tmp_path / "00ff.wav").write_bytes(b"audio of a deleted call")
    shop.rows(f"PUT file://{tmp_path}/00ff.wav @CALL_STAGE AUTO_COMPRESS=FALSE")
    with dg.DagsterInstance.from_config(str(shop.home / "dagster")) as instance:
        instance.add_dynamic_partitions("call_audio", ["00ff"])
    store, others = shop.as_after_a_change_of_model()
    staged, vectors = len(shop.rows("LIST @CALL_STAGE")), store.describe()

    listed = shop.call("clean", "--orphans")
    assert "Without a source: 1 files in the stage, 1 partitions." in listed
    for other in others:
        assert f"Without a source: collection {other.physical_name}, whose" in listed
    assert "Nothing was removed. Add --yes to remove the data above." in listed
    assert (len(shop.rows("LIST @CALL_STAGE")), store.describe()) == (staged, vectors)

    removed = shop.call("clean", "--orphans", "--yes")
    assert "Removed: 1 files in the stage, 1 partitions." in removed
    for other in others:
        assert f"Removed: collection {other.physical_name}, whose" in removed
        assert other.physical_name not in store.describe()

    again = shop.call("clean", "--orphans")
    assert "Without a source: 0 files in the stage, 0 partitions." in again
    assert "collection" not in again
    assert len(shop.rows("LIST @CALL_STAGE")) == staged - 1
    assert "Thomas likes Bertie" in shop.call("search", "Thomas and Bertie")
