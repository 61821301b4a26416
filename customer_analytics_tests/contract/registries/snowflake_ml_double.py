"""Snowflake's model registry as far as it can be had without an account.

Registry, Model and ModelVersion are autospecs of the installed library, so that a method or keyword that it does not
have fails. Behind them models are packed and run by the library's own packager, and versions are kept in memory.
"""

import json
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import PropertyMock, create_autospec

import pandas as pd
from snowflake.ml.model import Model, ModelVersion
from snowflake.ml.model._packager.model_packager import ModelPackager
from snowflake.ml.registry import Registry
from snowflake.snowpark import DataFrame


@dataclass
class Kept:
    """A version: the folder of its packed files, and its comment."""

    folder: Path
    comment: str | None
    metrics: dict[str, float]


@dataclass
class KeptModel:
    versions: dict[str, Kept] = field(default_factory=dict)
    default: str = ""
    comment: str = ""


class SnowflakeMLDouble:
    """Stands in for `snowflake.ml.registry.Registry`: `opening` is the class, autospecced."""

    def __init__(self, folder: Path) -> None:
        self.models: dict[str, KeptModel] = {}
        self._folder = folder
        self._lock = threading.Lock()
        registry = create_autospec(Registry, instance=True)
        registry.location = "TEST.R"
        registry.log_model.side_effect = self._log_model
        registry.get_model.side_effect = self._model
        registry.delete_model.side_effect = self._delete_model
        self.registry = registry
        self.opening = create_autospec(Registry, return_value=registry)

    def _log_model(
        self,
        model: Any,
        *,
        model_name: str,
        version_name: str,
        comment: str,
        metrics: dict[str, float],
        **how: Any,
    ) -> Any:
        with self._lock:
            kept = self.models.get(model_name.upper(), KeptModel())
            if version_name in kept.versions:
                raise ValueError(f"Model {model_name} version {version_name} already existed.")
            folder = self._folder / model_name / version_name
            ModelPackager(str(folder)).save(name=model_name, model=model, options={}, **how)
            kept.versions[version_name] = Kept(folder, comment, json.loads(json.dumps(metrics)))
            kept.default = kept.default or version_name
            # CREATE MODEL and its first version are one statement: nobody sees a model without versions.
            self.models[model_name.upper()] = kept
        return self._version(kept, version_name)

    def _model(self, model_name: str) -> Any:
        if model_name.upper() not in self.models:
            raise ValueError(f"Unable to find model {model_name}")
        kept = self.models[model_name.upper()]
        model = create_autospec(Model, instance=True)
        model.version.side_effect = lambda name: self._version(kept, name)
        model.delete_version.side_effect = lambda name: self._delete_version(kept, name)
        model.show_versions.side_effect = lambda: pd.DataFrame(
            [
                {"created_on": number, "name": name, "comment": version.comment}
                for number, (name, version) in enumerate(list(kept.versions.items()))
            ][::-1]
        )

        def default(*new: str) -> Any:
            if not new:
                return self._version(kept, kept.default)
            assert new[0] in kept.versions
            kept.default = new[0]
            return None

        def comment(*new: str) -> Any:
            if new:
                kept.comment = new[0]
            return kept.comment

        type(model).default = PropertyMock(side_effect=default)
        type(model).comment = PropertyMock(side_effect=comment)
        return model

    def _delete_model(self, model_name: str) -> None:
        shutil.rmtree(self._folder / model_name)
        del self.models[model_name.upper()]

    def _delete_version(self, kept: KeptModel, name: str) -> None:
        if name == kept.default:
            raise ValueError(f"Version {name} is the default version and cannot be dropped.")
        shutil.rmtree(kept.versions.pop(name).folder)

    def _version(self, kept: KeptModel, name: str) -> Any:
        if name not in kept.versions:
            raise ValueError(f"Unable to find version or alias with name {name}")
        made = kept.versions[name]
        version = create_autospec(ModelVersion, instance=True)
        version.version_name = name
        version.export.side_effect = lambda path: shutil.copytree(made.folder, path, dirs_exist_ok=True)
        version.run.side_effect = lambda rows, *, function_name: self._run(made, rows, function_name)

        def comment(*new: str) -> Any:
            if new:
                made.comment = new[0]
            return made.comment

        type(version).comment = PropertyMock(side_effect=comment)
        return version

    def _run(self, made: Kept, rows: DataFrame, function_name: str) -> DataFrame:
        """The rows with the outputs of the model as it was packed; the endpoint gives an ARRAY as its JSON."""
        packager = ModelPackager(str(made.folder))
        packager.load()
        given = rows.to_pandas()
        given["VECTOR"] = given["VECTOR"].map(json.loads)
        outputs = getattr(packager.model, function_name)(given[["VECTOR"]])
        scores = [list(pair) for pair in zip(given["VECTOR_ID"], outputs["SENTIMENT"], strict=True)]
        return rows.join(rows.session.create_dataframe(scores, ["VECTOR_ID", "SENTIMENT"]), "VECTOR_ID")
