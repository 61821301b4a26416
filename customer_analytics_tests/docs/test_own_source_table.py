"""The guide `your-own-source-table.md`, executed block by block in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from customer_analytics.embedded_snowflake import stop
from customer_analytics_tests.small_source import write_small_source

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "your-own-source-table.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?P<before>(?:[^\n]+\n)+)\n```(?P<language>sh|python)\n(?P<text>.*?)```\n", re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project after a demo: with a source folder and the warehouse's objects."""
    copy = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "customer_analytics", copy / "customer_analytics")
    (copy / ".venv").mkdir()
    (copy / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    write_small_source(copy / ".local" / "sample-data")
    _follow(copy, "", "sh", ".venv/bin/customer-analytics run --select warehouse_objects")
    yield copy
    stop(copy / ".local")


def _follow(project: Path, before: str, language: str, text: str) -> str:
    """Execute a block; returns the output of its commands."""
    if language == "sh":
        environment = {**os.environ, "PYTHONPATH": str(project), "CUSTOMER_ANALYTICS_HOME": ".local"}
        environment.pop("CUSTOMER_ANALYTICS_SOURCE", None)
        done = subprocess.run(["bash", "-euc", text], cwd=project, env=environment, text=True, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    named = re.findall(r"`(customer_analytics/[a-z_/]+\.py)`", before)
    with (project / named[-1]).open("a") as file:
        file.write(("\n\n" if "Append" in before else "") + text)
    return ""


@pytest.mark.timeout(600)
def test_the_guide_works_word_for_word(project: Path) -> None:
    blocks = [match.group("before", "language", "text") for match in BLOCK.finditer(GUIDE)]
    assert len(blocks) == 8
    printed = [_follow(project, *block) for block in blocks]
    assert "3 rows" in printed[3]
    assert "4,2,someday,unwanted" in printed[3]
    assert re.search(r"2 +│ +2 +│ 2025-02-03", printed[7])
