"""What is below the state folder is its owner's alone, under whatever umask it was written."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from customer_analytics import private_files
from customer_analytics_tests.attacks.modes import open_to_others
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.production.servers import running

EVERYBODY = 0o000
"""The umask under which each file that a program does not protect is everybody's."""


def open_file(path: Path) -> None:
    """A file that everybody can read, and enter the folder of, whatever this process's umask is."""
    path.touch()
    path.chmod(0o644)
    path.parent.chmod(0o755)


@pytest.mark.timeout(600)  # the shop's first run is among it
def test_a_run_a_search_and_a_snapshot_leave_nothing_that_others_can_read(shop: Deployment) -> None:
    assert "Thomas likes Bertie" in shop.call("search", "Thomas and Bertie")
    kept = shop.home / "kept"
    shop.call("snapshot", "create", str(kept))
    assert len(list(shop.home.rglob("*"))) > 100
    assert open_to_others(shop.home) == {}
    shutil.rmtree(kept)


@pytest.mark.timeout(600)
def test_what_an_earlier_release_has_left_open_is_closed_by_the_next_command(
    shop: Deployment, tmp_path: Path
) -> None:
    outside, link = tmp_path / "outside", shop.home / "link"
    open_file(outside)
    link.symlink_to(outside)
    for path in (shop.home, *shop.home.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    shop.call("sql", "SELECT 1")
    assert open_to_others(shop.home) == {}
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
    link.unlink()


def test_a_served_endpoint_keeps_its_folder_for_itself(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "stages" / "of-before").mkdir(parents=True)
    open_file(folder / "stages" / "of-before" / "file")
    command = [sys.executable, "-m", "customer_analytics.embedded_snowflake", "serve", "--data", str(folder)]
    environment = {**os.environ, "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN": "given"}
    announced = folder / "endpoint.json"
    with running(command, tmp_path / "log", announced.exists, environment, umask=EVERYBODY):
        assert (folder / "databases").is_dir()
        assert open_to_others(folder) == {}


def test_loading_the_code_location_closes_the_state_folder_and_what_its_process_writes(tmp_path: Path) -> None:
    """As a code server does that was started by hand, or a step on another machine."""
    (tmp_path / "vectors").mkdir()
    open_file(tmp_path / "vectors" / "of-before")
    write = (
        "import customer_analytics.definitions, pathlib; pathlib.Path('later').mkdir(); open('later/file', 'w')"
    )
    environment = {**os.environ, "CUSTOMER_ANALYTICS_HOME": str(tmp_path)}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    subprocess.run([sys.executable, "-c", write], cwd=tmp_path, env=environment, umask=EVERYBODY, check=True)
    assert {path.name for path in tmp_path.rglob("*")} == {"vectors", "of-before", "later", "file"}
    assert open_to_others(tmp_path) == {}


def test_files_of_other_owners_and_links_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    open_file(file)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "umask", lambda _: 0)
    private_files.enforce(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
