"""The sentiment classifier that comes with the product, for shops without labels.

It is trained with the local embedding model on the labels of the sample data, whose texts are fictional. Its files
have the format of the registries. `python -m docs.scripts.train_shipped_classifier` writes them.
"""

import json
from importlib.resources import files

from customer_analytics.ports.registry.base import ModelVersion, StoredModel
from customer_analytics.ports.registry.contents import MANIFEST, check, model_of

PREFIX = "SHIPPED_"


def shipped_classifier() -> StoredModel:
    """The classifier with its evaluation; raises DamagedModelError if its files are damaged."""
    folder = files(__name__)
    manifest = json.loads((folder / MANIFEST).read_text())
    hashes = manifest.pop("files")
    contents = {name: (folder / name).read_bytes() for name in hashes if (folder / name).is_file()}
    check(contents, hashes, f"{folder}/", remedy="install customer-analytics again")
    return model_of(ModelVersion(**manifest), contents)


def is_shipped(version: str) -> bool:
    """Whether this version is the shipped classifier."""
    return version.startswith(PREFIX)
