"""Measure concurrent searches, and other pages during them.

    CUSTOMER_ANALYTICS_HOME=… python -m benchmarks.search_load [--sessions 20] [--rounds 3]

Needs a state folder after a run, such as that of `customer-analytics demo`. Starts the dashboard in a separate
process and opens the given number of sessions over Streamlit's protocol, as browsers do. All sessions open the
Product page at the same moment, each with a different search. Another visitor opens the pages Marketing, Sales and
Pipeline in turn, with pauses of a second. Prints the median, 95th percentile and maximum time until a page is
complete, and the dashboard's CPU time.
"""

import itertools
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

import click
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

_SUBJECTS = [
    "train",
    "doll",
    "puzzle",
    "robot",
    "kite",
    "drum",
    "scooter",
    "marble run",
    "board game",
    "craft kit",
]
_WORRIES = [
    "broke on the first day",
    "is too loud",
    "came late",
    "lacks parts",
    "is hard to put together",
    "smells",
]
_OTHER_PAGES = ["marketing", "sales", "pipeline"]
_PAUSE_SECONDS = 1.0
_PATIENCE = 300


def searches() -> Iterator[str]:
    """Distinct searches, in a fixed order."""
    for round_, (worry, subject) in enumerate(itertools.cycle(itertools.product(_WORRIES, _SUBJECTS))):
        yield f"{subject} {worry}" + (f" {round_}" if round_ >= len(_WORRIES) * len(_SUBJECTS) else "")


def opened(port: int, page: str, **query: str) -> float:
    """Seconds until a new session has received a complete page."""
    began = time.perf_counter()
    with connect(f"ws://127.0.0.1:{port}/_stcore/stream", max_size=None) as connection:
        message = BackMsg()
        message.rerun_script.page_name = page
        message.rerun_script.query_string = urlencode(query)
        connection.send(message.SerializeToString())
        received_text = ""
        while True:
            received = ForwardMsg.FromString(connection.recv(timeout=_PATIENCE))
            if received.WhichOneof("type") == "delta":
                received_text += str(received.delta)
            if received.WhichOneof("type") == "script_finished":
                break
    if query and "best hits" not in received_text:
        raise RuntimeError(f"The page {page} found nothing for {query}.")
    return time.perf_counter() - began


@contextmanager
def dashboard() -> Iterator[tuple[int, psutil.Process]]:
    """Start the dashboard on a free port; yields the port and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = str(Path(sys.executable).with_name("customer-analytics"))
    process = subprocess.Popen(
        [command, "dashboard", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


@click.command()
@click.option("--sessions", default=20, show_default=True, help="Concurrent sessions.")
@click.option("--rounds", default=3, show_default=True, help="Number of rounds; each search is different.")
def main(sessions: int, rounds: int) -> None:
    """Measure concurrent searches, and other pages during them."""
    texts = searches()
    with dashboard() as (port, process):
        for page in (*_OTHER_PAGES, *_OTHER_PAGES):
            opened(port, page)
        first = opened(port, "product", q=next(texts))
        alone = [opened(port, "product", q=next(texts)) for _ in range(5)]
        over = threading.Event()
        others: list[float] = []

        def visit() -> None:
            for page in itertools.cycle(_OTHER_PAGES):
                if over.wait(_PAUSE_SECONDS):
                    return
                others.append(opened(port, page))

        times: list[float] = []
        used = sum(process.cpu_times()[:2])
        with ThreadPoolExecutor(sessions + 1) as threads:
            visitor = threads.submit(visit)
            try:
                for _ in range(rounds):
                    queries = list(itertools.islice(texts, sessions))
                    times += threads.map(lambda query: opened(port, "product", q=query), queries)
            finally:
                over.set()
            visitor.result()
        used = sum(process.cpu_times()[:2]) - used
    print(f"first search, including loading the models {first:6.1f} s; one at a time {median(alone):.1f} s")
    _print(f"{sessions} concurrent searches, {rounds} times", times)
    _print("other pages meanwhile", others)
    print(f"the dashboard used {used / (sessions * rounds):.2f} s of CPU per search, including other pages")


def _print(name: str, times: list[float]) -> None:
    tail = quantiles(times, n=20, method="inclusive")[-1]
    print(f"{name:<42}median {median(times):5.1f} s, 95th percentile {tail:5.1f} s, maximum {max(times):5.1f} s")


if __name__ == "__main__":
    main()
