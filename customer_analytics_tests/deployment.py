"""A state folder and the command line over it, as a user has them."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import pyarrow as pa
from click.testing import CliRunner
from snowflake.connector import DictCursor

from customer_analytics import assets, checks
from customer_analytics.adapters import Adapters
from customer_analytics.automation import jobs
from customer_analytics.cli import main
from customer_analytics.ml.collections import NAMES, collection
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.resources.adapters import resources
from customer_analytics.settings import Settings, settings
from customer_analytics.tables import TABLES

COMMAND = str(Path(sys.executable).with_name("customer-analytics"))


@dataclass
class Deployment:
    """Runs commands: in this process, as the imports and models of another cost seconds, or in one of their own."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "CUSTOMER_ANALYTICS_HOME": str(self.home), **self.variables}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command in a process of its own that goes on; what it prints goes to its standard output."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen([COMMAND, *arguments], env=self.environment, text=True, **streams)

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command that may fail."""
        with _as_in_a_process_of_its_own(self.environment):
            done = CliRunner(catch_exceptions=False).invoke(main, arguments)
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    def call(self, *arguments: str) -> str:
        """What a command prints that has to succeed: its output, then its messages."""
        done = self.attempt(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """The rows of a statement, as `customer-analytics sql --json` prints them but without its start-up time."""
        with self._warehouse().connection() as connection:
            rows = connection.cursor(DictCursor).execute(statement).fetchall()
        printed: list[dict[str, Any]] = json.loads(json.dumps(rows, default=str))
        return printed

    def tables(self) -> dict[str, list[str]]:
        """The rows of all tables by name, each row as text."""
        with self._warehouse().connection() as connection:
            return {
                name: sorted(map(str, connection.cursor(DictCursor).execute(f"SELECT * FROM {name}").fetchall()))
                for name in TABLES
            }

    def _warehouse(self) -> EmbeddedWarehouse:
        return EmbeddedWarehouse(home=str(self.home), database="CUSTOMER_ANALYTICS", schema_name="ANALYTICS")

    def as_after_a_change_of_model(self) -> tuple[VectorStore, list[Collection]]:
        """The vector store, with the same objects in collections of another model too; these collections."""
        made = Adapters(Settings(home=self.home))
        store, own = made.vector_store, [collection(name, made.embedder) for name in NAMES]
        others = [replace(held, model="before") for held in own]
        for held, other in zip(own, others, strict=True):
            store.ensure_collection(other)
            store.upsert(other, pa.Table.from_batches(store.scan(held), held.arrow_schema))
        return store, others


@contextmanager
def _as_in_a_process_of_its_own(environment: dict[str, str]) -> Iterator[None]:
    """The variables, and nothing of what commands keep in a process: settings, code location, log handlers."""
    log = logging.getLogger("customer_analytics")
    before = log.handlers, log.level, log.propagate
    log.handlers = []
    umask = os.umask(0o022)
    settings.cache_clear()
    sys.modules.pop("customer_analytics.definitions", None)
    try:
        with patch.dict(os.environ, environment, clear=True):
            yield
    finally:
        os.umask(umask)
        log.handlers, log.level, log.propagate = before
        settings.cache_clear()
        sys.modules.pop("customer_analytics.definitions", None)


def located(settings: Settings) -> dg.Definitions:
    """The code location as it is with other settings than those of this process."""
    return dg.Definitions(
        assets=dg.load_assets_from_package_module(assets, include_specs=True),  # type: ignore[arg-type]
        asset_checks=dg.load_asset_checks_from_package_module(checks),
        jobs=jobs.jobs,
        resources=resources(settings),
        executor=dg.in_process_executor,
    )
