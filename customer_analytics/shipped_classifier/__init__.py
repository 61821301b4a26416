"""The sentiment classifier that comes with the product, for shops without labels of their own.

It is trained with the local embedding model on the labels of the sample data, whose texts are made up. Its
files are those that a registry keeps. `python -m customer_analytics.shipped_classifier` makes them anew.
"""

import json
from importlib.resources import files

from customer_analytics.resources.registry.base import ModelVersion, StoredModel
from customer_analytics.resources.registry.contents import MANIFEST, check, model_of

PREFIX = "SHIPPED_"


def shipped_classifier() -> StoredModel:
    """The classifier, with its evaluation; raises DamagedModelError where its files are not what was made."""
    folder = files(__name__)
    manifest = json.loads((folder / MANIFEST).read_text())
    hashes = manifest.pop("files")
    contents = {name: (folder / name).read_bytes() for name in hashes if (folder / name).is_file()}
    check(contents, hashes, f"{folder}/", remedy="install customer-analytics again")
    return model_of(ModelVersion(**manifest), contents)


def is_shipped(version: str) -> bool:
    """Whether this is a version of the classifier that comes with the product."""
    return version.startswith(PREFIX)
