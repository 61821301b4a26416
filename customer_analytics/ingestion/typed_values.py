"""Columns of typed files (Parquet) as text, from which all columns are parsed.

Floating-point numbers are inexact, so the number that they stand for is written: an id or a whole number as `7`
and not `7.0`, an amount with two decimals if the difference is no more than rounding error (59.849999999999994
is 59.85). NaN is null. Moments with a zone are written in UTC or, for a column of dates, in their zone, where
the day begins at midnight.
"""

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.tables import Column, SqlType

# Relative error after some hundred operations with 64-bit floating-point numbers.
_NOISE = 1e-13
_DECIMALS = {SqlType.INTEGER: 0, SqlType.AMOUNT: 2}
# Mantissa bits: a type holds every whole number below two to this power.
_EXACT_BITS = {pa.float16(): 11, pa.float32(): 24, pa.float64(): 53}


def names_things(type_: pa.DataType) -> bool:
    """Whether ids may be of this type: text, bytes, UUIDs and numbers."""
    kind = type_.value_type if pa.types.is_dictionary(type_) else _stored(type_)
    others = (
        pa.types.is_fixed_size_binary,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_null,
    )
    return is_text(kind) or any(is_one(kind) for is_one in others)


def is_text(type_: pa.DataType) -> bool:
    """Whether values of this type are texts or bytes of any length."""
    return type_ in (
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.binary_view(),
    )


def as_texts(column: Column, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray | None]:
    """The values as text, and for a column of ids, which values are numbers that cannot be ids (or None).

    Raises:
        pyarrow.ArrowException: The values are nested, or of an unknown time zone.
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
    # Unsafe only in that bytes need not be UTF-8; rows with such bytes are rejected later.
    return values.cast(pa.string(), safe=False), None


def _stored(type_: pa.DataType) -> pa.DataType:
    return type_.storage_type if isinstance(type_, pa.BaseExtensionType) else type_


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values without dictionary and without extension type; UUIDs as text."""
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
    # The shortest text of a 32-bit number is the number that it stands for; cast to 64 bits it would have noise.
    numbers = values if values.type == pa.float64() else texts.cast(pa.float64())
    rounded = pc.round(numbers, decimals)
    noise = pc.less_equal(pc.abs(pc.subtract(numbers, rounded)), pc.multiply(pc.abs(numbers), _NOISE))
    known = pc.and_(noise, pc.less(pc.abs(numbers), 2.0**53))
    plain = pc.if_else(known, rounded, None).cast(pa.decimal128(38, decimals)).cast(pa.string())
    return pc.coalesce(plain, texts)


def _double(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.cast(pa.float64())
