"""Typed columns of Parquet files as the values they stand for."""

import io
import struct
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer_analytics.ingestion.files import SourceFile
from customer_analytics.ingestion.load import LoadedFile, parse_file
from customer_analytics.ingestion.location import SourceError
from customer_analytics.tables import Column, SqlType, Table
from customer_analytics.tables.model import identifier

TABLES = {
    "id": identifier("V", "An id.", nullable=True),
    "label": Column("V", SqlType.INTEGER, "A label.", accepted=(0, 1)),
    "cents": Column("V", SqlType.INTEGER, "A number."),
    "amount": Column("V", SqlType.AMOUNT, "An amount."),
    "day": Column("V", SqlType.DATE, "A day."),
    "moment": Column("V", SqlType.TIMESTAMP, "A moment."),
}


def load(kind: str, values: pa.Array, **options: Any) -> LoadedFile:
    file = io.BytesIO()
    pq.write_table(pa.table({" v ": values}), file, **options)
    return parse_file(SourceFile("v.parquet", Table("V", "Values.", (TABLES[kind],))), file.getvalue())


def loaded(kind: str, values: pa.Array, **options: Any) -> list[Any]:
    file = load(kind, values, **options)
    assert file.rejected.num_rows == 0, file.rejected["REASON"].to_pylist()
    return file.rows["V"].to_pylist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([7, -1, None], pa.int8()), ["7", "-1", None]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([9000000000000000001]), ["9000000000000000001"]),
        (pa.array([1.0, 12345678901.0, 2.0**52, -0.0]), ["1", "12345678901", "4503599627370496", "0"]),
        (pa.array([None, float("nan"), 2.0**53 - 1]), [None, None, "9007199254740991"]),
        (pa.array([7.0, 2.0**24 - 1], pa.float32()), ["7", "16777215"]),
        (pa.array([7.0], pa.float16()), ["7"]),
        (pa.array([Decimal("7.00"), None]), ["7", None]),
        (pa.array([Decimal(10) ** 30], pa.decimal128(38, 0)), ["1" + "0" * 30]),
        (pa.array(["7.0", "007", " x "]), ["7.0", "007", "x"]),
        (pa.array(["a", None], pa.large_string()), ["a", None]),
        (pa.array(["a", None], pa.string_view()), ["a", None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([b"a"]), ["a"]),
        (pa.array([uuid.UUID(int=7).bytes, None], pa.uuid()), [str(uuid.UUID(int=7)), None]),
        (pa.nulls(1), [None]),
    ],
)
def test_ids_have_one_form(values: pa.Array, expected: list[str | None]):
    assert loaded("id", values) == expected


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (pa.array([7.5, 2.0]), "7.5"),
        (pa.array([2.0**53, 2.0]), "9.007199254740992e+15"),
        (pa.array([float("inf"), 2.0]), "inf"),
        (pa.array([2.0**24, 2.0], pa.float32()), "16777216"),
        (pa.array([Decimal("7.50"), Decimal("2.00")]), "7.50"),
    ],
)
def test_a_number_that_is_no_id_is_rejected(values: pa.Array, shown: str):
    file = load("id", values)
    words = "is a fraction, or a number too large for its type to be an id"
    assert file.rows["V"].to_pylist() == ["2"]
    assert file.rejected.select(["LINE", "REASON", "RULE"]).to_pylist() == [
        {"LINE": 1, "REASON": f"V '{shown}' {words}", "RULE": f"V {words}"}
    ]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([True]),
        pa.array([date(2020, 1, 1)]),
        pa.array([datetime(2020, 1, 1)]),
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([1], pa.duration("us")),
    ],
)
def test_a_file_with_ids_of_another_type_is_refused(values: pa.Array):
    with pytest.raises(SourceError, match=r"^v\.parquet has .+ in V: write ids as text or as whole numbers\.$"):
        load("id", values)


def test_labels_may_be_whole_floats_and_booleans():
    assert loaded("label", pa.array([1.0, 0.0, None])) == [1, 0, None]
    assert loaded("label", pa.array([True, False])) == [1, 0]
    assert load("label", pa.array([0.5])).rejected["REASON"].to_pylist() == ["V '0.5' is not a whole number"]


def test_amounts_lose_the_noise_of_floats_and_nothing_else():
    noisy = pa.array([10.1, 0.1 + 0.2, 19.99 * 3, 1e9 - 0.01, -5.0, float("nan")])
    assert loaded("amount", noisy) == [
        *(Decimal(text) for text in ("10.10", "0.30", "59.97", "999999999.99", "-5.00")),
        None,
    ]
    assert loaded("amount", pa.array([10.1, 123456.75], pa.float32())) == [Decimal("10.10"), Decimal("123456.75")]
    assert loaded("amount", pa.array([10, -3])) == [Decimal("10.00"), Decimal("-3.00")]
    assert loaded("amount", pa.array([Decimal("10.5")], pa.decimal128(38, 18))) == [Decimal("10.50")]
    assert loaded("cents", pa.array([19.99 * 100, 1e11])) == [1999, 10**11]
    assert loaded("cents", pa.array([Decimal("7")], pa.decimal128(38, 18))) == [7]
    refused = load("amount", pa.array([1.005, 1e10, float("inf")])).rejected["REASON"].to_pylist()
    assert refused == [
        "V '1.005' has more than two decimals",
        "V '10000000000.00' is beyond 1,000,000,000",
        "V 'inf' is not an amount (such as 10.50)",
    ]


def test_moments_of_any_unit_and_zone_are_in_utc_and_days_in_their_zone():
    nine = datetime(2025, 3, 11, 9)
    for unit in ("s", "ms", "us", "ns"):
        assert loaded("moment", pa.array([nine], pa.timestamp(unit))) == [nine]
        assert loaded("moment", pa.array([nine], pa.timestamp(unit, "Europe/Berlin"))) == [nine]
    midnight_in_berlin = pa.array([datetime(2025, 3, 10, 23)], pa.timestamp("us", "Europe/Berlin"))
    assert loaded("day", midnight_in_berlin) == [date(2025, 3, 11)]
    assert loaded("moment", pa.array([1_234_567_891], pa.timestamp("ns"))) == [
        datetime(1970, 1, 1, 0, 0, 1, 234_567)
    ]


def test_int96_moments_are_read_in_microseconds():
    moments = [datetime(1901, 1, 1), datetime(2259, 12, 31, 23, 59, 59, 999_999)]
    values = pa.array([*moments, datetime(2500, 1, 1)], pa.timestamp("us"))
    file = load("moment", values, use_deprecated_int96_timestamps=True)
    assert file.rows["V"].to_pylist() == moments
    assert file.rejected["RULE"].to_pylist() == ["V is not in the years 1900 to 2260"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("moment", pa.array([2**62, -(2**62)], pa.timestamp("us"))),
        ("moment", pa.array([2**62, -(2**62)], pa.timestamp("us", "UTC"))),
        ("moment", pa.array([2**63 - 1, -(2**63)], pa.timestamp("ns"))),
        ("moment", pa.array([2**50], pa.timestamp("ms"))),
        ("day", pa.array([2**31 - 1, -(2**31)], pa.date32())),
    ],
)
def test_moments_beyond_all_calendars_are_rejected(kind: str, values: pa.Array):
    file = load(kind, values)
    assert (file.rows.num_rows, file.rejected.num_rows) == (0, len(values))


def test_a_flipped_bit_refuses_a_file_with_checksums():
    file = io.BytesIO()
    table = pa.table({"v": list(range(1000, 1010))})
    pq.write_table(table, file, write_page_checksum=True, compression="none", use_dictionary=False)
    content = bytearray(file.getvalue())
    content[content.find(struct.pack("<q", 1002))] ^= 1
    with pytest.raises(SourceError, match=r"^v\.parquet is not a Parquet file, or is damaged \(.*CRC"):
        parse_file(SourceFile("v.parquet", Table("V", "Values.", (TABLES["id"],))), bytes(content))
