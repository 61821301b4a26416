"""The contents of a version as files with their hashes, as every registry keeps them."""

import hashlib
import io
import json
import re
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from customer_analytics.resources.registry.base import DamagedModelError, ModelVersion, StoredModel

BOOSTER, OUT_OF_FOLD, MANIFEST = "booster.txt", "out_of_fold.parquet", "manifest.json"
# Part of stage paths, which take no bind parameters, and the form of names in Snowflake's own registry.
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def require_identifiers(*names: str) -> None:
    """Raise ValueError for a name that no registry takes."""
    for name in names:
        if not _IDENTIFIER.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot name a model or a version; use letters, digits and underscores, and begin "
                "with a letter or an underscore."
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
    """Raise DamagedModelError where a file is missing or is not the one with the expected hash."""
    for name, digest in expected.items():
        if name not in files:
            raise DamagedModelError(f"{location}{name} is missing; {remedy} to write it anew.")
        if sha256(files[name]) != digest:
            raise DamagedModelError(
                f"{location}{name} is not what was logged (its SHA-256 is {sha256(files[name])}, not {digest}); "
                f"{remedy} to write it anew."
            )


def model_of(info: ModelVersion, files: dict[str, bytes]) -> StoredModel:
    """A version with its contents."""
    return StoredModel(info, files[BOOSTER].decode(), pq.read_table(pa.BufferReader(files[OUT_OF_FOLD])))


def absent(registry: str, model_name: str, version: str | None, versions: list[str]) -> LookupError:
    """The error of a version that is not there."""
    wanted = "default version" if version is None else f"version {version!r}"
    return LookupError(
        f"{registry} has no {wanted} of {model_name!r} (versions: {', '.join(versions) or 'none'}); train the "
        "model first."
    )


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def as_json(value: Any) -> str:
    """JSON in which equal values are equal texts."""
    return json.dumps(value, sort_keys=True)
