"""LanceDB's errors about damaged files and a full disk as sentences."""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from customer_analytics.damage import damaged

Method = TypeVar("Method", bound=Callable[..., Any])
_FULL = re.compile(r"No space left on device|os error 28|File too large|Disk quota exceeded")
_DAMAGED = re.compile(
    r"LanceError\(IO\)|lance error: Not found|column metadata|Invalid input, .*(?:bytes|file)|Corrupt|"
    r"failed to decode|decompress|Protobuf"
)


def reporting_damage(method: Method) -> Method:
    """Decorate a method of a store with a `path` so that its errors name the folder and the remedy."""
    if inspect.isgeneratorfunction(method):

        @wraps(method)
        def batches(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            with _translated(self.path):
                yield from method(self, *args, **kwargs)

        return batches  # type: ignore[return-value]

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _translated(self.path):
            return method(self, *args, **kwargs)

    return call  # type: ignore[return-value]


@contextmanager
def _translated(folder: str) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        text = str(error)
        if _FULL.search(text):
            raise OSError(f"The disk of {folder} is full: free some space there and try again.") from error
        if isinstance(error, OSError) or not _DAMAGED.search(text):
            raise
        # Without the positions in LanceDB's own source code.
        raise damaged(f"A table in {folder}", text.split(", /")[0].split("\n")[0]) from None
