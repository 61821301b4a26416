"""What is wrong with rows, with the values that are wrong and without them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with some rows.

    `rule` names it without any value of the data. `rows` has the positions of the rows, ascending from 0, and
    `reasons` makes the same sentence for each of them, with its values.
    """

    rule: str
    rows: npt.NDArray[np.int64]
    reasons: Callable[[], Sequence[str]]


def faults_where(broken: pa.ChunkedArray, *parts: str | pa.ChunkedArray) -> list[Fault]:
    """The fault of the rows where the condition holds; none where it holds nowhere.

    Its sentence is made of the parts: words, and columns whose values are shown. A column must have a value in
    every broken row.
    """
    rows = pc.indices_nonzero(broken).to_numpy().astype(np.int64)
    if not len(rows):
        return []

    def reasons() -> list[str]:
        shown = [[part] * len(rows) if isinstance(part, str) else quoted(part.take(rows)) for part in parts]
        return ["".join(sentence) for sentence in zip(*shown, strict=True)]

    words = "".join(part for part in parts if isinstance(part, str))
    return [Fault(" ".join(words.split()), rows, reasons)]


def quoted(values: pa.Array | pa.ChunkedArray) -> list[str]:
    """Values as they are shown in a sentence: in quotes, at most 40 characters, all of which are visible."""
    start = pc.utf8_slice_codeunits(values.cast(pa.string()), 0, _SHOWN_CHARACTERS + 1)
    visible = pc.replace_substring_regex(start, r"[\p{C}\p{Z}]", " ").to_pylist()
    return [f"'{_cut(text)}'" for text in visible]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
