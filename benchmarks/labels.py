"""Measure how much labels help: a learning curve on the sample data.

    python -m benchmarks.labels [--seeds 5]

For each number of labels, prints the classifier's accuracy and area under the ROC curve on texts of another shop:
as means over random samples of labels, half of them positive, and for the texts that `customer-analytics label`
selects. The first row is the shipped classifier, which has seen neither shop.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from customer_analytics.ml.evaluation import evaluate
from customer_analytics.ml.labelling import Candidate, worth_labelling
from customer_analytics.ml.training import MINIMUM_LABELS, train
from customer_analytics.ml.training_set import text_hash
from customer_analytics.ports.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.ports.vectors.matrix import Vectors
from customer_analytics.sample_data import DEFAULT_CUSTOMERS
from customer_analytics.sample_data.folder import write_sample_data
from customer_analytics.settings import settings
from customer_analytics.shipped_classifier import shipped_classifier

NUMBERS = (2 * MINIMUM_LABELS, 80, 100, 150, 200, 300, 500, 1_000, 1_500, 2_000)
SELECTED = (100, 200, 500, 1_000)
# Seeds of the sample data; the shipped classifier was trained on the default seed, 1.
UNSEEN, LABELLED = (2,), (3, 4)


@dataclass(frozen=True)
class Judged:
    vectors: Vectors
    labels: npt.NDArray[np.int64]
    hashes: list[str]

    def rows(self, rows: npt.NDArray[np.intp]) -> "Judged":
        return Judged(self.vectors[rows], self.labels[rows], [self.hashes[row] for row in rows])


def judged(seeds: tuple[int, ...], without: set[str]) -> Judged:
    """The distinct labelled texts of the shops."""
    labels: dict[str, int] = {}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            write_sample_data(Path(folder, "sample"), DEFAULT_CUSTOMERS, seed)
            rows = pq.read_table(Path(folder, "sample", "comment_training.parquet")).to_pylist()
        labels |= {
            row["review_text"]: row["label"] for row in rows if text_hash(row["review_text"]) not in without
        }
    vectors = BgeSmallEmbedder(cache_folder=str(settings().model_cache)).embed(list(labels))
    return Judged(vectors, np.array(list(labels.values())), [text_hash(text) for text in labels])


def selected(pool: Judged, number: int, booster: str) -> Judged:
    """The texts that `customer-analytics label` would select from the pool."""
    sentiments = lightgbm.Booster(model_str=booster).predict(pool.vectors, num_threads=1).tolist()
    texts = zip(pool.hashes, sentiments, pool.vectors, strict=True)
    candidates = sorted((Candidate(text, text, *of) for text, *of in texts), key=lambda text: text.doubt)
    chosen = {text.text_hash for text in worth_labelling(candidates, number)}
    return pool.rows(np.flatnonzero([text in chosen for text in pool.hashes]))


def trained(labels: Judged, unseen: Judged) -> tuple[float, float]:
    """Accuracy and AUC, on unseen texts, of a classifier trained on these labels."""
    return measured(train(labels.vectors, labels.labels.tolist(), labels.hashes).booster, unseen)


def measured(booster: str, unseen: Judged) -> tuple[float, float]:
    predicted = lightgbm.Booster(model_str=booster).predict(unseen.vectors, num_threads=1)
    evaluation = evaluate(unseen.labels, predicted)
    return evaluation.accuracy, evaluation.auc


@click.command()
@click.option("--seeds", default=5, show_default=True, help="Random samples per number of labels.")
def main(seeds: int) -> None:
    """Measure how much labels help: a learning curve on the sample data."""
    shipped = shipped_classifier()
    unseen = judged(UNSEEN, without=set(shipped.out_of_fold["TEXT_HASH"].to_pylist()))
    pool = judged(LABELLED, without=set(unseen.hashes))
    print(f"On {len(unseen.labels):,} texts of another shop:\n")
    print("| labels | accuracy | AUC | as selected: accuracy | AUC |\n|---|---|---|---|---|")
    accuracy, auc = measured(shipped.booster, unseen)
    print(f"| none: {shipped.info.version} | {accuracy:.3f} | {auc:.3f} | | |")
    for number in NUMBERS:
        found = []
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(len(pool.labels))
            halves = [order[pool.labels[order] == label][: number // 2] for label in (0, 1)]
            found.append(trained(pool.rows(np.concatenate(halves)), unseen))
        accuracy, auc = np.mean(found, axis=0)
        row = f"| {number:,} | {accuracy:.3f} | {auc:.3f} |"
        if number in SELECTED:
            accuracy, auc = trained(selected(pool, number, shipped.booster), unseen)
            print(f"{row} {accuracy:.3f} | {auc:.3f} |", flush=True)
        else:
            print(f"{row} | |", flush=True)


if __name__ == "__main__":
    main()
