"""Settings of the models: classifier and registry, speech, embeddings, answers, and the OpenAI API."""

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

_PINNED_WEIGHTS = ("tiny.en", "base")
Share = Annotated[float, Field(ge=0, le=1)]


class ModelSettings(BaseModel):
    """Which models are used, and where they run."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    registry: Literal["warehouse", "snowflake-ml"] = "warehouse"
    """Where models are stored: `warehouse` in a table and a stage of it, `snowflake-ml` in the Snowflake ML
    Registry, which scores inside the warehouse."""
    snowflake_ml_dependencies: Literal["conda", "pip"] = "conda"
    """Source of the libraries of models in the Snowflake ML Registry: Snowflake's `conda` channel, or PyPI with
    `pip`, which has every version."""
    minimum_accuracy: Share = 0.7
    """Accuracy on texts not seen in training below which a classifier is not used."""
    minimum_auc: Share = 0.75
    """Area under the ROC curve on texts not seen in training below which a classifier is not used."""
    speech: Literal["faster-whisper", "openai-whisper", "openai"] = "faster-whisper"
    """What transcribes calls: Whisper on this machine, in CTranslate2 (`faster-whisper`) or on torch
    (`openai-whisper`), or the OpenAI API."""
    speech_model: str = "tiny.en"
    """Whisper weights on this machine: `tiny.en` (English, fast) or `base` (multilingual); openai-whisper also
    accepts the other names of its library and the path of a `.pt` file."""
    speech_weights: str | None = None
    """Folder of the Whisper weights, instead of the model cache."""
    embeddings: Literal["local", "openai"] = "local"
    """What embeds texts: a model on this machine, or the OpenAI API."""
    embedding_weights: str | None = None
    """Folder of the embedding model's files, instead of the model cache."""
    embedding_threads: PositiveInt = 2
    """Threads that call the local embedding model, with one text each."""
    answers: Literal["extractive", "openai"] = "extractive"
    """What answers questions: quotes of the best passages, or a chat model of the OpenAI API that receives these
    passages."""
    openai_base_url: str = Field("https://api.openai.com/v1", alias="OPENAI_BASE_URL")
    """Address of the OpenAI API, or of a compatible service."""
    openai_timeout: PositiveFloat = 60
    """Seconds to wait for a response of the OpenAI API."""
    openai_retries: NonNegativeInt = 5
    """How often a request to the OpenAI API is retried before a step fails."""
    openai_requests: PositiveInt = 4
    """Concurrent requests for embeddings."""
    openai_embedding_model: str = "text-embedding-3-small"
    """Embedding model, as the service calls it."""
    openai_embedding_dimensions: PositiveInt | None = None
    """Length of the vectors; the model's own if not set. Required for models other than OpenAI's."""
    openai_embedding_max_tokens: PositiveInt = 8191
    """Tokens of a text that are embedded; bytes, for models other than OpenAI's."""
    openai_embedding_price: NonNegativeFloat | None = None
    """US dollars per million tokens; OpenAI's list price if not set."""
    openai_speech_model: str = "whisper-1"
    """Speech model, as the service calls it."""
    openai_speech_price: NonNegativeFloat | None = None
    """US dollars per minute of speech; OpenAI's list price if not set."""
    openai_answer_model: str = "gpt-4.1-mini"
    """Chat model, as the service calls it."""

    @model_validator(mode="after")
    def _known_weights(self) -> "ModelSettings":
        if self.speech == "faster-whisper" and self.speech_model not in _PINNED_WEIGHTS:
            raise ValueError(f"faster-whisper supports {' and '.join(_PINNED_WEIGHTS)}, not {self.speech_model!r}")
        return self
