"""Settings: the only place that reads the environment for choices and paths.

Secrets are not settings: they reach a resource as `dagster.EnvVar`, so that they never stand in the code
location's snapshot.
"""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import dagster as dg
from platformdirs import user_cache_path
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What the user chose, read from `CUSTOMER_ANALYTICS_*` variables."""

    model_config = SettingsConfigDict(
        env_prefix="CUSTOMER_ANALYTICS_",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # an address may hold a password
    )

    source: str | None = Field(
        default=None,
        description="Folder or fsspec URI of the source data; the sample data of `make demo` if none.",
    )
    maximum_rejected_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of a source file's rows that may be rejected, from 100 rows on. With more, the file is "
        "refused, and its table keeps its old rows. A file of which no row can be read is always refused.",
    )
    allow_empty_files: bool = Field(
        default=False,
        description="Whether a source file without rows may empty a table that has some. customers.csv always "
        "needs a row.",
    )
    timezone: str = Field(
        default="UTC",
        description="Time zone that says on which day a moment falls, by its IANA name, e.g. Europe/Berlin. "
        "Moments are stored in UTC.",
    )
    statuses_not_sales: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("returned", "cancelled", "refunded"),
        description="Statuses of orders that are not sales, separated by commas. NET_LIFETIME_VALUE leaves such "
        "orders out. Case and blanks do not matter.",
    )
    call_date_pattern: str | None = Field(
        default=None,
        description="Regular expression that finds the date in the name of a call's file, with the named groups "
        "`year` (four digits), `month`, `day` and optionally `hour`, `minute`, `second`; ISO and compact dates if "
        "none.",
    )
    home: Path = Field(
        default=Path(".local"),
        description="Folder of all state: warehouse files, vectors, Dagster's own home.",
    )
    model_cache: Path = Field(
        default_factory=lambda: user_cache_path("customer-analytics") / "models",
        description="Folder of downloaded model files, shared by all checkouts of the user.",
    )
    warehouse: Literal["embedded", "snowflake"] = Field(
        default="embedded", description="Where tables live: the embedded Snowflake endpoint, or Snowflake."
    )
    embedded_endpoint: str | None = Field(
        default=None,
        description="Address of an embedded endpoint that is served elsewhere, e.g. http://endpoint:8080, in "
        "place of the state folder's own; its token is the secret `CUSTOMER_ANALYTICS_ENDPOINT_TOKEN`.",
    )
    vectors: Literal["lancedb", "weaviate"] = Field(
        default="lancedb", description="Where vectors live: a LanceDB folder below the state folder, or Weaviate."
    )
    weaviate_grpc_host: str | None = Field(
        default=None, description="Host of Weaviate's gRPC interface, where it is not that of WEAVIATE_URL."
    )
    weaviate_grpc_port: int | None = Field(
        default=None, description="Port of Weaviate's gRPC interface, where it is not 50051 (in its cloud 443)."
    )
    weaviate_prefix: str = Field(
        default="",
        pattern=r"^([A-Za-z][A-Za-z0-9]*)?$",
        description="Put before the names of collections, so that deployments can share one Weaviate.",
    )
    database: str = Field(default="CUSTOMER_ANALYTICS", description="Database of all schemas.")
    deployment: Literal["development", "production"] = Field(
        default="development",
        description="Which database in Snowflake: `production` is the one of that name, `development` the one "
        "with `_DEV` behind the name. The embedded endpoint has its own in each state folder.",
    )
    schema_name: str = Field(
        default="ANALYTICS", alias="CUSTOMER_ANALYTICS_SCHEMA", description="Schema of all tables."
    )
    notifications: Literal["log", "webhook"] = Field(
        default="log",
        description="Where failed runs are told of: the log, or the address in CUSTOMER_ANALYTICS_WEBHOOK_URL.",
    )
    owner: str = Field(
        default="team:customer-analytics",
        description="Owner of all assets in Dagster's UI: `team:<name>` or an e-mail address.",
    )
    statement_timeout: int = Field(
        default=3600, ge=1, description="Seconds after which the warehouse cancels a statement."
    )
    snowflake_authentication: Literal["key-pair", "token", "oauth", "browser", "connection"] = Field(
        default="key-pair",
        description="Way of signing in to Snowflake: `key-pair`, `token` (programmatic access token), `oauth`, "
        "`browser`, or `connection` (a name in connections.toml).",
    )
    snowflake_account: str | None = Field(
        default=None, alias="SNOWFLAKE_ACCOUNT", description="Account identifier, e.g. myorg-myaccount."
    )
    snowflake_user: str | None = Field(default=None, alias="SNOWFLAKE_USER", description="User of the pipeline.")
    snowflake_role: str | None = Field(
        default=None, alias="SNOWFLAKE_ROLE", description="Role of the pipeline; the user's default if none."
    )
    snowflake_reader_role: str | None = Field(
        default=None,
        alias="SNOWFLAKE_READER_ROLE",
        description="Role that may only read, for the dashboard, `search` and `ask`; the user's default if none. "
        "The embedded endpoint has such a role of its own.",
    )
    snowflake_warehouse: str | None = Field(
        default=None, alias="SNOWFLAKE_WAREHOUSE", description="Virtual warehouse; the user's default if none."
    )
    snowflake_private_key_path: str | None = Field(
        default=None,
        alias="SNOWFLAKE_PRIVATE_KEY_PATH",
        description="File of the private key; if none, the key is taken from the secret `SNOWFLAKE_PRIVATE_KEY`.",
    )
    snowflake_connection_name: str | None = Field(
        default=None, alias="SNOWFLAKE_CONNECTION_NAME", description="Name of a connection in connections.toml."
    )
    registry: Literal["warehouse", "snowflake-ml"] = Field(
        default="warehouse",
        description="Where models live: `warehouse`, in a table and a stage of it, or `snowflake-ml`, in the "
        "Snowflake ML Registry, which scores inside the warehouse.",
    )
    snowflake_ml_dependencies: Literal["conda", "pip"] = Field(
        default="conda",
        description="Where models of the Snowflake ML Registry take their libraries from: Snowflake's `conda` "
        "channel, or PyPI by `pip`, which has every version.",
    )
    minimum_accuracy: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="Accuracy, on texts not seen in training, below which a classifier is not used.",
    )
    minimum_auc: float = Field(
        default=0.75,
        ge=0,
        le=1,
        description="Area under the ROC curve, on texts not seen, below which a classifier is not used.",
    )
    speech: Literal["faster-whisper", "openai-whisper", "openai"] = Field(
        default="faster-whisper",
        description="What transcribes calls: Whisper on this machine, in CTranslate2 (`faster-whisper`) or on "
        "torch (`openai-whisper`), or the OpenAI API.",
    )
    speech_model: str = Field(
        default="tiny.en",
        description="Whisper weights on this machine: `tiny.en` (English, fast) or `base` (multilingual); "
        "openai-whisper also takes the other names of its library and the path of a `.pt` file.",
    )
    speech_weights: str | None = Field(
        default=None, description="Folder of the Whisper weights, in place of the model cache."
    )
    embeddings: Literal["local", "openai"] = Field(
        default="local", description="What turns texts into vectors: a model on this machine, or the OpenAI API."
    )
    embedding_weights: str | None = Field(
        default=None, description="Folder of the embedding model's files, in place of the model cache."
    )
    embedding_threads: int = Field(
        default=2, ge=1, description="Caller threads of the local embedding model, one text each."
    )
    answers: Literal["extractive", "openai"] = Field(
        default="extractive",
        description="What answers questions: the best passages themselves, or a chat model of the OpenAI API that "
        "is given them.",
    )
    openai_base_url: str = Field(
        default="https://api.openai.com/v1",
        alias="OPENAI_BASE_URL",
        description="Address of the OpenAI API, or of a service that speaks its protocol.",
    )
    openai_timeout: float = Field(default=60, gt=0, description="Seconds to wait for an answer of the OpenAI API.")
    openai_retries: int = Field(
        default=5, ge=0, description="How often a request to the OpenAI API is repeated before a step fails."
    )
    openai_requests: int = Field(
        default=4, ge=1, description="Requests for embeddings in flight at the same time."
    )
    openai_embedding_model: str = Field(
        default="text-embedding-3-small", description="Embedding model, as the service calls it."
    )
    openai_embedding_dimensions: int | None = Field(
        default=None,
        ge=1,
        description="Length of the vectors; the model's own if none. Models other than OpenAI's need it.",
    )
    openai_embedding_max_tokens: int = Field(
        default=8191, ge=1, description="Tokens of a text that count; for models other than OpenAI's, bytes."
    )
    openai_embedding_price: float | None = Field(
        default=None, ge=0, description="US dollars per million tokens; OpenAI's list price if none."
    )
    openai_speech_model: str = Field(default="whisper-1", description="Speech model, as the service calls it.")
    openai_speech_price: float | None = Field(
        default=None, ge=0, description="US dollars per minute of speech; OpenAI's list price if none."
    )
    openai_answer_model: str = Field(default="gpt-4.1-mini", description="Chat model, as the service calls it.")
    dagster_url: str = Field(
        default="http://127.0.0.1:3000", description="Address of Dagster's web UI, to which the dashboard links."
    )
    executor: Literal["celery", "kubernetes"] = Field(
        default="celery",
        description="What runs the steps of the code location `customer_analytics.distributed`.",
    )
    buckets: int = Field(
        default=4,
        ge=1,
        description="Steps that share the transcribing of calls, and the embedding of each kind of text, there.",
    )

    @model_validator(mode="after")
    def _registry_is_within_reach(self) -> "Settings":
        if self.registry == "snowflake-ml" and self.warehouse != "snowflake":
            raise ValueError(
                "CUSTOMER_ANALYTICS_REGISTRY=snowflake-ml is a part of Snowflake; set "
                "CUSTOMER_ANALYTICS_WAREHOUSE=snowflake."
            )
        return self

    @property
    def sample_data(self) -> Path:
        """The folder into which the demo writes its source data."""
        return self.home / "sample-data"

    @field_validator("home", "model_cache")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("timezone")
    @classmethod
    def _known_time_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (ValueError, OSError, LookupError):
            raise ValueError(f"{name!r} is not a time zone: use an IANA name such as Europe/Berlin") from None

    @field_validator("statuses_not_sales", mode="before")
    @classmethod
    def _separated(cls, words: object) -> object:
        return tuple(w.strip() for w in words.split(",") if w.strip()) if isinstance(words, str) else words

    @field_validator("call_date_pattern")
    @classmethod
    def _finds_a_date(cls, pattern: str | None) -> str | None:
        if not pattern:  # as a Compose file passes on a variable that is not set
            return None
        from customer_analytics.ingestion.call_names import check_pattern  # brings Arrow, which few commands need

        check_pattern(pattern)
        return pattern

    @field_validator("openai_base_url")
    @classmethod
    def _without_secret(cls, url: str) -> str:
        if not url:  # as a Compose file passes on a variable that is not set
            return str(cls.model_fields["openai_base_url"].default)
        if "@" in urlsplit(url).netloc:
            raise ValueError("an address does not hold a user or password: put the key into OPENAI_API_KEY")
        return url

    @model_validator(mode="after")
    def _known_weights(self) -> "Settings":
        pinned = ("tiny.en", "base")
        if self.speech == "faster-whisper" and self.speech_model not in pinned:
            raise ValueError(f"faster-whisper has the weights {' and '.join(pinned)}, not {self.speech_model!r}")
        return self


def optional_secret(variable: str) -> dg.EnvVar | None:
    """A secret by the name of its variable, or None where that is not set; the value is read when it is used."""
    return dg.EnvVar(variable) if os.environ.get(variable) else None


@cache
def settings() -> Settings:
    """The settings of this process, read once; raises ValueError with a sentence for each that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        raise ValueError(
            " ".join(_sentence(problem["loc"], problem["msg"]) for problem in error.errors())
        ) from None


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else ""
    variable = name if name.isupper() or not name else f"CUSTOMER_ANALYTICS_{name.upper()}"
    message = message.removeprefix("Value error, ").rstrip(".")
    return f"{variable}: {message}." if variable else f"{message}."
