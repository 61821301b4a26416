"""How `doctor` and `run` report what they examine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from customer_analytics.ingestion.preflight import FileReport, FolderReport, MatchedIds, Preflight
from customer_analytics.ingestion.records import PARQUET
from customer_analytics.ingestion.text import listed, printable

_SHOWN, _LONGEST_SENTENCE = 3, 400


@dataclass(frozen=True)
class Finding:
    """A subject, whether it is sound, details (a version, a count, or what to do), and notes."""

    subject: str
    sound: bool
    detail: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{'ok  ' if self.sound else 'FAIL'}  {self.subject}: {self.detail}"]
        return "\n".join([*lines, *(f"          {note}" for note in self.notes)])


def source_findings(preflight: Preflight) -> Iterator[Finding]:
    """One finding per source file, in columns, and one per folder that is not empty."""
    name_width = max(len(file.name) for file in preflight.files)
    format_width = max(len(str(file.format or "")) for file in preflight.files)
    yield Finding("source data", True, preflight.source)
    for file in preflight.files:
        aligned = " " * (name_width - len(file.name))
        if not file.present and not file.refusal:
            yield Finding(file.name, True, f"{aligned}not there, and not required")
        elif file.refusal and not file.examined:
            yield Finding(file.name, False, aligned + _without_name(file.refusal, file.name))
        else:
            detail, notes = aligned + _in_columns(file, format_width), _notes(file)
            yield Finding(file.name, file.refusal is None, detail, notes)
    for folder, kind in ((preflight.comments, "files"), (preflight.calls, "calls")):
        if folder.files or folder.ignored or folder.problems:
            aligned = " " * (name_width - len(folder.name) - 1)
            detail = f"{aligned}{folder.files:>10,} {kind}"
            yield Finding(f"{folder.name}/", not folder.problems, detail, _folder_notes(folder))


def _without_name(sentence: str, name: str) -> str:
    return printable(sentence.removeprefix(f"{name}: ").removeprefix(f"{name} "), _LONGEST_SENTENCE)


def _in_columns(file: FileReport, format_width: int) -> str:
    number = file.examined + file.unread
    what = "lines" if file.unread and file.format != PARQUET else "row" if number == 1 else "rows"
    rows = f"{number:>10,} {what}"
    days = f"{file.first} to {file.last}" if file.first else ""
    return f"{rows:<16}  {len(file.columns)} columns  {file.format!s:<{format_width}}  {days}".rstrip()


def _notes(file: FileReport) -> tuple[str, ...]:
    ignored = [f"columns not used: {listed(list(file.ignored_columns))}"] if file.ignored_columns else []
    rows = f"the first {file.examined:,}" if file.unread else f"{file.examined:,}"
    examined = [f"of which {rows} were examined"] if file.unread else []
    refused = ["so the file is refused, and its table stays as it is"] if file.refusal else []
    return (
        *examined,
        *ignored,
        *_rejections(file.rejected, file.examined, rows, file.reasons),
        *refused,
        *_ids(file.matches),
    )


def _folder_notes(folder: FolderReport) -> tuple[str, ...]:
    notes = [printable(problem, _LONGEST_SENTENCE) for problem in folder.problems[:_SHOWN]]
    if len(folder.problems) > _SHOWN:
        notes.append(f"and {len(folder.problems) - _SHOWN:,} problems more")
    if folder.examined:
        which = f"the first {folder.examined:,}" if folder.examined < folder.files else "these"
        notes.append(f"{folder.rows:,} rows in {which} files")
    if folder.ignored:
        notes.append(f"files not used: {listed(list(folder.ignored))}")
    if folder.strays:
        notes.append(f"{folder.strays:,} of {folder.rows:,} rows of the manifest name no call that is there")
    if folder.nameless:
        notes.append(f"{folder.nameless:,} without a customer id")
    return (
        *notes,
        *_rejections(folder.rejected, folder.rows, f"{folder.rows:,}", folder.reasons),
        *_ids(folder.matches),
    )


def _rejections(rejected: int, examined: int, rows: str, reasons: Sequence[str]) -> Iterator[str]:
    if rejected:
        yield f"{rejected:,} of {rows} rows ({100 * rejected / examined:.3g} %) cannot be loaded:"
        yield from (f"  {reason}" for reason in reasons)


def _ids(matches: Sequence[MatchedIds]) -> Iterator[str]:
    for match in matches:
        example = f", but not {match.unmatched}" if match.unmatched is not None else ""
        yield f"{match.found:,} of {match.total:,} {match.column} are in {match.file}{example}"
