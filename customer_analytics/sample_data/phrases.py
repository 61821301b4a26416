"""Texts from the phrases in phrases.txt."""

import re
from functools import cache
from pathlib import Path
from random import Random

_HEADING = re.compile(r"\[(.+)\]")
_PLACE = re.compile(r"\{([a-z ]+)\}|\(([^()]*\|[^()]*)\)")
# Positions where a mentioned child is "he" or "she" and not "him" or "her".
_BEFORE_SUBJECT = re.compile(r"(^|\b(and|because|that|before|now|but|how)|,) ?$")
_BEFORE_TOY = re.compile(r"\b(the|this) $")
_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou])")
_SAID_ONCE = frozenset({"praise", "blame", "neutral", "irony", "teasing"})


@cache
def _phrases() -> dict[str, tuple[str, ...]]:
    """The phrases by kind; a kind with several parts has its heading as key."""
    phrases: dict[str, list[str]] = {}
    for line in (Path(__file__).parent / "phrases.txt").read_text(encoding="utf-8").splitlines():
        if heading := _HEADING.fullmatch(line):
            current = phrases.setdefault(heading[1], [])
        elif line and not line.startswith("# "):
            current.append(line)
    return {kind: tuple(lines) for kind, lines in phrases.items()}


@cache
def _kept_kinds() -> list[tuple[list[str], list[list[str]]]]:
    """The part names of each kind with several parts, and its phrases by part."""
    kinds = _phrases().items()
    return [(kind.split(" / "), [line.split(" / ") for line in lines]) for kind, lines in kinds if " / " in kind]


class Writer:
    """Writes one comment: without repetition, and about one toy and one child."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._said: set[str] = set()
        self._kept: dict[str, str] = {}
        self._mentioned: set[str] = set()
        for names, choices in _kept_kinds():
            self._kept |= zip(names, random.choice(choices), strict=True)

    def say(self, kind: str) -> str:
        """A phrase of this kind with its placeholders filled."""
        phrases = _phrases()[kind]
        phrase = self._random.choice(phrases)
        while phrase in self._said:
            phrase = self._random.choice(phrases)
        if kind in _SAID_ONCE:
            self._said.add(phrase)
        return self._filled(phrase)

    def _filled(self, phrase: str) -> str:
        while place := _PLACE.search(phrase):
            name, alternatives = place.groups()
            before, after = phrase[: place.start()], phrase[place.end() :]
            if name == "child" and name in self._mentioned:
                words = self._kept["he" if _BEFORE_SUBJECT.search(before) else "him"]
            elif name == "toy" and name in self._mentioned and _BEFORE_TOY.search(before):
                before, words = _BEFORE_TOY.sub("", before), "it"
            elif name in self._kept:
                words = self._kept[name]
                self._mentioned.add(name)
            else:
                words = self.say(name) if name else self._random.choice(alternatives.split("|"))
            phrase = before + words + after
        return _BEFORE_VOWEL.sub(r"\1n ", phrase)
