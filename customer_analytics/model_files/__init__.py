"""Pinned model weights: the catalogue, downloads from the first source that answers, and verification."""

from customer_analytics.model_files.catalog import (
    BGE_SMALL_EN,
    CL100K_BASE,
    RERANKER_EN,
    WHISPER_BASE,
    WHISPER_TINY_EN,
    ModelFile,
    ModelFiles,
)
from customer_analytics.model_files.fetching import ModelFilesError, describe, fetch

__all__ = [
    "BGE_SMALL_EN",
    "CL100K_BASE",
    "RERANKER_EN",
    "WHISPER_BASE",
    "WHISPER_TINY_EN",
    "ModelFile",
    "ModelFiles",
    "ModelFilesError",
    "describe",
    "fetch",
]
