"""Columns of typed files (Parquet) written as text, from which all columns are read.

Floating-point numbers are not exact, so they are written as what they stand for: an id or a whole number `7` and
not `7.0`, an amount with two decimals where it differs from it by no more than the noise of its arithmetic
(59.849999999999994 is 59.85). NaN says nothing, like null. Moments that carry a zone are written in UTC; for a
column of dates in their own zone, where a day begins at midnight.
"""

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.tables import Column, SqlType

# Relative error that some hundred operations with 64-bit floating-point numbers may leave.
_NOISE = 1e-13
_DECIMALS = {SqlType.INTEGER: 0, SqlType.AMOUNT: 2}
# Bits with which a type holds every whole number below two to their power.
_EXACT_BITS = {pa.float16(): 11, pa.float32(): 24, pa.float64(): 53}


def names_things(type_: pa.DataType) -> bool:
    """Whether ids may be of this type: text, bytes, UUIDs and numbers."""
    kind = type_.value_type if pa.types.is_dictionary(type_) else _stored(type_)
    texts = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
        pa.types.is_fixed_size_binary,
    )
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return any(is_one(kind) for is_one in (*texts, *numbers))


def as_texts(column: Column, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray | None]:
    """The values as text, null where they say nothing, and which are numbers that cannot be ids; None if none may.

    Raises:
        pyarrow.ArrowException: The values are nested, or of a time zone that nobody knows.
    """
    values = _plain(values)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(_double(values)), pa.scalar(None, values.type), values)
    if column.identifier:
        return _ids(values)
    if pa.types.is_floating(values.type) and column.type in _DECIMALS:
        return _without_noise(values, _DECIMALS[column.type]), None
    if pa.types.is_decimal(values.type):
        return pc.replace_substring_regex(values.cast(pa.string()), r"(\.[0-9]{2})0+$", r"\1"), None
    if pa.types.is_timestamp(values.type) and values.type.tz and column.type is not SqlType.DATE:
        values = values.cast(pa.timestamp(values.type.unit, "UTC"))
    # Unsafe only in that bytes need not be UTF-8: these are found, and their rows refused, afterwards.
    return values.cast(pa.string(), safe=False), None


def _stored(type_: pa.DataType) -> pa.DataType:
    return type_.storage_type if isinstance(type_, pa.BaseExtensionType) else type_


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values without dictionary and without a type of an extension; UUIDs are their text."""
    if isinstance(values.type, pa.UuidType):
        return pa.chunked_array([[value and str(value) for value in values.to_pylist()]], pa.string())
    if isinstance(values.type, pa.BaseExtensionType):
        return values.cast(values.type.storage_type)
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def _ids(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray | None]:
    texts = values.cast(pa.string(), safe=False)
    if pa.types.is_floating(values.type):
        numbers = _double(values)
        small = pc.less(pc.abs(numbers), 2.0 ** _EXACT_BITS[values.type])
        exact = pc.and_(small, pc.equal(numbers, pc.trunc(numbers)))
        whole = pc.if_else(exact, numbers, None).cast(pa.int64()).cast(pa.string())
    elif pa.types.is_decimal(values.type):
        exact = pc.match_substring_regex(texts, r"^-?[0-9]+(?:\.0+)?$")
        whole = pc.replace_substring_regex(texts, r"\.0+$", "")
    else:
        return texts, None
    return pc.if_else(exact, whole, texts), pc.invert(exact)


def _without_noise(values: pa.ChunkedArray, decimals: int) -> pa.ChunkedArray:
    texts = values.cast(pa.string())
    # The shortest text of a number of 32 bits is what it stands for; as one of 64 bits it would have noise.
    numbers = values if values.type == pa.float64() else texts.cast(pa.float64())
    rounded = pc.round(numbers, decimals)
    noise = pc.less_equal(pc.abs(pc.subtract(numbers, rounded)), pc.multiply(pc.abs(numbers), _NOISE))
    known = pc.and_(noise, pc.less(pc.abs(numbers), 2.0**53))
    plain = pc.if_else(known, rounded, None).cast(pa.decimal128(38, decimals)).cast(pa.string())
    return pc.coalesce(plain, texts)


def _double(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.cast(pa.float64())
