"""Long lists of values, page by page."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Value = TypeVar("Value")
_VALUES_A_PAGE = 1_000  # as many as a statement or request may well name


def pages_of(values: Iterable[Value]) -> Iterator[list[Value]]:
    """The values in pages of bounded length, each value once."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), _VALUES_A_PAGE):
        yield distinct[start : start + _VALUES_A_PAGE]
