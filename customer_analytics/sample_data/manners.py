"""Typing styles of comments."""

import re
from random import Random

from customer_analytics.sample_data.phrases import Writer

_MANNERS = ("careful", "loud", "lower", "breathless", "trailing")
_WEIGHTS = (50, 14, 16, 12, 8)
_STOPS = {"loud": "!", "breathless": ",", "trailing": "..."}
_QUESTION = re.compile(r"(does|is the|has anyone|anyone else|where|can i|what are|who would)\b")


def typed(sentences: list[str], feeling: str, writer: Writer, random: Random) -> str:
    """The sentences as one comment in a random style, with emoji and hashtags that match the feeling."""
    (manner,) = random.choices(_MANNERS, _WEIGHTS)
    stop = _STOPS.get(manner, ".")
    text = " ".join(
        sentence + ("?" if _QUESTION.match(sentence.lower()) else stop) for sentence in _begun(sentences, manner)
    )
    if manner == "lower":
        text = text.lower()
    if manner in ("lower", "breathless"):
        text = text.rstrip(".,")
    if manner == "loud" and text.endswith("!") and random.random() < 0.4:
        text += "!" * random.randrange(1, 4)
    if random.random() < 0.15:
        text = _mistyped(text, random)
    if random.random() < 0.1:
        text += " " + writer.say(f"{feeling} emoji")
    if random.random() < 0.12:
        text += " " + writer.say("hashtag")
        if feeling in ("happy", "angry") and random.random() < 0.5:
            text += " " + writer.say(f"{feeling} hashtag")
    return text


def _begun(sentences: list[str], manner: str) -> list[str]:
    """The sentences, capitalised if the style does so."""
    if manner in ("lower", "breathless"):
        return sentences
    return [sentence[0].upper() + sentence[1:] for sentence in sentences]


def _mistyped(text: str, random: Random) -> str:
    """The text with one or two typing errors."""
    words = text.split(" ")
    for _ in range(random.choice((1, 1, 2))):
        at = random.randrange(len(words))
        word = words[at]
        if len(word) < 4 or not word.isalpha():
            continue
        slip = random.randrange(1, len(word) - 1)
        swapped = word[:slip] + word[slip + 1] + word[slip] + word[slip + 2 :]
        dropped, doubled = word[:slip] + word[slip + 1 :], word[:slip] + word[slip] + word[slip:]
        words[at] = random.choice((swapped, dropped, doubled))
    return " ".join(words)
