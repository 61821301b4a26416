"""The summary of a run, on the terminal."""

import sys
from typing import TYPE_CHECKING

from customer_analytics.output import echo
from customer_analytics.progress import duration

if TYPE_CHECKING:
    from customer_analytics.running import Outcome
    from customer_analytics.summary import Summary

_COLOURS = {"WARN": "yellow", "ERROR": "red"}


def print_outcome(outcome: "Outcome") -> None:
    """Print the outcome of a run; ends the program with status 1 if the run failed."""
    summary = outcome.summary
    _print_rows(summary)
    _print_rejected(summary)
    for name, count in summary.left_out.items():
        echo(f"  {name}: left out {count:,} rows of erased customers; remove them from the file")
    if summary.calls:
        echo("\nCalls: " + ", ".join(f"{count:,} {status}" for status, count in summary.calls.items()))
    _print_checks(summary)
    if summary.skipped:
        echo(f"\nSkipped, because an upstream asset failed: {', '.join(summary.skipped)}")
    for line in (line for failure in outcome.failures for line in failure.splitlines()):
        echo(f"Error: {line}", fg="red", err=True)
    ended = "succeeded" if outcome.success else "failed; results written before the failure are kept"
    echo(f"\nRun {outcome.run_id} took {duration(summary.seconds)} and {ended}.", err=not outcome.success)
    if not outcome.success:
        sys.exit(1)


def _print_rows(summary: "Summary") -> None:
    if not summary.rows:
        return
    echo("\nRows")
    width = max(map(len, summary.rows))
    for name, count in summary.rows.items():
        echo(f"  {name:<{width}} {count:>12,}")


def _print_rejected(summary: "Summary") -> None:
    echo("\nRejected rows, kept in STG_REJECTED_ROWS" if summary.rejected else "\nRejected rows: none")
    for file in summary.rejected:
        of = f" of {file.lines:,}" if file.lines else ""
        count = "refused; its table is unchanged" if file.is_refused else f"{file.rejected:,}{of}"
        echo(f"  {file.name}: {count}", fg="red" if file.is_refused else "yellow")
        for reason in file.reasons:
            echo(f"    {reason}")


def _print_checks(summary: "Summary") -> None:
    echo(f"\nFailed checks{'' if summary.checks else ': none'}")
    for check in summary.checks:
        detail = f": {check.detail}" if check.detail else ""
        echo(f"  {check.severity:<5} {check.asset} {check.name}{detail}", fg=_COLOURS[check.severity])
