"""Conversion of Whisper weights from CTranslate2's file format to openai-whisper.

Both libraries run the same network, and the pinned files hold the half-precision numbers that OpenAI published,
under other names. So openai-whisper needs no second download. The format is CTranslate2's binary version 6:
strings with a 16-bit length, then variables with name, shape, type and bytes, then aliases.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Variables = dict[str, npt.NDArray[Any]]

_TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)
_VERSION = 6
_HEAD_SIZE = 64  # in all of OpenAI's Whisper models
_AUDIO_CONTEXT, _TEXT_CONTEXT = 1500, 448  # likewise


def read_variables(path: Path) -> Variables:
    """The variables of a CTranslate2 model file by name.

    Raises:
        ValueError: The file has another version of the format.
    """
    with path.open("rb") as file:
        if (version := _number(file, "I")) != _VERSION:
            raise ValueError(f"{path} is of version {version} of CTranslate2's format, not {_VERSION}.")
        _string(file)  # the kind of model
        _number(file, "I")  # and its revision
        variables = dict(_variable(file) for _ in range(_number(file, "I")))
        for _ in range(_number(file, "I")):
            alias, name = _string(file), _string(file)
            variables[alias] = variables[name]
    return variables


def checkpoint(variables: Variables) -> tuple[dict[str, int], Variables]:
    """Dimensions and parameters of the network as `whisper.model.Whisper` names them."""
    state = int(variables["encoder/conv1/bias"].size)
    layers = {side: _layers(variables, side) for side in ("encoder", "decoder")}
    dimensions = {
        "n_mels": variables["encoder/conv1/weight"].shape[1],
        "n_vocab": variables["decoder/embeddings/weight"].shape[0],
        "n_audio_ctx": _AUDIO_CONTEXT,
        "n_text_ctx": _TEXT_CONTEXT,
        "n_audio_state": state,
        "n_text_state": state,
        "n_audio_head": state // _HEAD_SIZE,
        "n_text_head": state // _HEAD_SIZE,
        "n_audio_layer": layers["encoder"],
        "n_text_layer": layers["decoder"],
    }
    return dimensions, dict(_parameters(variables, layers))


def _parameters(variables: Variables, layers: dict[str, int]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    yield "encoder.positional_embedding", variables["encoder/position_encodings/encodings"]
    yield "decoder.positional_embedding", variables["decoder/position_encodings/encodings"]
    yield "decoder.token_embedding.weight", variables["decoder/embeddings/weight"]
    for name in ("conv1", "conv2"):
        yield from _linear(f"encoder.{name}", variables, f"encoder/{name}")
    yield from _norm("encoder.ln_post", variables, "encoder/layer_norm")
    yield from _norm("decoder.ln", variables, "decoder/layer_norm")
    for side, count in layers.items():
        for number in range(count):
            theirs, ours = f"{side}/layer_{number}", f"{side}.blocks.{number}"
            yield from _attention(f"{ours}.attn", variables, f"{theirs}/self_attention")
            yield from _norm(f"{ours}.attn_ln", variables, f"{theirs}/self_attention/layer_norm")
            if side == "decoder":
                yield from _attention(f"{ours}.cross_attn", variables, f"{theirs}/attention")
                yield from _norm(f"{ours}.cross_attn_ln", variables, f"{theirs}/attention/layer_norm")
            yield from _linear(f"{ours}.mlp.0", variables, f"{theirs}/ffn/linear_0")
            yield from _linear(f"{ours}.mlp.2", variables, f"{theirs}/ffn/linear_1")
            yield from _norm(f"{ours}.mlp_ln", variables, f"{theirs}/ffn/layer_norm")


def _attention(ours: str, variables: Variables, theirs: str) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Query, key, value and output; CTranslate2 stacks the weights that take the same input in one matrix.

    That is all three in self-attention; key and value, after a separate query, in attention to the audio. A key
    has no bias in Whisper.
    """
    inputs = [f"{theirs}/linear_{n}" for n in range(3) if f"{theirs}/linear_{n}/weight" in variables]
    *inputs, output = inputs
    weight = np.concatenate([variables[f"{name}/weight"] for name in inputs])
    bias = np.concatenate([variables[f"{name}/bias"] for name in inputs])
    for name, rows, offset in zip(("query", "key", "value"), np.split(weight, 3), np.split(bias, 3), strict=True):
        yield f"{ours}.{name}.weight", rows
        if name != "key":
            yield f"{ours}.{name}.bias", offset
        elif offset.any():
            raise ValueError(f"{theirs} has a bias for its keys, which Whisper does not have.")
    yield from _linear(f"{ours}.out", variables, output)


def _linear(ours: str, variables: Variables, theirs: str) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    yield f"{ours}.weight", variables[f"{theirs}/weight"]
    yield f"{ours}.bias", variables[f"{theirs}/bias"]


def _norm(ours: str, variables: Variables, theirs: str) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    yield f"{ours}.weight", variables[f"{theirs}/gamma"]
    yield f"{ours}.bias", variables[f"{theirs}/beta"]


def _layers(variables: Variables, side: str) -> int:
    return sum(name.startswith(f"{side}/layer_") and name.endswith("/ffn/linear_0/weight") for name in variables)


def _variable(file: BinaryIO) -> tuple[str, npt.NDArray[Any]]:
    name = _string(file)
    shape = [_number(file, "I") for _ in range(_number(file, "B"))]
    kind = _TYPES[_number(file, "B")]
    return name, np.frombuffer(file.read(_number(file, "I")), kind).reshape(shape)


def _string(file: BinaryIO) -> str:
    return file.read(_number(file, "H"))[:-1].decode()


def _number(file: BinaryIO, kind: str) -> int:
    (number,) = struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))
    return int(number)
