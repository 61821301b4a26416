"""The files of a version and their hashes, in the format that all registries use."""

import hashlib
import io
import json
import re
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from customer_analytics.ports.registry.base import DamagedModelError, ModelVersion, StoredModel

BOOSTER, OUT_OF_FOLD, MANIFEST = "booster.txt", "out_of_fold.parquet", "manifest.json"
# Names are part of stage paths, which take no bind parameters, and of names in Snowflake's registry.
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def require_identifiers(*names: str) -> None:
    """Raise ValueError for an invalid name."""
    for name in names:
        if not _IDENTIFIER.fullmatch(name):
            raise ValueError(
                f"{name!r} is not a valid name for a model or version: use letters, digits and underscores, and "
                "start with a letter or an underscore."
            )


def files_of(model: StoredModel) -> dict[str, bytes]:
    """The files of a version by name."""
    out_of_fold = io.BytesIO()
    pq.write_table(model.out_of_fold, out_of_fold)
    return {BOOSTER: model.booster.encode(), OUT_OF_FOLD: out_of_fold.getvalue()}


def manifest_of(info: ModelVersion, files: dict[str, bytes]) -> str:
    """A version and the hashes of its files, as JSON."""
    return as_json(asdict(info) | {"files": {name: sha256(content) for name, content in files.items()}})


def check(
    files: dict[str, bytes], expected: dict[str, str], location: str, remedy: str = "train the model again"
) -> None:
    """Raise DamagedModelError if a file is missing or has another hash than expected."""
    for name, digest in expected.items():
        if name not in files:
            raise DamagedModelError(f"{location}{name} is missing; {remedy} to restore it.")
        if sha256(files[name]) != digest:
            raise DamagedModelError(
                f"{location}{name} is damaged (its SHA-256 is {sha256(files[name])}, not {digest}); "
                f"{remedy} to restore it."
            )


def model_of(info: ModelVersion, files: dict[str, bytes]) -> StoredModel:
    """A version with its contents."""
    return StoredModel(info, files[BOOSTER].decode(), pq.read_table(pa.BufferReader(files[OUT_OF_FOLD])))


def absent(registry: str, model_name: str, version: str | None, versions: list[str]) -> LookupError:
    """The error for a missing version."""
    wanted = "default version" if version is None else f"version {version!r}"
    return LookupError(
        f"{registry} has no {wanted} of {model_name!r} (versions: {', '.join(versions) or 'none'}); train the "
        "model first."
    )


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def as_json(value: Any) -> str:
    """Canonical JSON: equal values give equal texts."""
    return json.dumps(value, sort_keys=True)
