"""Statements without the values in them, for logs."""

from collections.abc import Iterator
from itertools import pairwise

from sqlglot import Token, TokenError, TokenType
from sqlglot.dialects.snowflake import Snowflake

_MAX_LENGTH = 20_000
_MASK = "***"
_STRINGS = frozenset(
    {
        TokenType.STRING,
        TokenType.RAW_STRING,
        TokenType.NATIONAL_STRING,
        TokenType.HEX_STRING,
        TokenType.BIT_STRING,
        TokenType.BYTE_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.UNICODE_STRING,
    }
)
_BEFORE_TEXT = (TokenType.COMMAND, TokenType.EXECUTE)
"""After these tokens, sqlglot leaves the statement as text."""
_ENDINGS = ("", "'", '"', "$$", "*/")
"""Endings to try for a truncated statement."""


def masked(sql: str) -> str:
    """The statement with every string as `'***'` and every number as 0, without comments and file paths.

    If the text cannot be tokenized, only its first word, if that is a keyword.
    """
    tokens = _tokens(sql)
    if not tokens:
        return first_word(sql)
    if tokens[0].token_type in (TokenType.PUT, TokenType.GET):
        # Their files are not always quoted.
        return f"{tokens[0].text.upper()} '{_MASK}' '{_MASK}'"
    text = "".join(_parts(tokens))
    return text if len(sql) <= _MAX_LENGTH else f"{text} …"


def _tokens(sql: str) -> list[Token]:
    for ending in _ENDINGS if len(sql) > _MAX_LENGTH else ("",):
        try:
            return Snowflake().tokenize(sql[:_MAX_LENGTH] + ending)
        except (TokenError, RecursionError):
            continue
    return []


def _parts(tokens: list[Token]) -> Iterator[str]:
    yield _masked_token(None, tokens[0])
    stage = path = False
    for before, token in pairwise(tokens):
        apart = before.end + 1 < token.start or before.token_type in _BEFORE_TEXT
        if apart or token.token_type in (TokenType.COMMA, TokenType.R_PAREN):
            stage = path = False
        stage = stage or token.token_type == TokenType.PARAMETER
        path = path or (stage and token.token_type == TokenType.SLASH)
        if not path:
            yield f"{' ' if apart else ''}{_masked_token(before, token)}"


def _masked_token(before: Token | None, token: Token) -> str:
    if before is not None and before.token_type in _BEFORE_TEXT:
        return _MASK
    if token.token_type in _STRINGS:
        return f"'{_MASK}'"
    if token.token_type == TokenType.NUMBER:
        is_column = before is not None and before.text == "$"
        return token.text if is_column else "0"
    if token.token_type == TokenType.IDENTIFIER:
        return '"' + token.text.replace('"', '""') + '"'
    return token.text


def first_word(sql: str) -> str:
    """The first word, if it is a keyword."""
    word = sql.split(maxsplit=1)[0].upper() if sql.strip() else ""
    return f"{word} …" if word in Snowflake.Tokenizer.KEYWORDS else "…"
