"""The Snowflake ML Registry, which scores inside the warehouse."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pyarrow as pa
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.ports.registry.base import ModelRegistry, ModelVersion, StoredModel
from customer_analytics.ports.registry.contents import (
    BOOSTER,
    OUT_OF_FOLD,
    absent,
    check,
    files_of,
    manifest_of,
    model_of,
    require_identifiers,
)
from customer_analytics.ports.registry.scoring import require_vectors_of
from customer_analytics.ports.vectors.collection import Collection
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.ports.warehouse.names import quoted
from customer_analytics.tables import Column, SqlType, Table

if TYPE_CHECKING:
    from snowflake.ml.model import Model
    from snowflake.ml.registry import Registry

_LIBRARIES = ("lightgbm", "numpy")
_WITHDRAWN = "No version is in use."  # the model's comment: in Snowflake, a model always has a default version
_PREDICT, _VECTOR, _SENTIMENT = "predict", "VECTOR", "SENTIMENT"
_TEXT_HASH, _LEARNED = "TEXT_HASH", "LEARNED_SENTIMENT"
_LEARNED_TEXTS = Table(
    "LEARNED_TEXTS",
    "One row per training text: the prediction of the fold that did not see it.",
    (
        Column(_TEXT_HASH, SqlType.TEXT, "SHA-256 of the text.", nullable=False),
        Column(_LEARNED, SqlType.FLOAT, "Probability that the text is positive.", nullable=False),
    ),
)


@dataclass(kw_only=True, eq=False)
class SnowflakeMLRegistry(ModelRegistry):
    """Versions in Snowflake's model registry, in the schema of the tables; needs the extra `[snowflake-ml]`.

    The manifest of a version (inputs, tags, hashes of files) is the version's comment, so that one SHOW lists all
    versions. Its files are artifacts that are read as bytes: nothing is unpickled here. `dependencies` says where
    the warehouse takes a model's libraries from: Snowflake's conda channel, or PyPI.
    """

    kind: ClassVar[str] = "snowflake"

    warehouse: Warehouse
    dependencies: Literal["conda", "pip"]

    def ensure(self) -> dict[str, str]:
        """See `ModelRegistry.ensure`; there is nothing to create."""
        return {"registry": self._registry().location}

    def log(self, model: StoredModel) -> None:
        """See `ModelRegistry.log`.

        Snowflake cannot replace the files of a version: if they are damaged, DamagedModelError says to drop it
        first. Adding a version and making it the default are two statements: of versions logged at the same time,
        any may become the default.
        """
        info = model.info
        require_identifiers(info.model_name, info.version)
        registry = self._registry()
        logged = self._model(registry, info.model_name)
        if logged is None or info.version not in set(logged.show_versions()["name"]):
            self._add(registry, model)
        elif info.version not in _manifests(logged):
            # The process that added it was killed before it set the comment, which is a separate statement.
            logged.version(info.version).comment = manifest_of(info, files_of(model))
        else:
            self.load(info.model_name, info.version)
        model_there = registry.get_model(info.model_name)
        model_there.default = info.version
        if model_there.comment == _WITHDRAWN:
            model_there.comment = ""

    def versions(self, model_name: str) -> list[ModelVersion]:
        """See `ModelRegistry.versions`."""
        logged = self._model(self._registry(), model_name)
        return [_version(manifest) for manifest in _manifests(logged).values()] if logged else []

    def default(self, model_name: str) -> ModelVersion | None:
        """See `ModelRegistry.default`."""
        logged = self._model(self._registry(), model_name)
        name = _default(logged) if logged else None
        manifest = _manifests(logged).get(name) if logged and name else None
        return _version(manifest) if manifest else None

    def withdraw(self, model_name: str) -> None:
        """See `ModelRegistry.withdraw`."""
        if logged := self._model(self._registry(), model_name):
            logged.comment = _WITHDRAWN

    def load(self, model_name: str, version: str | None = None) -> StoredModel:
        """See `ModelRegistry.load`."""
        logged = self._model(self._registry(), model_name)
        manifests = _manifests(logged) if logged else {}
        if logged and version is None:
            version = _default(logged)
        if logged is None or version not in manifests:
            raise absent("The Snowflake ML Registry", model_name, version, list(manifests))
        manifest = manifests[version]
        with tempfile.TemporaryDirectory() as folder:
            logged.version(version).export(folder)
            paths = {path.name: path for path in Path(folder).rglob("*") if path.name in manifest["files"]}
            files = {name: path.read_bytes() for name, path in paths.items()}
        statement = f"ALTER MODEL {model_name} DROP VERSION {version}"
        check(
            files,
            manifest["files"],
            f"{model_name}/{version}/",
            remedy=f"have its owner run {statement}, and train",
        )
        return model_of(_version(manifest), files)

    def remove(self, model_name: str, version: str) -> None:
        """See `ModelRegistry.remove`; Snowflake cannot drop a default version, and every model has one."""
        registry = self._registry()
        logged = self._model(registry, model_name)
        if logged is None or version not in (names := list(_manifests(logged))):
            return
        others = [name for name in names if name != version]
        if not others:
            registry.delete_model(model_name)
            return
        if logged.default.version_name == version:
            logged.default = others[-1]
        logged.delete_version(version)

    def score(
        self, model: StoredModel, source: Collection, objects: Iterable[pa.RecordBatch], target: Table
    ) -> DataFrame:
        """See `ModelRegistry.score`; the version's own `run` scores inside the warehouse."""
        info = model.info
        require_vectors_of(info, source.model, source.dimensions)
        session = self.warehouse.session()
        rows = session.table(self.warehouse.scratch.stage(_unscored(target), _as_rows(objects, target)))
        learned = model.out_of_fold.select([_TEXT_HASH, _SENTIMENT]).rename_columns([_TEXT_HASH, _LEARNED])
        learned_texts = session.table(self.warehouse.scratch.stage(_LEARNED_TEXTS, learned))
        version = self._registry().get_model(info.model_name).version(info.version)
        scored: DataFrame = version.run(rows, function_name=_PREDICT)
        return (
            scored.join(learned_texts, _TEXT_HASH, "left")
            .with_column("IS_OUT_OF_FOLD", f.col(_LEARNED).is_not_null())
            .with_column(_SENTIMENT, f.coalesce(f.col(_LEARNED), f.col(_SENTIMENT)))
            .with_column("MODEL_VERSION", f.lit(info.version))
            .select(target.column_names)
        )

    def describe(self) -> str:
        """See `ModelRegistry.describe`."""
        return f"{self._registry().location}, libraries by {self.dependencies}"

    def _registry(self) -> "Registry":
        try:
            from snowflake.ml.registry import Registry
        except ImportError:
            raise RuntimeError(
                "CUSTOMER_ANALYTICS_REGISTRY=snowflake-ml needs pip install 'customer-analytics[snowflake-ml]'."
            ) from None
        database, schema = quoted(self.warehouse.database), quoted(self.warehouse.schema_name)
        options = {"enable_monitoring": False}
        return Registry(self.warehouse.session(), database_name=database, schema_name=schema, options=options)

    def _model(self, registry: "Registry", model_name: str) -> "Model | None":
        try:
            return registry.get_model(model_name)
        except ValueError:  # there is no such model
            return None

    def _add(self, registry: "Registry", model: StoredModel) -> None:
        from snowflake.ml.model import custom_model
        from snowflake.ml.model.model_signature import DataType, FeatureSpec, ModelSignature

        from customer_analytics.ports.registry.warehouse_model import WarehouseClassifier

        info, files = model.info, files_of(model)
        vector = FeatureSpec(_VECTOR, DataType.FLOAT, shape=(info.dimensions,), nullable=False)
        sentiment = FeatureSpec(_SENTIMENT, DataType.DOUBLE, nullable=False)
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            context = custom_model.ModelContext(
                booster=str(Path(folder) / BOOSTER), out_of_fold=str(Path(folder) / OUT_OF_FOLD)
            )
            registry.log_model(
                WarehouseClassifier(context),
                model_name=info.model_name,
                version_name=info.version,
                comment=manifest_of(info, files),
                metrics=info.metrics,
                signatures={_PREDICT: ModelSignature(inputs=[vector], outputs=[sentiment])},
                target_platforms=["WAREHOUSE"],
                **self._libraries(info),
            )

    def _libraries(self, info: ModelVersion) -> dict[str, Any]:
        """The libraries that the model needs, in the versions that trained it."""
        pinned = [f"{name}=={info.library_versions[name]}" for name in _LIBRARIES if name in info.library_versions]
        if self.dependencies == "conda":
            return {"conda_dependencies": pinned}
        # Snowflake's mirror of PyPI; models with pip requirements need a repository to run in a warehouse.
        repository = {"pip": "snowflake.snowpark.pypi_shared_repository"}
        return {"pip_requirements": pinned, "artifact_repository_map": repository}


def _default(model: "Model") -> str | None:
    """The default version; None if the model was withdrawn."""
    return None if model.comment == _WITHDRAWN else str(model.default.version_name)


def _manifests(model: "Model") -> dict[str, dict[str, Any]]:
    """The manifests of a model's versions by name, oldest first; incomplete versions have none."""
    shown = model.show_versions().sort_values("created_on", kind="stable")
    commented = zip(shown["name"], shown["comment"], strict=True)
    return {name: json.loads(comment) for name, comment in commented if comment}


def _version(manifest: dict[str, Any]) -> ModelVersion:
    return ModelVersion(**{name: value for name, value in manifest.items() if name != "files"})


def _unscored(target: Table) -> Table:
    """The columns of a prediction table that come from the collection, with the vector and the text's hash."""
    given = {_SENTIMENT, "IS_OUT_OF_FOLD", "MODEL_VERSION"}
    columns = tuple(column for column in target.columns if column.name not in given)
    text_hash = Column(_TEXT_HASH, SqlType.TEXT, "SHA-256 of the text.")
    vector = Column(_VECTOR, SqlType.VECTOR, "The text's vector.")
    return Table(f"{target.name}_VECTORS", "One row per object to score.", (*columns, text_hash, vector))


def _as_rows(objects: Iterable[pa.RecordBatch], target: Table) -> Iterator[pa.RecordBatch]:
    names = {"ID": "VECTOR_ID", "TEXT_HASH": _TEXT_HASH}
    wanted = _unscored(target).column_names
    for batch in objects:
        columns = {names.get(name.upper(), name.upper()): batch[name] for name in batch.schema.names}
        yield pa.RecordBatch.from_pydict({name: columns[name] for name in wanted})
