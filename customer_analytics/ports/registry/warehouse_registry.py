"""A model registry in one table and one stage of the warehouse."""

import io
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics.ports.registry.base import DamagedModelError, ModelRegistry, ModelVersion, StoredModel
from customer_analytics.ports.registry.contents import (
    MANIFEST,
    absent,
    as_json,
    check,
    files_of,
    manifest_of,
    model_of,
    require_identifiers,
    sha256,
)
from customer_analytics.ports.registry.scoring import Scorer
from customer_analytics.ports.vectors.collection import Collection
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables import Column, SqlType, Table

MODEL_STAGE = "MODEL_STAGE"
# The columns that hold JSON are text, not VARIANT: only this module reads them, and text comes back exactly as it
# was bound, while PARSE_JSON would order keys and round numbers its own way.
MODEL_VERSIONS = Table(
    "MODEL_VERSIONS",
    "One row per version of a model; its files are in the stage MODEL_STAGE, at <model>/<version>/.",
    (
        Column("MODEL_NAME", SqlType.TEXT, "Name of the model.", nullable=False),
        Column("VERSION", SqlType.TEXT, "Derived from the inputs of the training.", nullable=False),
        Column(
            "IS_DEFAULT", SqlType.BOOLEAN, "True for the version that scores, if there is one.", nullable=False
        ),
        Column("METRICS", SqlType.TEXT, "JSON object of the metrics.", nullable=False),
        Column("TAGS", SqlType.TEXT, "JSON object of the tags.", nullable=False),
        Column("EMBEDDING_MODEL", SqlType.TEXT, "Model of the vectors it was trained on.", nullable=False),
        Column("DIMENSIONS", SqlType.INTEGER, "Length of these vectors.", nullable=False),
        Column("TRAINING_DATA_HASH", SqlType.TEXT, "SHA-256 of texts, labels and vectors.", nullable=False),
        Column("LIBRARY_VERSIONS", SqlType.TEXT, "JSON object of library versions.", nullable=False),
        Column("MANIFEST_HASH", SqlType.TEXT, "SHA-256 of the version's manifest.json.", nullable=False),
        Column("SEQUENCE", SqlType.INTEGER, "Counts the versions of a model from 1.", nullable=False),
        Column("CREATED_AT", SqlType.TIMESTAMP, "When the version was logged, in UTC.", nullable=False),
    ),
    key=("MODEL_NAME", "VERSION"),
)
Row: TypeAlias = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class WarehouseRegistry(ModelRegistry):
    """Versions as rows of MODEL_VERSIONS, their files in MODEL_STAGE; works on every Snowflake edition.

    Files are written first and the row last, in one statement, so that only complete versions are visible. The row
    has the hash of the manifest, and the manifest the hashes of the other files.
    """

    kind: ClassVar[str] = "table"

    warehouse: Warehouse

    def ensure(self) -> dict[str, str]:
        """See `ModelRegistry.ensure`."""
        self.warehouse.writes.ensure_table(MODEL_VERSIONS)
        self.warehouse.session().sql(
            f"CREATE STAGE IF NOT EXISTS {self._stage} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE') "
            "COMMENT = 'Files of model versions as <model>/<version>/<file>.'"
        ).collect()
        return {"table": self._table, "stage": self._stage}

    def log(self, model: StoredModel) -> None:
        """See `ModelRegistry.log`."""
        location = self._location(model.info.model_name, model.info.version)
        manifest_hash = self._intact_manifest_hash(model.info)
        if manifest_hash is None:
            files = files_of(model)
            manifest = manifest_of(model.info, files).encode()
            self._write(location, files | {MANIFEST: manifest})  # the manifest last, because it names the others
            manifest_hash = sha256(manifest)
        self._record(model.info, manifest_hash)

    def versions(self, model_name: str) -> list[ModelVersion]:
        """See `ModelRegistry.versions`."""
        return [_version(row) for row in self._rows(model_name)]

    def default(self, model_name: str) -> ModelVersion | None:
        """See `ModelRegistry.default`."""
        row = _default(self._rows(model_name))
        return None if row is None else _version(row)

    def withdraw(self, model_name: str) -> None:
        """See `ModelRegistry.withdraw`."""
        update = f"UPDATE {self._table} SET IS_DEFAULT = FALSE WHERE MODEL_NAME = ? AND IS_DEFAULT"
        with self.warehouse.connection() as connection:
            connection.cursor().execute(update, (model_name,))

    def load(self, model_name: str, version: str | None = None) -> StoredModel:
        """See `ModelRegistry.load`."""
        rows = self._rows(model_name)
        row = _default(rows) if version is None else _named(rows, version)
        if row is None:
            raise absent(self._table, model_name, version, [row["VERSION"] for row in rows])
        files = self._read(model_name, row["VERSION"], row["MANIFEST_HASH"])
        return model_of(_version(row), files)

    def remove(self, model_name: str, version: str) -> None:
        """See `ModelRegistry.remove`; the row goes first, so that no version is visible without its files."""
        location = self._location(model_name, version)
        default = self.default(model_name)
        with self.warehouse.connection() as connection:
            delete = f"DELETE FROM {self._table} WHERE MODEL_NAME = ? AND VERSION = ?"
            connection.cursor().execute(delete, (model_name, version))
            connection.cursor().execute(f"REMOVE {location}")
        if default and default.version == version and (left := self._rows(model_name)):
            self._record(_version(left[-1]), left[-1]["MANIFEST_HASH"])

    def score(
        self, model: StoredModel, source: Collection, objects: Iterable[pa.RecordBatch], target: Table
    ) -> DataFrame:
        """See `ModelRegistry.score`; the booster runs in this process, with one batch in memory at a time."""
        scorer = Scorer(model, embedding_model=source.model, dimensions=source.dimensions)
        rows = (_as_rows(batch, model.info, target) for batch in scorer.score_batches(objects))
        return self.warehouse.session().table(self.warehouse.scratch.stage(target, rows))

    def describe(self) -> str:
        """See `ModelRegistry.describe`."""
        count = f"SELECT COUNT(*) AS VERSIONS FROM {self._table}"
        rows = self.warehouse.query_or_none(count)
        if rows is None:
            return f"{self._table}, which the first run creates"
        return f"{self._table}, {rows['VERSIONS'][0]} versions"

    def _record(self, info: ModelVersion, manifest_hash: str) -> None:
        """Add the version's row if absent and make it the default, in one statement."""
        given: dict[str, Any] = {
            "MODEL_NAME": info.model_name,
            "VERSION": info.version,
            "METRICS": as_json(info.metrics),
            "TAGS": as_json(info.tags),
            "EMBEDDING_MODEL": info.embedding_model,
            "DIMENSIONS": info.dimensions,
            "TRAINING_DATA_HASH": info.training_data_hash,
            "LIBRARY_VERSIONS": as_json(info.library_versions),
            "MANIFEST_HASH": manifest_hash,
        }
        columns = [*given, "IS_DEFAULT", "SEQUENCE"]
        # The source is this version and the previous default. The two always differ, but with UNION ALL the
        # embedded endpoint's DuckDB 2.0 may read the row that it has just inserted into the target.
        merge = f"""
            MERGE INTO {self._table} T
            USING (
                SELECT {", ".join(f"? AS {column}" for column in given)}, TRUE AS IS_DEFAULT,
                    (SELECT COALESCE(MAX(SEQUENCE), 0) + 1 FROM {self._table} WHERE MODEL_NAME = ?) AS SEQUENCE
                UNION
                SELECT {", ".join(given)}, FALSE, SEQUENCE
                FROM {self._table} WHERE MODEL_NAME = ? AND VERSION <> ? AND IS_DEFAULT
            ) S
            ON T.MODEL_NAME = S.MODEL_NAME AND T.VERSION = S.VERSION
            WHEN MATCHED THEN UPDATE SET IS_DEFAULT = S.IS_DEFAULT, MANIFEST_HASH = S.MANIFEST_HASH
            WHEN NOT MATCHED THEN INSERT ({", ".join(columns)}, CREATED_AT)
                VALUES ({", ".join(f"S.{column}" for column in columns)}, SYSDATE())
        """
        params = [*given.values(), info.model_name, info.model_name, info.version]
        with self.warehouse.connection() as connection:
            connection.cursor().execute(merge, params)

    def _rows(self, model_name: str) -> list[Row]:
        """The rows of a model's versions, oldest first."""
        columns = ", ".join(MODEL_VERSIONS.column_names)
        select = f"SELECT {columns} FROM {self._table} WHERE MODEL_NAME = ? ORDER BY SEQUENCE, VERSION"
        rows: list[Row] = self.warehouse.query(select, [model_name]).to_pylist()
        return rows

    def _intact_manifest_hash(self, info: ModelVersion) -> str | None:
        """The hash of the version's manifest; None if the version is missing or its files are damaged."""
        row = _named(self._rows(info.model_name), info.version)
        if row is None:
            return None
        try:
            self._read(info.model_name, info.version, row["MANIFEST_HASH"])
        except DamagedModelError:
            return None
        return str(row["MANIFEST_HASH"])

    def _read(self, model_name: str, version: str, manifest_hash: str) -> dict[str, bytes]:
        """The version's files by name, verified; raises DamagedModelError."""
        location = self._location(model_name, version)
        with tempfile.TemporaryDirectory() as folder, self.warehouse.connection() as connection:
            connection.cursor().execute(f"GET {_path(location)} {_path(f'file://{folder}')}")
            files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        expected = {MANIFEST: manifest_hash}
        check(files, expected, location)
        expected |= json.loads(files[MANIFEST])["files"]
        check(files, expected, location)
        return {name: files[name] for name in expected}

    def _write(self, location: str, files: dict[str, bytes]) -> None:
        with self.warehouse.connection() as connection:
            for name, content in files.items():
                connection.cursor().execute(
                    f"PUT {_path(f'file://{name}')} {_path(location)} AUTO_COMPRESS = FALSE OVERWRITE = TRUE",
                    file_stream=io.BytesIO(content),
                )

    def _location(self, model_name: str, version: str) -> str:
        require_identifiers(model_name, version)
        return f"@{self._stage}/{model_name}/{version}/"

    @property
    def _table(self) -> str:
        return self.warehouse.name(MODEL_VERSIONS.name)

    @property
    def _stage(self) -> str:
        return self.warehouse.name(MODEL_STAGE)


def _as_rows(batch: pa.RecordBatch, model: ModelVersion, target: Table) -> pa.RecordBatch:
    columns = {name.upper(): batch[name] for name in batch.schema.names}
    columns["VECTOR_ID"] = columns.pop("ID")
    columns["MODEL_VERSION"] = pa.array([model.version] * batch.num_rows)
    return pa.RecordBatch.from_pydict({name: columns[name] for name in target.column_names})


def _path(path: str) -> str:
    """A path as a literal; PUT and GET take no bind parameters."""
    return "'" + path.replace("'", "\\'") + "'"


def _named(rows: list[Row], version: str) -> Row | None:
    return next((row for row in rows if row["VERSION"] == version), None)


def _default(rows: list[Row]) -> Row | None:
    # Two versions logged at the same time may both be marked; the later one counts.
    return next((row for row in reversed(rows) if row["IS_DEFAULT"]), None)


def _version(row: Row) -> ModelVersion:
    return ModelVersion(
        model_name=row["MODEL_NAME"],
        version=row["VERSION"],
        metrics=json.loads(row["METRICS"]),
        tags=json.loads(row["TAGS"]),
        embedding_model=row["EMBEDDING_MODEL"],
        dimensions=int(row["DIMENSIONS"]),
        training_data_hash=row["TRAINING_DATA_HASH"],
        library_versions=json.loads(row["LIBRARY_VERSIONS"]),
    )
