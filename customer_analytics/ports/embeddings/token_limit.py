"""Truncation of texts to the number of tokens that OpenAI's embedding models accept."""

import os
from functools import cache
from typing import TYPE_CHECKING

from customer_analytics.model_files import CL100K_BASE, fetch

if TYPE_CHECKING:
    from tiktoken import Encoding

_LONGEST_TOKEN = 128  # bytes, in cl100k_base


def first_bytes(text: str, limit: int) -> str:
    """The text up to a number of UTF-8 bytes, without a character that the limit would split.

    A token of a byte-level vocabulary has at least one byte, so there are at most `limit` tokens.
    """
    return text.encode()[:limit].decode(errors="ignore")


def first_tokens(text: str, limit: int, cache_folder: str) -> str:
    """The text up to a number of cl100k_base tokens.

    Raises:
        ModelFilesError: The vocabulary, which only long texts need, is not available.
    """
    if len(text.encode()) <= limit:
        return text
    text = first_bytes(text, limit * _LONGEST_TOKEN)
    encoding = _encoding(cache_folder)
    kept = limit
    # A cut between tokens may leave half a character, or an end that is tokenised differently.
    while len(tokens := encoding.encode_ordinary(text)) > limit:
        text = encoding.decode(tokens[:kept], errors="ignore")
        kept -= 1
    return text


@cache
def _encoding(cache_folder: str) -> "Encoding":
    import tiktoken

    (path,) = fetch(CL100K_BASE, cache_folder).values()
    os.environ["TIKTOKEN_CACHE_DIR"] = str(path.parent)  # tiktoken downloads what it does not find there
    return tiktoken.get_encoding("cl100k_base")
