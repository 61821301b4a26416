"""What the names of calls say: the customer, and the moment of the call."""

import time
from datetime import datetime

import pytest

from customer_analytics.ingestion.call_names import CallName, check_pattern, customer_of, read_name

DAY = datetime(2020, 1, 31)
GERMAN = r"(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4})(?: (?P<hour>\d\d)h(?P<minute>\d\d))?"


@pytest.mark.parametrize(
    ("name", "customer"),
    [
        ("8-01.mp3", "8"),
        ("008-1.mp3", "008"),
        ("8-0001.MP3", "8"),
        ("CF-00105-02.wav", "CF-00105"),
        ("cus_9s6X-1.mp3", "cus_9s6X"),
        ("9223372036854775808-01.mp3", "9223372036854775808"),
        ("1202001310000000000-01.mp3", "1202001310000000000"),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301-01.mp3", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
        ("20200131-4f89-11d3-9a0c-0305e82c3301-01.mp3", "20200131-4f89-11d3-9a0c-0305e82c3301"),
        ("20200131-01.mp3", "20200131"),
        ("x20200131-01.mp3", "x20200131"),
        ("8-00001.mp3", None),
        ("20200131.mp3", None),
        ("8.mp3", None),
        ("8-01", None),
        ("8-01.backup.mp3", None),
        ("8-a.mp3", None),
        (" -01.mp3", None),
        ("8-01 .mp3", None),
        (".mp3", None),
        ("", None),
    ],
)
def test_a_name_without_a_date_is_the_customer_and_a_number_of_at_most_four_digits(
    name: str, customer: str | None
) -> None:
    assert read_name(name) == CallName(customer)


@pytest.mark.parametrize(
    ("name", "customer"),
    [
        ("51-2020-01-31.mp3", "51"),
        ("51-20200131.mp3", "51"),
        ("51-02-20200131.mp3", "51"),
        ("51-2020-01-31-02.mp3", "51"),
        ("51_2020-01-31_02.mp3", "51"),
        ("51-20200131-1405.mp3", "51"),  # four digits number the call
        ("2020-01-31-51-02.mp3", "51"),
        ("2020-01-31_51-02.mp3", "51"),
        ("20200131_51-02.mp3", "51"),
        ("51-02 (2020-01-31).mp3", "51"),
        ("51 - 2020-01-31.mp3", "51"),
        ("51-2020-01-31 (1).mp3", "51"),  # as browsers name a copy
        ("CF-00105-2020-01-31.mp3", "CF-00105"),
        ("CF-00105-02-2020-01-31.mp3", "CF-00105"),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301-2020-01-31.mp3", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
        ("20190101-20200131.mp3", "20190101"),
        ("2020-01-31.mp3", None),
    ],
)
def test_a_date_is_taken_out_and_what_remains_is_the_customer(name: str, customer: str | None) -> None:
    assert read_name(name) == CallName(customer, DAY)


@pytest.mark.parametrize(
    ("name", "customer", "moment"),
    [
        ("51-2020-01-31T14-05-09.mp3", "51", DAY.replace(hour=14, minute=5, second=9)),
        ("51-02_2020-01-31_14-05.mp3", "51", DAY.replace(hour=14, minute=5)),
        ("51 2020-01-31 14.05.mp3", "51", DAY.replace(hour=14, minute=5)),
        ("51-20200131-140509.mp3", "51", DAY.replace(hour=14, minute=5, second=9)),
        ("51-2020-01-31-140509.mp3", "51", DAY.replace(hour=14, minute=5, second=9)),
        ("51_2020-01-31_140509.mp3", "51", DAY.replace(hour=14, minute=5, second=9)),
        ("51-2020-01-31-14-05.mp3", "51", DAY.replace(hour=14, minute=5)),
        ("CF-7-2020-01-31-14-05-09-02.mp3", "CF-7", DAY.replace(hour=14, minute=5, second=9)),
        ("51-2020-01-31T14:05:09+01:00.mp3", "51", DAY.replace(hour=13, minute=5, second=9)),
        ("51-2020-01-31T14:05:09-05:30-02.mp3", "51", DAY.replace(hour=19, minute=35, second=9)),
        ("2020-01-31-14-02.mp3", "14", DAY),  # a customer and a number, since no customer is before the date
        ("20200131T140509Z-51-02.mp3", "51", DAY.replace(hour=14, minute=5, second=9)),
        ("51-20200131t1405.mp3", "51", DAY.replace(hour=14, minute=5)),
        ("2020-01-31_14-05.mp3", None, DAY.replace(hour=14, minute=5)),
        ("20200131-140509.mp3", None, DAY.replace(hour=14, minute=5, second=9)),
    ],
)
def test_a_time_may_follow_the_date(name: str, customer: str | None, moment: datetime) -> None:
    assert read_name(name) == CallName(customer, moment)


@pytest.mark.parametrize("name", ["51-20201345.mp3", "51-20200230.mp3", "51-18991231.mp3", "51-22610101.mp3"])
def test_what_the_calendar_or_the_years_do_not_have_is_no_date(name: str) -> None:
    assert read_name(name) == CallName(None)


@pytest.mark.parametrize(
    "name", ["51-2020-01-31T.mp3", "51-1202001312.mp3", "51-a2020-01-31.mp3", "51-2020-1-31.mp3"]
)
def test_a_date_stands_apart_from_other_letters_and_digits(name: str) -> None:
    assert read_name(name).called_at is None


def test_the_customer_of_a_path_is_in_its_base_name() -> None:
    assert customer_of("2019-01-01/7-01/51-2020-01-31.mp3") == "51"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("51-02_31.01.2020.mp3", CallName("51", DAY)),
        ("31.01.2020 14h05_51.mp3", CallName("51", DAY.replace(hour=14, minute=5))),
        ("51-02.mp3", CallName("51")),
        ("51-02_31.13.2020.mp3", CallName(None)),
        ("51-2020-01-31.mp3", CallName("51-2020-01")),  # the pattern takes the place of the default forms
        ("31.01.2020.mp3", CallName(None, DAY)),
    ],
)
def test_the_users_pattern_finds_the_date(name: str, expected: CallName) -> None:
    check_pattern(GERMAN)
    assert read_name(name, GERMAN) == expected


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?P<year>\d{4}", "is no regular expression that RE2 takes .*missing"),
        (r"(?<=a)(?P<year>\d{4})", "is no regular expression that RE2 takes .*invalid perl operator"),
        (r"(\d)(?P<year>\d{4})", "without a name"),
        (r"(?P<year>\d{4})", "lacks the named groups month, day"),
        (r"(?P<day>1)(?P<month>1)(?P<year>1)|(?P<year>2)", "has the named group year twice"),
        (r"(?P<day>1)(?P<month>1)(?P<year>1)(?P<agent>1)", "has the named group agent, which is none of year"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_pattern(pattern)


def test_no_pattern_takes_long() -> None:
    pattern = r"(?:a+)+(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    check_pattern(pattern)
    began = time.process_time()
    for stem in ("a" * 250, "1-" * 120, "2020-01-" * 30, "20200131" * 30):
        read_name(f"{stem}.mp3", pattern)
        read_name(f"{stem}.mp3")
    assert time.process_time() - began < 0.5
