"""Settings: the only place that reads the environment for choices and paths.

Secrets are not settings: they reach a resource as `dagster.EnvVar`, so that they never stand in the code
location's snapshot.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import dagster as dg
from platformdirs import user_cache_path
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from customer_analytics.credentials import web_address
from customer_analytics.ingestion.limits import LIMITS, MEGABYTE, Limits

_ADDRESS_FORM = (
    "an address is like https://host:port/path and does not hold a user, password or query: keys have "
    "variables of their own, such as OPENAI_API_KEY"
)
_LONGEST_PATH = 500
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


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
    maximum_file_megabytes: int = Field(
        default=LIMITS.file_bytes // MEGABYTE,
        ge=1,
        description="Megabytes of a source file of rows, as it lies at the source or decompressed, above which it "
        "is refused before it is read. Reading takes up to seven times as much memory.",
    )
    maximum_rows: int = Field(
        default=LIMITS.rows,
        ge=1,
        description="Rows of a source file, or lines of a CSV file, above which it is refused.",
    )
    maximum_columns: int = Field(
        default=LIMITS.columns, ge=1, description="Columns of a source file above which it is refused."
    )
    maximum_rejected_rows: int = Field(
        default=LIMITS.rejected,
        ge=1,
        description="Rejected rows above which a source file is refused, whatever their share.",
    )
    maximum_call_megabytes: int = Field(
        default=LIMITS.call_bytes // MEGABYTE,
        ge=1,
        description="Megabytes of a call's recording above which it is refused before it is read.",
    )
    maximum_call_minutes: int = Field(
        default=int(LIMITS.call_seconds / 60),
        ge=1,
        description="Minutes of a call's recording above which it is neither staged nor transcribed. Two hours "
        "take 230 MB of memory to transcribe.",
    )
    maximum_files: int = Field(
        default=LIMITS.files,
        ge=1,
        description="Files in the folder of calls or of comments, with its subfolders, above which none of them "
        "is read.",
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
    endpoint_max_result_megabytes: int = Field(
        default=256,
        ge=1,
        description="Largest result that the embedded endpoint returns, in megabytes. A statement with a larger "
        "one fails.",
    )
    endpoint_max_request_megabytes: int = Field(
        default=32,
        ge=1,
        description="Largest request that the embedded endpoint takes, unpacked, in megabytes; files that are "
        "loaded by way of a stage do not count.",
    )
    endpoint_max_sessions: int = Field(
        default=2000, ge=1, description="Sessions that the embedded endpoint has open at the same time."
    )
    endpoint_max_queued_statements: int = Field(
        default=256,
        ge=1,
        description="Statements of one session that wait in the embedded endpoint for the one that runs.",
    )
    endpoint_max_memory_megabytes: int = Field(
        default=6144,
        ge=1,
        description="Memory of the embedded endpoint, in megabytes. Beyond it, the endpoint cancels the "
        "statements that run; if that does not help within 5 s, its process ends, and the next client starts it "
        "anew.",
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
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Hosts under which browsers reach Dagster's UI and the dashboard, besides loopback: as in the "
        "address bar, with the port unless it is the default, separated by commas, e.g. "
        "analytics.example.com,10.0.0.5:8501. Requests for other hosts, and of pages of others, are refused.",
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
    def limits(self) -> Limits:
        """How large the files of the source may be."""
        return Limits(
            file_bytes=self.maximum_file_megabytes * MEGABYTE,
            rows=self.maximum_rows,
            columns=self.maximum_columns,
            rejected=self.maximum_rejected_rows,
            call_bytes=self.maximum_call_megabytes * MEGABYTE,
            call_seconds=self.maximum_call_minutes * 60,
            files=self.maximum_files,
        )

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

    @field_validator("statuses_not_sales", "allowed_hosts", mode="before")
    @classmethod
    def _separated(cls, words: object) -> object:
        return tuple(w.strip() for w in words.split(",") if w.strip()) if isinstance(words, str) else words

    @field_validator("allowed_hosts")
    @classmethod
    def _names_of_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise ValueError("a host is written as name or name:port, e.g. analytics.example.com")
        return tuple(host.lower() for host in hosts)

    @field_validator("call_date_pattern")
    @classmethod
    def _finds_a_date(cls, pattern: str | None) -> str | None:
        if not pattern:  # as a Compose file passes on a variable that is not set
            return None
        from customer_analytics.ingestion.call_names import check_pattern  # brings Arrow, which few commands need

        check_pattern(pattern)
        return pattern

    @field_validator("snowflake_private_key_path")
    @classmethod
    def _names_a_file(cls, path: str | None) -> str | None:
        if path and ("PRIVATE KEY" in path or len(path) > _LONGEST_PATH or not path.isprintable()):
            raise ValueError("it names the file of the key: put the key itself into SNOWFLAKE_PRIVATE_KEY")
        return path

    @field_validator("openai_base_url", "embedded_endpoint", "dagster_url")
    @classmethod
    def _without_secret(cls, url: str | None, field: ValidationInfo) -> str | None:
        if not url:  # as a Compose file passes on a variable that is not set
            default: str | None = cls.model_fields[str(field.field_name)].default
            return default
        web_address(url, _ADDRESS_FORM)
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


def web_password() -> str | None:
    """The password of Dagster's UI and the dashboard; None where there is none."""
    secret = optional_secret("CUSTOMER_ANALYTICS_WEB_PASSWORD")
    return secret.get_value() if secret else None


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
