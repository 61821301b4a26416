"""Splitting of long texts into excerpts for readers, and for models with a small context."""

import re
from collections.abc import Sequence

# Between sentences, or between words within a long sentence.
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORDS = re.compile(r"\s+")


def excerpts(text: str, characters: int) -> list[str]:
    """Consecutive excerpts of the text, each of whole sentences where possible.

    No excerpt is longer than `characters`, except for a single longer word. Surrounding white space is removed; a
    blank text has no excerpts.
    """
    stripped = text.strip()
    if len(stripped) <= characters:
        return [stripped] if stripped else []
    pieces = []
    for start, end in _runs(_spans(stripped, _SENTENCE), characters):
        if end - start <= characters:
            pieces.append(stripped[start:end])
            continue
        words = [(start + a, start + b) for a, b in _spans(stripped[start:end], _WORDS)]
        pieces += [stripped[a:b] for a, b in _runs(words, characters)]
    return pieces


def _spans(text: str, separator: re.Pattern[str]) -> list[tuple[int, int]]:
    """Start and end of each part between separators."""
    breaks = [(match.start(), match.end()) for match in separator.finditer(text)]
    starts = [0, *(end for _, end in breaks)]
    ends = [*(start for start, _ in breaks), len(text)]
    return list(zip(starts, ends, strict=True))


def _runs(spans: Sequence[tuple[int, int]], characters: int) -> list[tuple[int, int]]:
    """Adjacent spans, joined up to the length."""
    runs = [spans[0]]
    for start, end in spans[1:]:
        if end - runs[-1][0] <= characters:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs
