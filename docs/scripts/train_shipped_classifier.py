"""Training of the classifier that comes with the product: `python -m docs.scripts.train_shipped_classifier`.

Embeds the labelled texts of the sample data with the local model, trains and evaluates as for a user's labels, and
writes the files into the package `shipped_classifier`. The same libraries on the same kind of processor give the
same bytes.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from customer_analytics import shipped_classifier
from customer_analytics.ml import training
from customer_analytics.ml.training_set import text_hash
from customer_analytics.ports.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.ports.registry.base import StoredModel
from customer_analytics.ports.registry.contents import MANIFEST, files_of, manifest_of
from customer_analytics.sample_data.folder import write_sample_data
from customer_analytics.settings import settings


def make(embedder: BgeSmallEmbedder) -> StoredModel:
    """The classifier as trained now."""
    with tempfile.TemporaryDirectory() as folder:
        write_sample_data(Path(folder, "sample"))
        rows = pq.read_table(Path(folder, "sample", "comment_training.parquet"))
    texts, labels = rows["review_text"].to_pylist(), rows["label"].to_pylist()
    examples = embedder.embed(texts), labels, [text_hash(text) for text in texts]
    made_of = training.fingerprint(*examples, embedding_model=embedder.model)
    named = replace(made_of, version=shipped_classifier.PREFIX + made_of.version.removeprefix("V_"))
    trained = training.train(*examples)
    origin = f"comes with the product, trained on {len(set(texts)):,} labels of its sample data"
    return trained.stored(training.MODEL, named, {"origin": origin})


def main() -> None:
    """Write the files, and say how good the classifier is."""
    model = make(BgeSmallEmbedder(cache_folder=str(settings().model_cache)))
    folder, files = Path(shipped_classifier.__file__).parent, files_of(model)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / MANIFEST).write_text(manifest_of(model.info, files) + "\n")
    metrics = model.info.metrics
    print(f"{model.info.version} {model.info.tags['origin']}: ", end="")
    print(f"accuracy {metrics['accuracy']:.3f}, AUC {metrics['auc']:.3f} on texts not seen.")


if __name__ == "__main__":
    main()
