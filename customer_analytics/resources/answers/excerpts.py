"""Long texts cut into pieces that a reader, or a model with room for little, takes in at once."""

import re
from collections.abc import Sequence

# After a sentence's end, or between words where a sentence does not end for long.
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORDS = re.compile(r"\s+")


def excerpts(text: str, characters: int) -> list[str]:
    """Consecutive pieces of the text, each of whole sentences as they stand there.

    No piece is longer than `characters` unless a single word is. White space at the ends is left out; a text of
    nothing else has no pieces.
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
    """Begin and end of each part between separators."""
    breaks = [(match.start(), match.end()) for match in separator.finditer(text)]
    starts = [0, *(end for _, end in breaks)]
    ends = [*(start for start, _ in breaks), len(text)]
    return list(zip(starts, ends, strict=True))


def _runs(spans: Sequence[tuple[int, int]], characters: int) -> list[tuple[int, int]]:
    """Neighbouring spans joined as long as they fit."""
    runs = [spans[0]]
    for start, end in spans[1:]:
        if end - runs[-1][0] <= characters:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs
