"""Compare a whole run with the bare work of its models; `make bench` writes the result to docs/benchmarks.md.

One process runs all assets on the sample data, or on the folder given by --source, in a fresh state folder. Then
it passes the same audio through faster-whisper alone, the same texts (already tokenized) through ONNX Runtime
alone, and the same fits through LightGBM alone. The ratio of the run's wall time to the sum of these three shows
the cost of everything else.
"""

import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import click
import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- begin reference run -->", "<!-- end reference run -->"


class Memory:
    """Samples of the resident memory of this process and of the endpoint: (time, bytes, bytes)."""

    def __init__(self) -> None:
        self.samples: list[tuple[float, int, int]] = []
        self._stop = threading.Event()
        threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        own, endpoint = psutil.Process(), None
        while not self._stop.wait(0.05):
            children = [] if endpoint else own.children(recursive=True)
            endpoint = endpoint or next(
                (p for p in children if "embedded_snowflake" in " ".join(p.cmdline())), None
            )
            beside = 0
            with suppress(psutil.NoSuchProcess):
                beside = endpoint.memory_info().rss if endpoint else 0
            self.samples.append((time.time(), own.memory_info().rss, beside))

    def peak(self, intervals: list[tuple[float, float]]) -> tuple[float, float]:
        """Peaks within the intervals, in megabytes: this process, and the endpoint."""
        within = [s for s in self.samples if any(begin <= s[0] <= end for begin, end in intervals)]
        return max((s[1] for s in within), default=0) / 1e6, max((s[2] for s in within), default=0) / 1e6


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _audio_kernel(calls: list[Path], cache: str) -> float:
    from customer_analytics.ports.speech.faster_whisper import _whisper

    whisper = _whisper("tiny.en", cache, None, 2)

    def listen() -> None:
        for path in calls:
            segments, _ = whisper.transcribe(
                str(path),
                language="en",
                beam_size=1,
                temperature=0.0,
                condition_on_previous_text=False,
                vad_filter=True,
            )
            for _ in segments:
                pass

    return _seconds(listen)


def _text_kernel(texts: list[str], cache: str) -> float:
    from customer_analytics.model_files import BGE_SMALL_EN
    from customer_analytics.ports.embeddings.bge_small import MAX_CHARACTERS
    from customer_analytics.ports.onnx_model import loaded

    model = loaded(BGE_SMALL_EN, cache, None)
    tokens = [np.array([model.tokenizer.encode(text[:MAX_CHARACTERS]).ids], np.int64) for text in texts]

    def run(ids: np.ndarray) -> None:
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        model.session.run(["last_hidden_state"], inputs)

    with ThreadPoolExecutor(2) as threads:
        return _seconds(lambda: list(threads.map(run, tokens)))


def _fit_kernel(vectors: np.ndarray, labels: np.ndarray) -> float:
    import lightgbm

    from customer_analytics.ml.training import FOLDS, PARAMETERS, ROUNDS, SEED

    fold = np.arange(len(labels)) % FOLDS
    parts = [np.flatnonzero(fold != number) for number in range(FOLDS)] + [np.arange(len(labels))]
    parameters = {**PARAMETERS, "seed": SEED}

    def fit() -> None:
        for rows in parts:
            lightgbm.train(parameters, lightgbm.Dataset(vectors[rows], labels[rows], params=parameters), ROUNDS)

    return _seconds(fit)


@click.command()
@click.option(
    "--source", type=click.Path(exists=True, path_type=Path), help="Source folder [default: sample data]."
)
@click.option("--write", is_flag=True, help="Write the tables to docs/benchmarks.md.")
def main(source: Path | None, write: bool) -> None:
    """Run all assets, then the bare kernels, and print Markdown tables."""
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    if source is None:
        from customer_analytics.sample_data.folder import write_sample_data

        source = home / "sample_data"
        write_sample_data(source)
    os.environ |= {"CUSTOMER_ANALYTICS_HOME": str(home), "CUSTOMER_ANALYTICS_SOURCE": str(source)}
    memory, began = Memory(), time.perf_counter()
    from customer_analytics import running
    from customer_analytics.embedded_snowflake import stop
    from customer_analytics.settings import settings

    chosen = settings()
    try:
        outcome = running.run(chosen)
        whole = time.perf_counter() - began
        if not outcome.success:
            sys.exit("\n".join(outcome.failures))
        table = _stages(chosen, outcome.run_id, memory, whole)
        kernels = _kernels(chosen, source)
    finally:
        stop(home)
        shutil.rmtree(home)
    total = sum(seconds for _, seconds in kernels)
    rows = [f"| {name} | {seconds:.1f} |" for name, seconds in kernels]
    text = "\n".join(
        [
            f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}.",
            "",
            *table,
            "",
            "| bare kernel, in the same process | seconds |",
            "|---|---|",
            *rows,
            f"| sum | {total:.1f} |",
            "",
            f"**The whole run takes {whole / total:.2f} times as long as its bare kernels** ({whole:.1f} s with "
            f"imports and the start of the endpoint, to {total:.1f} s).",
        ]
    )
    print(text)
    if write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(
            page[: page.index(BEGIN)] + f"{BEGIN}\n{text}\n" + page[page.index(END) :], encoding="utf-8"
        )


def _stages(chosen, run_id: str, memory: Memory, whole: float) -> list[str]:  # type: ignore[no-untyped-def]
    from customer_analytics.definitions import defs
    from customer_analytics.instance import dagster_instance

    groups = {}
    for node in defs.resolve_asset_graph().asset_nodes:
        if node.is_executable:
            groups[node.assets_def.node_def.name] = node.group_name
    intervals: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with dagster_instance(chosen) as instance:
        for step in instance.get_run_step_stats(run_id):
            intervals[groups.get(step.step_key, "checks")].append((step.start_time, step.end_time))
    lines = ["| stage | seconds | peak memory of the run, MB | of the endpoint, MB |", "|---|---|---|---|"]
    for stage, of_stage in sorted(intervals.items(), key=lambda item: min(item[1])):
        own, beside = memory.peak(of_stage)
        lines.append(f"| {stage} | {sum(e - b for b, e in of_stage):.1f} | {own:,.0f} | {beside:,.0f} |")
    own, beside = memory.peak([(0, time.time())])
    return [*lines, f"| whole run | {whole:.1f} | {own:,.0f} | {beside:,.0f} |"]


def _kernels(chosen, source: Path) -> list[tuple[str, float]]:  # type: ignore[no-untyped-def]
    import pyarrow as pa

    from customer_analytics.adapters import Adapters
    from customer_analytics.ingestion.calls import CALLS_FOLDER, list_audio
    from customer_analytics.ingestion.location import SourceLocation
    from customer_analytics.ml.collections import COMMENT_TRAINING, NAMES, collection
    from customer_analytics.ports.vectors.matrix import as_matrix

    adapters = Adapters(chosen)
    store, embedder, cache = adapters.vector_store, adapters.embedder, str(chosen.model_cache)
    texts: dict[str, None] = {}
    for name in NAMES:
        target = collection(name, embedder)
        for batch in store.scan(target, [target.text_property]):
            texts |= dict.fromkeys(batch[target.text_property].to_pylist())
    rows = pa.Table.from_batches(store.scan(collection(COMMENT_TRAINING, embedder), ["vector", "label"]))
    paths = [source / CALLS_FOLDER / name for name in list_audio(SourceLocation.open(source)).files]
    calls = list({path.read_bytes(): path for path in paths}.values())  # a run transcribes each recording once
    return [
        (f"{len(calls)} recordings through faster-whisper", _audio_kernel(calls, cache)),
        (f"{len(texts):,} distinct texts through ONNX Runtime", _text_kernel(list(texts), cache)),
        ("six fits through LightGBM", _fit_kernel(as_matrix(rows["vector"]), rows["label"].to_numpy())),
    ]


if __name__ == "__main__":
    main()
