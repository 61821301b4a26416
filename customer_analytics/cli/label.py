"""`customer-analytics label`."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import click

from customer_analytics.cli.errors import fail, or_fail
from customer_analytics.output import echo
from customer_analytics.settings import settings
from customer_analytics.spreadsheets import is_formula

if TYPE_CHECKING:
    from customer_analytics.ml.labelling import Candidate

_INVISIBLE = "\u2060"


@click.command()
@click.option("--number", type=click.IntRange(min=1), default=100, show_default=True, help="Number of texts.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("labels.csv"),
    show_default=True,
    help="File to write.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def label(number: int, output: Path, force: bool) -> None:
    """Write the comments that are most worth labelling to a CSV file.

    The comments are chosen one per cluster of similar comments: the one the classifier is least certain about, or
    the most typical one if there is no classifier. Labelled comments are left out.

    Fill in the column label: 1 for a positive text, 0 for a negative one. Then save the file as
    comment_training.csv in the source folder, or add its rows to the existing comment_training file, and run
    the pipeline. Rows without a label are skipped. The column sentiment is only a hint.
    """
    if output.exists() and not force:
        fail(f"{output} already exists: name another file with --output, or overwrite it with --force.")
    texts = or_fail(_offered, number)
    if not texts:
        fail("There are no unlabelled comments: load comments with `customer-analytics run` first.")
    or_fail(_write, output, texts)
    echo(
        f"Wrote {len(texts):,} comments to {output}. Fill in the column label: 1 (positive) or 0 (negative). "
        "Then save the file as comment_training.csv in the source folder, or add its rows to the existing "
        "comment_training file."
    )


def _offered(number: int) -> "list[Candidate]":
    from customer_analytics.adapters import Adapters
    from customer_analytics.ml.collections import CUSTOMER_COMMENT, collection
    from customer_analytics.ml.labelling import candidates, worth_labelling
    from customer_analytics.ml.training_set import text_hash
    from customer_analytics.ports.warehouse.connections import NotFoundError

    with Adapters(settings(), read_only=True) as adapters:
        try:
            query = adapters.warehouse.query
            judged = query("SELECT REVIEW_TEXT FROM STG_COMMENT_TRAINING WHERE LABEL IS NOT NULL")
            scored = query("SELECT VECTOR_ID, SENTIMENT FROM PRED_TWITTER_COMMENTS")
        except NotFoundError:
            return []
        sentiments = dict(zip(scored["VECTOR_ID"].to_pylist(), scored["SENTIMENT"].to_pylist(), strict=True))
        objects = adapters.vector_store.scan(
            collection(CUSTOMER_COMMENT, adapters.embedder), ["id", "text_hash", "review_text", "vector"]
        )
        hashes = {text_hash(text) for text in judged["REVIEW_TEXT"].to_pylist()}
        return worth_labelling(candidates(objects, sentiments, hashes), number)


def _write(output: Path, texts: "list[Candidate]") -> None:
    is_scored = any(text.sentiment is not None for text in texts)
    # Spreadsheets recognise UTF-8 by the byte order mark.
    with output.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["review_text", "label", *(["sentiment"] if is_scored else [])])
        for text in texts:
            hint = "" if text.sentiment is None else f"{text.sentiment:.2f}"
            # Loading trims invisible characters, so the text is restored.
            shown = f"{_INVISIBLE}{text.text}" if is_formula(text.text) else text.text
            rows.writerow([shown, "", *([hint] if is_scored else [])])
