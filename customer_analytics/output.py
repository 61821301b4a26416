"""What reaches a terminal or a log: text in which nothing acts on it."""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

import click

# Control characters but for tab and line feed, marks and overrides of direction, separators of lines, and what an
# undecodable byte of a file name becomes. Each of them has an escape of four digits, in JSON too.
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""The text, with what a terminal would act on written as `\u001b`."""
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


def echo(text: object = "", *, err: bool = False, fg: str | None = None) -> None:
    """Print a line, in a colour if wanted; all output of the command line but tables comes through here."""
    click.secho(visible(str(text)), err=err, fg=fg)  # noqa: TID251


def echo_json(value: Any) -> None:
    """Print a value as JSON, which keeps what a terminal would act on as escapes."""
    echo(json.dumps(value, default=str, ensure_ascii=False))


def in_line(text: object) -> str:
    r"""The text as part of a line: like `visible`, and tabs and line feeds are written as `\u000a` too."""
    return visible(str(text)).replace("\t", r"\u0009").replace("\n", r"\u000a")


def guard_logs() -> None:
    """Have all log records of this process hold visible text only, whichever library writes them."""
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
            # Formatters take this text, where there is one, instead of one that they make.
            self.exc_text = visible(logging.Formatter().formatException(self.exc_info))


def _argument(value: object) -> object:
    if isinstance(value, int | float):  # what %d and %.1f need
        return value
    shown = visible(str(value))
    return value if shown == str(value) else shown
