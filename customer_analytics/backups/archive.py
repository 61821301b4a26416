"""The backup file: a ZIP archive of the files and a manifest with the size and SHA-256 of each."""

import errno
import hashlib
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

MANIFEST = "backup.json"
_FORMAT = "customer-analytics-backup/1"
_LARGEST_MANIFEST = 64 * 1024**2
_BLOCK_BYTES = 1 << 20
_COMPRESSED = {".opus", ".mp3", ".m4a", ".ogg", ".webm", ".flac", ".parquet", ".lance"}
# What zipfile raises for damaged archives; RuntimeError is for encrypted files.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OverflowError)
# From offsets before the beginning of the archive, and from invalid or duplicate file names.
_DAMAGED_NUMBERS = {errno.EINVAL, errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG}
OnProgress = Callable[[int, int], None]
"""Called with the megabytes that are done and their total."""


class BackupError(ValueError):
    """A backup cannot be written or used; the message says why and what to do."""


@dataclass(frozen=True)
class _File:
    size: int
    sha256: str
    modified: int  # nanoseconds; COPY INTO uses it to detect a changed staged file


def write(folder: Path, archive: Path, facts: dict[str, object], on_progress: OnProgress) -> None:
    """Write all files below a folder, and facts about them, into a new private archive."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    total, done = sum(path.stat().st_size for path in paths), 0
    written: dict[str, _File] = {}
    descriptor = os.open(archive, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w+b") as file, zipfile.ZipFile(file, "w", compresslevel=1) as packed:
        for path in paths:
            name, digest = path.relative_to(folder).as_posix(), hashlib.sha256()
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_STORED if path.suffix in _COMPRESSED else zipfile.ZIP_DEFLATED
            with path.open("rb") as source, packed.open(entry, "w", force_zip64=True) as target:
                while block := source.read(_BLOCK_BYTES):
                    digest.update(block)
                    target.write(block)
                    done += len(block)
                    on_progress(done // 10**6, total // 10**6)
                size = source.tell()
            written[name] = _File(size, digest.hexdigest(), path.stat().st_mtime_ns)
        files = {name: asdict(file) for name, file in written.items()}
        packed.writestr(MANIFEST, json.dumps({"format": _FORMAT, **facts, "files": files}))
        packed.close()
        file.flush()
        os.fsync(file.fileno())


def extract(archive: Path, folder: Path, on_progress: OnProgress) -> None:
    """Extract an archive into a new folder; raises BackupError if its content does not match the manifest."""
    try:
        with zipfile.ZipFile(archive) as packed:
            files = _manifest(packed)
            total, done = sum(file.size for file in files.values()), 0
            free = shutil.disk_usage(folder.parent).free
            if total > free:
                raise BackupError(
                    f"The files of {archive} take {total / 1024**3:.1f} GB, but {folder.parent} has only "
                    f"{free / 1024**3:.1f} GB free: free some space there."
                )
            folder.mkdir(mode=0o700)
            for name, file in files.items():
                for block_size in _extracted(packed, name, file, folder):
                    done += block_size
                    on_progress(done // 10**6, total // 10**6)
    except _DAMAGED as error:
        raise BackupError(f"{archive} is damaged or not a backup ({error}): use another copy of it.") from error
    except OSError as error:
        if error.errno not in _DAMAGED_NUMBERS:
            raise
        raise BackupError(
            f"{archive} is damaged or not a backup ({error.strerror}): use another copy of it."
        ) from error


def _manifest(packed: zipfile.ZipFile) -> dict[str, _File]:
    """The files of the manifest; raises BadZipFile unless the archive holds exactly these, once each."""
    entries = packed.infolist()
    try:
        entry = packed.getinfo(MANIFEST)
        if entry.file_size > _LARGEST_MANIFEST:
            raise ValueError("its manifest is too large")
        with packed.open(entry) as content:
            read = json.loads(content.read(_LARGEST_MANIFEST))
        if read["format"] != _FORMAT:
            raise BackupError(
                f"The backup has format {read['format']!r}, but this version reads {_FORMAT!r}: restore it with "
                "the version that wrote it."
            )
        files = {
            name: _File(int(f["size"]), str(f["sha256"]), int(f["modified"])) for name, f in read["files"].items()
        }
    except BackupError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise zipfile.BadZipFile(f"no manifest: {error}") from error
    if not files:
        raise zipfile.BadZipFile("it holds no files")
    names = [entry.filename for entry in entries if entry.filename != MANIFEST]
    if sorted(names) != sorted(files) or not all(map(_is_safe, files)) or any(f.size < 0 for f in files.values()):
        raise zipfile.BadZipFile("its files do not match its manifest")
    return files


def _is_safe(name: str) -> bool:
    """Whether a name is a relative path that stays below the folder."""
    parts = name.split("/")
    return name.isprintable() and "\\" not in name and all(part not in ("", ".", "..") for part in parts)


def _extracted(packed: zipfile.ZipFile, name: str, file: _File, folder: Path) -> Iterator[int]:
    target, digest, size = folder / name, hashlib.sha256(), 0
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        packed.open(name) as source,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new,
    ):
        # Read at most one byte more than the manifest allows, whatever size the archive claims.
        while block := source.read(min(_BLOCK_BYTES, file.size - size + 1)):
            size += len(block)
            if size > file.size:
                raise zipfile.BadZipFile(f"{name} is larger than its manifest says")
            digest.update(block)
            new.write(block)
            yield len(block)
        new.flush()
        os.fsync(new.fileno())
    if (size, digest.hexdigest()) != (file.size, file.sha256):
        raise zipfile.BadZipFile(f"{name} does not match its manifest")
    os.utime(target, ns=(file.modified, file.modified))
