"""`customer-analytics label`."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import click

from customer_analytics.cli.errors import fail, or_say_why
from customer_analytics.output import echo
from customer_analytics.settings import settings
from customer_analytics.spreadsheets import is_formula

if TYPE_CHECKING:
    from customer_analytics.ml.labelling import Candidate

_INVISIBLE = "\u2060"


@click.command()
@click.option("--number", type=click.IntRange(min=1), default=100, show_default=True, help="Texts to offer.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("labels.csv"),
    show_default=True,
    help="File to write.",
)
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
def label(number: int, output: Path, force: bool) -> None:
    """Write the comments that are most worth labelling into a CSV file.

    They are unlike each other, and among comments like them those of which the classifier is least certain;
    without a classifier, those that are most typical. Comments that have a label are left out.

    Fill the column label with 1 for a positive text and 0 for a negative one. Then save the file as
    comment_training.csv in the source folder, or add its rows to the comment_training file that is there, and run
    the pipeline. Rows without a label are skipped, and the column sentiment is only a hint.
    """
    if output.exists() and not force:
        fail(f"{output} is there already: name another file with --output, or overwrite it with --force.")
    texts = or_say_why(_offered, number)
    if not texts:
        fail("There are no comments without a label: load comments with `customer-analytics run` first.")
    or_say_why(_write, output, texts)
    echo(
        f"Wrote {len(texts):,} comments to {output}. Fill the column label with 1 (positive) or 0 (negative). "
        "Then save the file as comment_training.csv in the source folder, or add its rows to the comment_training "
        "file that is there."
    )


def _offered(number: int) -> "list[Candidate]":
    import dagster as dg

    from customer_analytics.deployment import resources
    from customer_analytics.ml.collections import CUSTOMER_COMMENT, collection
    from customer_analytics.ml.labelling import candidates, worth_labelling
    from customer_analytics.ml.training_set import text_hash
    from customer_analytics.resources.warehouse.resource import NotThereError

    made = resources(settings(), reading=True)
    with dg.build_resources({port: made[port] for port in ("warehouse", "vector_store", "embedder")}) as built:
        try:
            judged = built.warehouse.read("SELECT REVIEW_TEXT FROM STG_COMMENT_TRAINING WHERE LABEL IS NOT NULL")
            scored = built.warehouse.read("SELECT VECTOR_ID, SENTIMENT FROM PRED_TWITTER_COMMENTS")
        except NotThereError:
            return []
        sentiments = dict(zip(scored["VECTOR_ID"].to_pylist(), scored["SENTIMENT"].to_pylist(), strict=True))
        objects = built.vector_store.scan(
            collection(CUSTOMER_COMMENT, built.embedder), ["id", "content_hash", "review_text", "vector"]
        )
        hashes = {text_hash(text) for text in judged["REVIEW_TEXT"].to_pylist()}
        return worth_labelling(candidates(objects, sentiments, hashes), number)


def _write(output: Path, texts: "list[Candidate]") -> None:
    is_scored = any(text.sentiment is not None for text in texts)
    # With its mark at the begin, spreadsheets take the file for the UTF-8 that it is.
    with output.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["review_text", "label", *(["sentiment"] if is_scored else [])])
        for text in texts:
            hint = "" if text.sentiment is None else f"{text.sentiment:.2f}"
            # The source files' reader trims invisible characters, so the text comes back as it was.
            shown = f"{_INVISIBLE}{text.text}" if is_formula(text.text) else text.text
            rows.writerow([shown, "", *([hint] if is_scored else [])])
