"""Cutting texts to the number of tokens that OpenAI's embedding models take."""

import threading
from functools import cache
from typing import TYPE_CHECKING

from customer_analytics.model_files import CL100K_BASE, fetch

if TYPE_CHECKING:
    from tiktoken import Encoding

# How cl100k_base divides a text before it looks up its vocabulary; tiktoken knows it only together with a download
# of the vocabulary.
_PIECES = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_LONGEST_TOKEN = 128  # bytes, in cl100k_base


def first_bytes(text: str, limit: int) -> str:
    """The text up to a number of UTF-8 bytes, without the character that the limit would split.

    Tokens of a byte-level vocabulary are at least one byte, so there are at most as many tokens.
    """
    return text.encode()[:limit].decode(errors="ignore")


def first_tokens(text: str, limit: int, cache_folder: str) -> str:
    """The text up to a number of cl100k_base tokens.

    Raises:
        ModelFilesError: The vocabulary, which only long texts need, cannot be had.
    """
    if len(text.encode()) <= limit:
        return text
    text = first_bytes(text, limit * _LONGEST_TOKEN)
    encoding = _encoding(cache_folder)
    kept = limit
    # Cutting between tokens may leave half a character, or an end that is itself divided otherwise.
    while len(tokens := encoding.encode_ordinary(text)) > limit:
        text = encoding.decode(tokens[:kept], errors="ignore")
        kept -= 1
    return text


_loading = threading.Lock()


def _encoding(cache_folder: str) -> "Encoding":
    with _loading:
        return _load(cache_folder)


@cache
def _load(cache_folder: str) -> "Encoding":
    from tiktoken import Encoding
    from tiktoken.load import load_tiktoken_bpe

    (path,) = fetch(CL100K_BASE, cache_folder).values()
    return Encoding(
        "cl100k_base", pat_str=_PIECES, mergeable_ranks=load_tiktoken_bpe(str(path)), special_tokens={}
    )
