"""Validation of objects and queries, the same in every store."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ports.vectors.collection import Collection, Where

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def valid_rows(collection: Collection, rows: pa.Table) -> tuple[pa.Table, tuple[str, ...]]:
    """The valid rows in the collection's types, and why each of the others is invalid.

    Raises:
        ValueError: If the columns are not those of the collection or a property is of another type.
    """
    schema = collection.arrow_schema
    if sorted(rows.column_names) != sorted(schema.names):
        raise ValueError(
            f"{collection.name} takes rows of {', '.join(schema.names)}, not of {', '.join(rows.column_names)}."
        )
    vectors = rows["vector"].combine_chunks()
    lengths = pc.list_value_length(vectors).fill_null(-1).to_numpy(zero_copy_only=False)
    fits = lengths == collection.dimensions
    matrix = _matrix(vectors.filter(pa.array(fits)), collection.dimensions)
    usable = fits.copy()
    usable[fits] = _have_direction(matrix)

    valid = np.zeros(rows.num_rows, dtype=bool)
    failed: list[str] = []
    seen: set[str] = set()
    identities = zip(rows["id"].to_pylist(), rows["text_hash"].to_pylist(), strict=True)
    for row, (id, text_hash) in enumerate(identities):
        if not isinstance(id, str) or not _UUID.fullmatch(id):
            failed.append(f"{id!r} is not a UUID in lower case with hyphens")
        elif id in seen:
            failed.append(f"{id} occurs more than once among the rows")
        elif text_hash is None:
            failed.append(f"{id} has no text hash")
        elif lengths[row] < 0:
            failed.append(f"{id} has no vector")
        elif not fits[row]:
            failed.append(f"{id} has a vector of {lengths[row]} dimensions, not {collection.dimensions}")
        elif not usable[row]:
            failed.append(f"{id} has a vector that is zero or not finite")
        else:
            valid[row] = True
        seen.add(id)

    vector = pa.FixedSizeListArray.from_arrays(pa.array(matrix[valid[fits]].ravel()), collection.dimensions)
    others = rows.filter(pa.array(valid)).select([name for name in schema.names if name != "vector"])
    return others.append_column("vector", vector).select(schema.names).cast(schema), tuple(failed)


def object_ids(ids: Iterable[Any]) -> list[str]:
    """The distinct ids that an object can have."""
    return [id for id in dict.fromkeys(ids) if isinstance(id, str) and _UUID.fullmatch(id)]


def valid_query(collection: Collection, vector: npt.NDArray[np.float32], limit: int) -> npt.NDArray[np.float32]:
    """The vector as float32; ValueError if the vector or the limit is invalid."""
    query = np.asarray(vector, dtype=np.float32)
    if query.shape != (collection.dimensions,) or not _have_direction(query[np.newaxis])[0]:
        raise ValueError(
            f"Search {collection.name} with a finite vector other than zero of shape "
            f"({collection.dimensions},), not with {query} of shape {query.shape}."
        )
    if limit < 1:
        raise ValueError(f"Search {collection.name} for at least one object, not for {limit}.")
    return query


def valid_where(collection: Collection, where: Where | None) -> dict[str, list[Any]]:
    """The values by column in the column's type; ValueError if a column or a value does not fit."""
    schema = collection.arrow_schema
    valid = {}
    for column, values in (where or {}).items():
        if column not in schema.names or column == "vector":
            raise ValueError(
                f"{collection.name} cannot be filtered by {column!r}, only by one of: "
                f"{', '.join(name for name in schema.names if name != 'vector')}."
            )
        kind = schema.field(column).type
        try:
            valid[column] = pa.array(list(values), kind).to_pylist()
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ValueError(f"{column} of {collection.name} is of type {kind}: {error}.") from error
    return valid


def _matrix(vectors: pa.Array, dimensions: int) -> npt.NDArray[np.float32]:
    values = pc.list_flatten(vectors).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):  # values beyond float32 become infinite and are rejected
        matrix: npt.NDArray[np.float32] = values.astype(np.float32, copy=False).reshape(-1, dimensions)
    return matrix


def _have_direction(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Whether each row's length is a positive finite float32, as a cosine requires."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares: npt.NDArray[np.float32] = np.einsum("ij,ij->i", matrix, matrix)
    return np.isfinite(squares) & (squares > 0)
