"""Where source data are: a local folder, or a folder of an object store named by an fsspec URI."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from customer_analytics.ingestion.listing import FileEntry, Listing, entry, list_local_folder, list_store_folder
from customer_analytics.ingestion.text import printable

_BLOCK_BYTES = 1 << 20
_LONGEST_SHOWN = 250
# Scheme -> the package that reads it and the extra of this project that brings the package.
_STORES = {
    "s3": ("s3fs", "s3"),
    "s3a": ("s3fs", "s3"),
    "gs": ("gcsfs", "gcs"),
    "gcs": ("gcsfs", "gcs"),
    "az": ("adlfs", "azure"),
    "abfs": ("adlfs", "azure"),
    "abfss": ("adlfs", "azure"),
}
# `user:password@`, where the password may hold anything, and `container@` as adlfs takes it.
_CREDENTIALS = re.compile(r"^(?:[^/@]*:.*@|[^/@]*@)", re.DOTALL)
_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)


class SourceError(Exception):
    """Source data that cannot be read for a reason that the user can mend; the message says which and how.

    Args:
        message: What is wrong, where, and what to do, in one sentence for the terminal.
        without_values: The sentence without what the data say, for logs and events that outlive an erasure; the
            message itself where it has nothing of them.
    """

    def __init__(self, message: str, without_values: str | None = None) -> None:
        super().__init__(message)
        self.without_values = without_values or message


@dataclass(frozen=True)
class SourceLocation:
    """A folder that holds the source files and the calls.

    `name` is the path or URI as shown to people: it never carries credentials.
    """

    name: str
    _filesystem: AbstractFileSystem = field(repr=False)
    _root: str = field(repr=False)

    @classmethod
    def open(cls, uri: str | Path) -> "SourceLocation":
        """The location of a folder path or a URI (file, s3, gs, az); raises `SourceError` unless it is a folder.

        Stores find their credentials where their own tools do (environment, profile, instance role); a URI that
        carries some is refused, since URIs are stored and shown.
        """
        match = _URI.fullmatch(str(uri))
        location = _at_uri(cls, match["scheme"].lower(), match["rest"]) if match else _at_path(cls, str(uri))
        with location._translated_errors():
            info = location._filesystem.info(location._root)
        if info["type"] != "directory":
            raise SourceError(f"{location.name} is not a folder: name the folder that holds the source files.")
        return location

    def exists(self, path: str) -> bool:
        """Whether there is a file of this path below the location."""
        with self._translated_errors(path):
            try:
                return bool(self._filesystem.info(self._path(path))["type"] == "file")
            except FileNotFoundError:
                return False

    def entry(self, path: str) -> FileEntry | None:
        """Size and modification of a file, or None if there is none of this path."""
        folder, _, name = path.rpartition("/")
        with self._translated_errors(path):
            return entry(self._filesystem, self._path(folder) if folder else self._root, name)

    def open_file(self, path: str) -> BinaryIO:
        """The file, to be read as bytes and closed by the caller; raises `SourceError` if it cannot be opened."""
        with self._translated_errors(path):
            return cast(BinaryIO, self._filesystem.open(self._path(path), "rb"))

    def read(self, path: str) -> bytes:
        """The whole file; raises `SourceError` if it cannot be read."""
        with self._translated_errors(path):
            return cast(bytes, self._filesystem.cat_file(self._path(path)))

    def sha256(self, path: str) -> tuple[str, int]:
        """SHA-256 of the file in hexadecimal and the number of bytes read; holds one block at a time."""
        digest, size = hashlib.sha256(), 0
        with self._translated_errors(path), self._filesystem.open(self._path(path), "rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
        return digest.hexdigest(), size

    def files_below(self, folder: str) -> Listing:
        """All files of a folder and its subfolders, freshly listed; empty where there is no such folder."""
        with self._translated_errors(folder):
            if isinstance(self._filesystem, LocalFileSystem):
                return list_local_folder(self._path(folder))
            return list_store_folder(self._filesystem, self._path(folder))

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"

    @contextmanager
    def _translated_errors(self, path: str = "") -> Iterator[None]:
        name = printable(f"{self.name}/{path}" if path else self.name, _LONGEST_SHOWN)
        try:
            yield
        except FileNotFoundError as error:
            raise SourceError(f"{name} does not exist: check the path and what it should hold.") from error
        # Stores raise whatever their client libraries define, beside OSError.
        except Exception as error:
            raise SourceError(f"{name} cannot be read ({_reason(error)}).") from error


def _at_path(cls: type[SourceLocation], path: str) -> SourceLocation:
    try:
        folder = os.path.realpath(Path(path).expanduser())
    except (RuntimeError, ValueError) as error:
        shown = printable(path, _LONGEST_SHOWN)
        raise SourceError(f"{shown} is no path ({error}): give the whole path of a folder.") from error
    return cls(printable(folder, _LONGEST_SHOWN), LocalFileSystem(skip_instance_cache=True), folder)


def _at_uri(cls: type[SourceLocation], scheme: str, rest: str) -> SourceLocation:
    plain = _CREDENTIALS.sub("", rest)
    name = f"{scheme}://{re.split('[?#]', plain)[0]}".rstrip("/")
    if ":" in rest.removesuffix(plain):
        raise SourceError(
            f"The source {name} was given with credentials in its URI: leave them out and provide them through "
            "the environment or a profile of the store's own tools."
        )
    if scheme == "file":
        return _at_path(cls, LocalFileSystem._strip_protocol(f"file://{rest}"))
    if scheme in ("http", "https"):
        raise SourceError(
            f"{name} cannot be a source, because {scheme}:// has no listing of a folder's files: download the "
            "data to a folder, or use s3://, gs:// or az://."
        )
    if scheme not in _STORES:
        raise SourceError(f"{name} cannot be a source: use a folder, file://, s3://, gs:// or az://.")
    if re.search("[?#]", rest):
        raise SourceError(
            f"The source {name} was given with a query in its URI: leave out what follows the ? or #."
        )
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
        raise SourceError(f"{name}// names no bucket: name it after the //.")
    return cls(name, filesystem, root.rstrip("/"))


def _reason(error: Exception) -> str:
    """What went wrong, without the credentials that a store's endpoint in the message may carry."""
    message = " ".join((getattr(error, "strerror", None) or str(error)).split())
    plain = re.sub(r"(://)[^/@\s]*@", r"\1", message)
    return f"{type(error).__name__}: {printable(plain, _LONGEST_SHOWN)}"
