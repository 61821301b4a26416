"""Drop files while runs, endpoint and daemon are killed, all at random, and verify the tables.

    python -m benchmarks.soak --folder /tmp/soak [--minutes 8] [--kills 20] [--seed 1] [--without-merge-key]

At the end, every call must have exactly one transcript, one vector and one prediction, and all tables must equal
those of a run from scratch on the same files. With `--without-merge-key`, merges insert without comparing keys:
this shows that the soak test can fail.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import wave
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import dagster as dg
from dagster import DagsterRunStatus
from snowflake.connector import DictCursor

from customer_analytics import tables
from customer_analytics.adapters import Adapters
from customer_analytics.automation.dead_runs import processes
from customer_analytics.embedded_snowflake import find, stop
from customer_analytics.ingestion.call_loading import known_calls
from customer_analytics.ingestion.calls import list_audio
from customer_analytics.ingestion.comment_loading import known_files
from customer_analytics.ingestion.comments import list_comments
from customer_analytics.ingestion.location import SourceLocation
from customer_analytics.instance import dagster_instance
from customer_analytics.ml.collections import CUSTOMER_CALL, collection
from customer_analytics.ports.speech.audio import SAMPLE_RATE, decode
from customer_analytics.settings import Settings
from customer_analytics_tests.small_source import write_small_source

SPEECH = Path(__file__).resolve().parents[1] / "customer_analytics" / "sample_data" / "calls"
VICTIMS = ("run", "endpoint", "daemon")
WITHOUT_MERGE_KEY = """
from customer_analytics.ports.warehouse import writes

def append(name, table, rows, *, only=None, delete=True):
    rows.select(table.column_names).write.insert_into(name)
    return writes.Written(rows.session.table(name).count(), "")

writes.merge = append
"""


class Soak:
    def __init__(self, folder: Path, seed: int, without_merge_key: bool) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.home, self.source = folder / "home", folder / "source"
        self.settings = Settings(home=self.home, source=str(self.source))
        self.kills: Counter[str] = Counter()
        self.dropped = 0
        self.daemon: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            "CUSTOMER_ANALYTICS_HOME": str(self.home),
            "CUSTOMER_ANALYTICS_SOURCE": str(self.source),
            "DAGSTER_HOME": str(self.home / "dagster"),
        }
        if without_merge_key:
            patch = folder / "patch"
            patch.mkdir(parents=True)
            (patch / "sitecustomize.py").write_text(WITHOUT_MERGE_KEY)
            self.daemon_path = os.pathsep.join([str(patch), self.environment.get("PYTHONPATH", "")])
        else:
            self.daemon_path = self.environment.get("PYTHONPATH", "")
        self.samples = decode(next(iter(sorted(SPEECH.glob("*.opus")))), 120)

    def say(self, what: str) -> None:
        print(f"{time.strftime('%H:%M:%S')}  {what}", flush=True)

    def command(self, *arguments: str, home: Path | None = None) -> None:
        environment = self.environment | ({"CUSTOMER_ANALYTICS_HOME": str(home)} if home else {})
        subprocess.run(
            [Path(sys.executable).with_name("customer-analytics"), *arguments], env=environment, check=True
        )

    # The source

    def drop(self) -> None:
        """Add a call or comments, or change, copy, rename or damage a call."""
        present = sorted(path for path in (self.source / "calls").glob("*.wav") if path.stat().st_size > 100)
        kinds = {"new": 8, "comments": 10, "changed": 2, "copied": 1, "renamed": 1, "broken": 1}
        kind = self.random.choices(list(kinds), kinds.values())[0]
        self.dropped += 1
        if kind == "comments":
            return self.write()
        target = self.source / "calls" / f"{self.random.randint(1, 3)}-{self.dropped:03}.wav"
        if kind == "new":
            self.speak(target)
        elif kind == "changed":
            self.speak(target := self.random.choice(present))
        elif kind == "copied":
            target.write_bytes(self.random.choice(present).read_bytes())
        elif kind == "renamed":
            self.random.choice(present).rename(target)
        else:
            target.write_bytes(b"no audio %d" % self.dropped)
        self.say(f"dropped {target.name}, {kind}")

    def write(self) -> None:
        """Add, change or damage a comment file."""
        comments = self.source / "comments"
        comments.mkdir(exist_ok=True)
        kind = self.random.choices(["new", "changed", "broken"], [4, 2, 1])[0]
        present = sorted(comments.glob("*.csv"))
        target = (
            self.random.choice(present) if kind == "changed" and present else comments / f"{self.dropped:03}.csv"
        )
        lines = [f"{self.random.randint(1, 3)},2020-03-06,Comment {self.random.randint(1, 40)}" for _ in range(5)]
        header = "no header" if kind == "broken" else "customer_id,date,review_text"
        target.write_text("\n".join([header, *lines]) + "\n")
        self.say(f"dropped {target.name}, {kind}")

    def speak(self, path: Path) -> None:
        length = int(self.random.uniform(1.5, 2.5) * SAMPLE_RATE)
        begin = self.random.randrange(max(1, len(self.samples) - length))
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(self.samples[begin : begin + length].tobytes())

    # The victims

    def start_daemon(self) -> None:
        log = (self.folder / "daemon.log").open("ab")
        command = [Path(sys.executable).with_name("dagster-daemon"), "run", "-m", "customer_analytics.definitions"]
        environment = self.environment | {"PYTHONPATH": self.daemon_path}
        root = Path(__file__).resolve().parents[1]
        self.daemon = subprocess.Popen(command, env=environment, cwd=root, stdout=log, stderr=log)

    def kill(self, victim: str, instance: dg.DagsterInstance) -> bool:
        """Kill a victim; whether there was one."""
        for pid in self.pids(victim, instance):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.kills[victim] += 1
            self.say(f"killed {victim}, process {pid}; {sum(self.kills.values())} kills: {dict(self.kills)}")
            if victim == "daemon" and self.daemon:
                self.daemon.wait()
                time.sleep(self.random.uniform(0, 2))
                self.start_daemon()
            return True
        return False

    def pids(self, victim: str, instance: dg.DagsterInstance) -> Iterator[int]:
        if victim == "run":
            for run in instance.get_runs(dg.RunsFilter(statuses=[DagsterRunStatus.STARTED])):
                yield from (process.pid for process in processes(instance, run.run_id) if process)
        elif victim == "endpoint":
            if endpoint := find(self.home):
                yield endpoint.pid
        elif self.daemon:
            yield self.daemon.pid

    # The test

    def disturb(self, instance: dg.DagsterInstance, minutes: float, kills: int) -> None:
        until = time.monotonic() + 60 * minutes
        while time.monotonic() < until:
            time.sleep(self.random.uniform(1, 4))
            if self.random.random() < 0.25:
                self.drop()
            if sum(self.kills.values()) < kills and self.random.random() < 0.8:
                fewest_first = sorted(VICTIMS, key=lambda victim: (self.kills[victim], self.random.random()))
                any(self.kill(victim, instance) for victim in fewest_first[: 1 + (self.random.random() < 0.3)])
            if sum(self.kills.values()) >= kills and min(self.kills[victim] for victim in VICTIMS) >= kills // 5:
                return

    def settle(self, instance: dg.DagsterInstance, minutes: float) -> None:
        """Wait until no run is active and all files are known."""
        until = time.monotonic() + 60 * minutes
        while time.monotonic() < until:
            time.sleep(5)
            latest = [run for job in ("calls", "comments") for run in instance.get_runs(_of(job), limit=1)]
            if all(run.status is DagsterRunStatus.SUCCESS for run in latest) and not self.unknown():
                self.say("settled")
                return
        self.say(f"not settled after {minutes} minutes: {sorted(self.unknown())}")

    def unknown(self) -> set[str]:
        with Adapters(self.settings) as adapters:
            known = (known_calls(adapters.warehouse) or {}) | (known_files(adapters.warehouse) or {})
        location = SourceLocation.open(self.source)
        files = list_audio(location).files | list_comments(location).files
        stats = {path: (file.size, file.last_modified) for path, file in known.items()}
        return {path for path, file in files.items() if stats.get(path) != (file.size, file.last_modified)}

    def verify(self) -> list[str]:
        faults = []
        files = sorted(list_audio(SourceLocation.open(self.source)).files)
        transcripts = self.rows(self.home, "SELECT RELATIVE_PATH, STATUS FROM CALL_TRANSCRIPTS")
        predictions = self.rows(self.home, "SELECT RELATIVE_PATH FROM PRED_CUSTOMER_CALLS")
        adapters = Adapters(self.settings)
        store, embedder = adapters.vector_store, adapters.embedder
        scanned = store.scan(collection(CUSTOMER_CALL, embedder), ["relative_path"])
        vectors = sorted(path for batch in scanned for path in batch["relative_path"].to_pylist())
        spoken = sorted(row["RELATIVE_PATH"] for row in transcripts if row["STATUS"] == "ok")
        for name, found, expected in (
            ("transcripts", sorted(row["RELATIVE_PATH"] for row in transcripts), files),
            ("vectors", vectors, spoken),
            ("predictions", sorted(row["RELATIVE_PATH"] for row in predictions), spoken),
        ):
            self.say(f"{len(found)} {name} of {len(expected)} calls")
            if found != expected:
                differing = (Counter(found) - Counter(expected)) + (Counter(expected) - Counter(found))
                faults.append(f"{name} differ from calls: {dict(differing)}")
        scratch = self.folder / "scratch"
        self.command("run", home=scratch)
        for name in tables.TABLES:
            found, expected = self.contents(self.home, name), self.contents(scratch, name)
            if found != expected:
                extra, missing = (found - expected).total(), (expected - found).total()
                faults.append(f"{name}: {extra} extra rows, {missing} missing")
        self.say(f"{len(tables.TABLES)} tables compared with those of a run from scratch")
        stop(scratch)
        return faults

    def contents(self, home: Path, name: str) -> Counter[str]:
        rows = self.rows(home, f"SELECT * FROM {name}")
        return Counter(
            json.dumps({c: v for c, v in row.items() if c != "TRANSCRIBED_AT"}, default=str) for row in rows
        )

    def rows(self, home: Path, statement: str) -> list[dict[str, object]]:
        warehouse = Adapters(Settings(home=home)).warehouse
        with warehouse.connection() as connection:
            rows: list[dict[str, object]] = connection.cursor(DictCursor).execute(statement).fetchall()
        return rows

    @contextmanager
    def deployed(self) -> Iterator[dg.DagsterInstance]:
        """The deployment after its first run, with a running daemon."""
        write_small_source(self.source)
        for number in range(3):
            self.speak(self.source / "calls" / f"{number + 1}-000.wav")
        self.command("run")
        with dagster_instance(self.settings) as instance:
            self.start_daemon()
            try:
                yield instance
            finally:
                if self.daemon:
                    self.daemon.terminate()
                    self.daemon.wait()
                stop(self.home)


def _of(job: str) -> dg.RunsFilter:
    return dg.RunsFilter(job_name=job)


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="A folder that does not exist yet.")
@click.option("--minutes", default=8.0, show_default=True, help="Maximum duration of the disturbance.")
@click.option("--kills", default=20, show_default=True, help="Number of kills that ends the disturbance.")
@click.option("--seed", default=1, show_default=True, help="Random seed of drops and kills.")
@click.option("--without-merge-key", is_flag=True, help="Let merges insert without comparing keys.")
def main(folder: Path, minutes: float, kills: int, seed: int, without_merge_key: bool) -> None:
    """Drop files while runs, endpoint and daemon are killed, all at random, and verify the tables."""
    folder.mkdir(parents=True)
    soak = Soak(folder.absolute(), seed, without_merge_key)
    with soak.deployed() as instance:
        soak.disturb(instance, minutes, kills)
        soak.settle(instance, minutes=20)
        faults = soak.verify()
    for fault in faults:
        soak.say(f"FAULT: {fault}")
    soak.say(f"{sum(soak.kills.values())} kills: {dict(soak.kills)}, {soak.dropped} drops, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
