"""Location of the source data: a local folder, or a folder of an object store with an fsspec URI."""

import errno
import hashlib
import io
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from customer_analytics.ingestion.limits import LIMITS, Limits, megabytes
from customer_analytics.ingestion.listing import (
    FileEntry,
    Listing,
    list_local_folder,
    list_store_folder,
    local_entry,
    store_entry,
)
from customer_analytics.ingestion.text import printable

_BLOCK_BYTES = 1 << 20
_LONGEST_SHOWN = 250
# A program that writes the file in place has often finished by then.
_SECONDS_BEFORE_RETRY = 0.5
# Scheme -> the package that reads it and the extra of this project that installs the package.
_STORES = {
    "s3": ("s3fs", "s3"),
    "s3a": ("s3fs", "s3"),
    "gs": ("gcsfs", "gcs"),
    "gcs": ("gcsfs", "gcs"),
    "az": ("adlfs", "azure"),
    "abfs": ("adlfs", "azure"),
    "abfss": ("adlfs", "azure"),
}
# `user:password@`, where the password may contain anything, and adlfs's `container@`.
_CREDENTIALS = re.compile(r"^(?:[^/@]*:.*@|[^/@]*@)", re.DOTALL)
_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)


class SourceError(Exception):
    """Source data that cannot be read for a reason that the user can fix.

    Args:
        message: What is wrong, where, and what to do, in one sentence for the terminal.
        without_values: The sentence without values of the data, for logs and events that outlive an erasure; the
            message itself if it has none.
        what: The sentence without its subject, the file.
    """

    def __init__(self, message: str, without_values: str | None = None, what: str | None = None) -> None:
        super().__init__(message)
        self.without_values = without_values or message
        self.what = what or message


class ChangedError(SourceError):
    """A file was changed while it was read."""


class Copied(NamedTuple):
    """A copied file: its size and modification, and the copy's SHA-256 in hexadecimal."""

    entry: FileEntry
    sha256: str


@dataclass(frozen=True)
class SourceLocation:
    """A folder that holds the source files and the calls.

    `name` is the path or URI as shown to people, without credentials. `limits` apply to its files.
    """

    name: str
    _filesystem: AbstractFileSystem = field(repr=False)
    _root: str = field(repr=False)
    limits: Limits = field(default=LIMITS, repr=False)

    @classmethod
    def open(cls, uri: str | Path, limits: Limits = LIMITS) -> "SourceLocation":
        """The location of a folder path or a URI (file, s3, gs, az); raises `SourceError` unless it is a folder.

        Stores find their credentials where their own tools do (environment, profile, instance role). A URI with
        credentials is refused, because URIs are stored and shown.
        """
        match = _URI.fullmatch(str(uri))
        location = _at_uri(cls, match["scheme"].lower(), match["rest"]) if match else _at_path(cls, str(uri))
        with location._translated_errors():
            info = location._filesystem.info(location._root)
        if info["type"] != "directory":
            raise SourceError(f"{location.name} is not a folder: name the folder that holds the source files.")
        return replace(location, limits=limits)

    def exists(self, path: str) -> bool:
        """Whether a file, or anything else but a folder, has this path below the location."""
        with self._translated_errors(path):
            try:
                return bool(self._filesystem.info(self._path(path))["type"] != "directory")
            except FileNotFoundError:
                return False

    def entry(self, path: str) -> FileEntry | None:
        """Size and modification of a file, or None if it does not exist."""
        folder, _, name = path.rpartition("/")
        whole = self._path(folder) if folder else self._root
        with self._translated_errors(path):
            return local_entry(whole, name) if self._is_local else store_entry(self._filesystem, whole, name)

    def open_file(self, path: str) -> BinaryIO:
        """The file, opened for the caller to read and close; raises `SourceError` if it cannot be opened."""
        with self._translated_errors(path):
            if self._is_local:
                return _open_regular(self._path(path))
            return cast(BinaryIO, self._filesystem.open(self._path(path), "rb"))

    def read(self, path: str) -> bytes:
        """A whole file of rows, as it was at one moment; raises `SourceError` as `copy` does."""
        content = io.BytesIO()
        self.copy(path, content, self.limits.file_bytes, "CUSTOMER_ANALYTICS_MAXIMUM_FILE_MEGABYTES")
        return content.getvalue()

    def copy(self, path: str, target: BinaryIO, most: int, setting: str) -> Copied:
        """Copy the file into `target`, as it was at one moment; a file that changes meanwhile is read once more.

        Never writes more than the size of the file when it was opened, and nothing of a file of more than `most`
        bytes, a limit that `setting` raises.

        Raises:
            SourceError: The file cannot be read, is too large, or changes both times.
        """
        try:
            return self._copied(path, target, most, setting)
        except ChangedError:
            time.sleep(_SECONDS_BEFORE_RETRY)
            return self._copied(path, target, most, setting)

    def sha256(self, path: str, most: int | None = None) -> tuple[str, int]:
        """SHA-256 of the file, or of its first `most` bytes, in hexadecimal, and the number of bytes read."""
        digest, size = hashlib.sha256(), 0
        with self._translated_errors(path), self.open_file(path) as stream:
            while block := stream.read(_BLOCK_BYTES if most is None else min(_BLOCK_BYTES, most - size)):
                digest.update(block)
                size += len(block)
        return digest.hexdigest(), size

    def files_below(self, folder: str) -> Listing:
        """All files of a folder and its subfolders; empty if the folder does not exist."""
        with self._translated_errors(folder):
            if self._is_local:
                return list_local_folder(self._path(folder), self.limits.files)
            return list_store_folder(self._filesystem, self._path(folder), self.limits.files)

    def _copied(self, path: str, target: BinaryIO, most: int, setting: str) -> Copied:
        with self._translated_errors(path):
            before = self.entry(path)
            if before is None:
                raise FileNotFoundError
            if before.size > most:
                what = f"has {megabytes(before.size)}, more than the {megabytes(most)} allowed: split it, or raise"
                raise self._error(path, f"{what} {setting}.")
            target.seek(0)
            target.truncate()
            digest, missing = hashlib.sha256(), before.size
            with self._open_again(path) as stream:
                while missing >= 0 and (block := stream.read(min(_BLOCK_BYTES, missing + 1))):
                    missing -= len(block)
                    digest.update(block)
                    target.write(block)
            if missing or self.entry(path) != before:
                what = f"was changed while it was read ({before.size:,} bytes at first)"
                raise self._error(path, f"{what}: wait until it is complete.", ChangedError)
        return Copied(before, digest.hexdigest())

    def _open_again(self, path: str) -> BinaryIO:
        """The file that existed a moment ago; raises `ChangedError` if it has been removed."""
        try:
            return self.open_file(path)
        except SourceError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise self._error(path, error.what, ChangedError) from error
            raise

    @property
    def _is_local(self) -> bool:
        return isinstance(self._filesystem, LocalFileSystem)

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"

    @contextmanager
    def _translated_errors(self, path: str = "") -> Iterator[None]:
        try:
            yield
        except SourceError:
            raise
        except FileNotFoundError as error:
            raise self._error(path, "does not exist: check the path and what it should hold.") from error
        # Stores raise whatever their client libraries define, besides OSError.
        except Exception as error:
            raise self._error(path, f"cannot be read ({_reason(error)}).") from error

    def _error(self, path: str, what: str, kind: type[SourceError] = SourceError) -> SourceError:
        name = printable(f"{self.name}/{path}" if path else self.name, _LONGEST_SHOWN)
        return kind(f"{name} {what}", what=what)


def _open_regular(path: str) -> BinaryIO:
    """A local file, opened for reading; raises OSError for a pipe or device, which might never end."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(opened).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(opened, "rb")
    os.close(opened)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise OSError(errno.EINVAL, "it is a pipe or a device, and not a regular file")


def _at_path(cls: type[SourceLocation], path: str) -> SourceLocation:
    try:
        folder = os.path.realpath(Path(path).expanduser())
    except (RuntimeError, ValueError) as error:
        shown = printable(path, _LONGEST_SHOWN)
        raise SourceError(f"{shown} is not a path ({error}): give the whole path of a folder.") from error
    if re.search(":.*@", path, re.DOTALL) and not os.path.exists(folder):
        raise SourceError(
            "The source is neither an existing folder nor a URI like s3://bucket/folder: correct it, and leave "
            "credentials out."
        )
    return cls(printable(folder, _LONGEST_SHOWN), LocalFileSystem(skip_instance_cache=True), folder)


def _at_uri(cls: type[SourceLocation], scheme: str, rest: str) -> SourceLocation:
    plain = _CREDENTIALS.sub("", rest if scheme == "file" else rest.lstrip("/"))
    name = f"{scheme}://{re.split('[?#]', plain)[0]}".rstrip("/")
    if ":" in rest.removesuffix(plain):
        raise SourceError(
            f"The URI of the source {name} contains credentials: leave them out, and provide them through the "
            "environment or a profile of the store's own tools."
        )
    if scheme == "file":
        return _at_path(cls, LocalFileSystem._strip_protocol(f"file://{rest}"))
    if scheme in ("http", "https"):
        raise SourceError(
            f"{name} cannot be a source, because {scheme}:// cannot list a folder's files: download the data to a "
            "folder, or use s3://, gs:// or az://."
        )
    if scheme not in _STORES:
        raise SourceError(f"{name} cannot be a source: use a folder, file://, s3://, gs:// or az://.")
    if re.search("[?#]", rest):
        raise SourceError(f"The URI of the source {name} contains a query: leave out what follows the ? or #.")
    package, extra = _STORES[scheme]
    try:
        # Other instances' cached listings would hide new files.
        filesystem, root = fsspec.url_to_fs(
            f"{scheme}://{rest}", skip_instance_cache=True, use_listings_cache=False
        )
    except ImportError as error:
        raise SourceError(
            f"{name} needs the package {package}: pip install 'customer-analytics[{extra}]'."
        ) from error
    # Stores' constructors raise whatever their client libraries define.
    except Exception as error:
        raise SourceError(f"{name} cannot be opened ({_reason(error)}).") from error
    if not root.strip("/"):
        raise SourceError(f"{name}// lacks the bucket: name it after the //.")
    return cls(name, filesystem, root.rstrip("/"))


def _reason(error: Exception) -> str:
    """The error's message without the credentials that the address of a store in it may contain."""
    message = " ".join((getattr(error, "strerror", None) or str(error)).split())
    plain = re.sub(r"(://)[^/@\s]*@", r"\1", message)
    return f"{type(error).__name__}: {printable(plain, _LONGEST_SHOWN)}"
