"""Terminal and log output without control characters."""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

import click

# Control characters except tab and line feed, direction marks and overrides, line separators, and surrogates
# (undecodable bytes of file names). Each has an escape of four hexadecimal digits, in JSON too.
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""The text, with characters that control a terminal escaped as in `\u001b`."""
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


def echo(text: object = "", *, err: bool = False, fg: str | None = None) -> None:
    """Print a line, optionally in a colour; all output of the command line except tables goes through here."""
    click.secho(visible(str(text)), err=err, fg=fg)  # noqa: TID251


def echo_json(value: Any) -> None:
    """Print a value as JSON, with characters that control a terminal escaped."""
    echo(json.dumps(value, default=str, ensure_ascii=False))


def in_line(text: object) -> str:
    r"""The text as part of a line: like `visible`, but tabs and line feeds are escaped too."""
    return visible(str(text)).replace("\t", r"\u0009").replace("\n", r"\u000a")


def guard_logs() -> None:
    """Make the text of all log records of this process visible, whichever library writes them."""
    logging.setLogRecordFactory(_VisibleRecord)


class _VisibleRecord(logging.LogRecord):
    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        if isinstance(self.msg, str):
            self.msg = visible(self.msg)
        if isinstance(self.args, tuple):
            self.args = tuple(map(_argument, self.args))
        elif isinstance(self.args, Mapping):
            self.args = {name: _argument(value) for name, value in self.args.items()}
        if self.exc_info:
            # Formatters use this text if it is set.
            self.exc_text = visible(logging.Formatter().formatException(self.exc_info))


def _argument(value: object) -> object:
    if isinstance(value, int | float):  # %d and %.1f need numbers
        return value
    shown = visible(str(value))
    return value if shown == str(value) else shown
