"""A stand-in for OpenAI's API on loopback, for the real client to talk to.

The protocol, its limits and its refusals are OpenAI's as its reference describes them; behind it are this project's
local models, so that texts have meanings and speech has words, the same each time. What OpenAI's own models answer,
it cannot show.
"""

import base64
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from email import message_from_bytes
from email.policy import HTTP
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

import numpy as np

from customer_analytics.ports.embeddings import token_limit
from customer_analytics.ports.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.ports.speech.faster_whisper import FasterWhisperTranscriber
from customer_analytics.settings import settings

KEY = "sk-loopback-0123456789"
_SHARED_URL = "CUSTOMER_ANALYTICS_TESTS_OPENAI_URL"
_CACHE = str(settings().model_cache)
_DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "BAAI/bge-small": 384}
_MODELS = {*_DIMENSIONS, "whisper-1", "gpt-4o-transcribe", "gpt-4.1-mini"}

Body = dict[str, Any]


class Answer(NamedTuple):
    """What goes back to the client; a text body is sent as it is."""

    status: int
    body: Body | str
    headers: dict[str, str] = {}  # noqa: RUF012


class Request(NamedTuple):
    """What a client has asked, and when (seconds of a steady clock)."""

    path: str
    body: Body
    at: float


def refusal(status: int, message: str, code: str, param: str | None = None, **headers: str) -> Answer:
    kind = "invalid_request_error" if status < 429 else code
    error = {"message": message, "type": kind, "param": param, "code": code}
    return Answer(status, {"error": error}, {name.replace("_", "-"): value for name, value in headers.items()})


def too_few_vectors(answer: Answer) -> Answer:
    return Answer(200, cast("Body", answer.body) | {"data": cast("Body", answer.body)["data"][1:]})


def half_the_body(answer: Answer) -> Answer:
    text = json.dumps(answer.body)
    return Answer(200, text[: len(text) // 2])


Fault = Answer | Callable[[Answer], Answer] | float
"""An answer in place of the right one, what to make of the right one, or seconds for which there is none."""

RATE_LIMIT = refusal(429, "Rate limit reached", "rate_limit_exceeded", retry_after="1")
LONG_RATE_LIMIT = refusal(429, "Rate limit reached", "rate_limit_exceeded", retry_after="600")
NO_CREDIT = refusal(429, "You exceeded your current quota", "insufficient_quota")
DISTURBED = refusal(500, "The server had an error", "server_error")


class OpenAIServer:
    """Serves from its creation to `stop`; keeps the requests, and can be told to fail."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: deque[Fault] = deque()
        self.chat: Callable[[Body], str] = quoting_the_best_sentence
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def fail(self, *faults: Fault) -> None:
        """Let the next requests meet these faults, one each, and forget earlier requests."""
        self.requests.clear()
        self.faults = deque(faults)

    def answer(self, path: str, body: Body, key: str) -> Answer | None:
        self.requests.append(Request(path, body, time.monotonic()))
        fault = self.faults.popleft() if self.faults else None
        if isinstance(fault, float):
            time.sleep(fault)
            return None
        if isinstance(fault, Answer):
            return fault
        right = self._right(path, body, key)
        return fault(right) if fault else right

    def _right(self, path: str, body: Body, key: str) -> Answer:
        if key != KEY:
            return refusal(401, f"Incorrect API key provided: {key}.", "invalid_api_key")
        if body["model"] not in _MODELS:
            return refusal(404, f"The model '{body['model']}' does not exist.", "model_not_found", "model")
        if path.startswith("/v1/models/"):
            return Answer(200, {"id": body["model"], "object": "model", "created": 0, "owned_by": "loopback"})
        if path == "/v1/embeddings":
            return _embeddings(body)
        if path == "/v1/audio/transcriptions":
            return _transcription(body)
        content = {"role": "assistant", "content": self.chat(body)}
        choice = {"index": 0, "message": content, "finish_reason": "stop"}
        return Answer(200, {"id": "1", "object": "chat.completion", "model": body["model"], "choices": [choice]})


def quoting_the_best_sentence(body: Body) -> str:
    """What a model might answer: the sentence that shares most words with the question."""
    asked = json.loads(body["messages"][-1]["content"])
    question = set(asked["question"].lower().split())
    sentences = [
        (len(question & set(sentence.lower().split())), passage["number"], sentence)
        for passage in asked["passages"]
        for sentence in passage["text"].split(". ")
    ]
    _, number, sentence = max(sentences)
    statement = {"text": f"Somebody said: {sentence}", "quotes": [{"passage": number, "text": sentence}]}
    return json.dumps({"statements": [statement]})


def shared_url() -> str:
    """Address of one server for a test session and the processes that it starts."""
    if _SHARED_URL not in os.environ:
        os.environ[_SHARED_URL] = _shared().url
    return os.environ[_SHARED_URL]


@cache
def _shared() -> OpenAIServer:
    return OpenAIServer()


def _embeddings(body: Body) -> Answer:
    texts = body["input"]
    encoding = token_limit._encoding(_CACHE)
    tokens = [len(encoding.encode_ordinary(text)) for text in texts]
    if "" in texts or not 1 <= len(texts) <= 2048:
        return refusal(400, "'$.input' is invalid.", "invalid_input", "input")
    if max(tokens) > 8192 or sum(tokens) > 300_000:
        return refusal(400, "This model's maximum context length is 8192 tokens", "context_length", "input")
    length = body.get("dimensions", _DIMENSIONS[body["model"]])
    short = BgeSmallEmbedder(cache_folder=_CACHE).embed(texts)
    vectors = np.stack([np.resize(vector, length) for vector in short])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector, body["encoding_format"])}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": sum(tokens), "total_tokens": sum(tokens)}
    # In no particular order: what says which vector is whose is the index.
    return Answer(200, {"object": "list", "data": data[::-1], "model": body["model"], "usage": usage})


def _encoded(vector: "np.ndarray[Any, Any]", encoding_format: str) -> Any:
    return base64.b64encode(vector.tobytes()).decode() if encoding_format == "base64" else vector.tolist()


def _transcription(body: Body) -> Answer:
    if len(body["file"]) > 25 * 2**20:
        return refusal(413, "Maximum content size limit (26214400) exceeded", "too_large")
    if body["model"].startswith("gpt-") and body["response_format"] != "json":
        return refusal(400, "response_format is not compatible", "unsupported_value", "response_format")
    with TemporaryDirectory() as folder:
        path = Path(folder, "call")
        path.write_bytes(body["file"])
        (heard,) = FasterWhisperTranscriber(cache_folder=_CACHE).transcribe([path])
    if heard.status == "failed":
        return refusal(400, "Audio file might be corrupted or unsupported", "invalid_value", "file")
    if body["response_format"] == "json":
        return Answer(200, {"text": heard.text or ""})
    verbose = {"task": "transcribe", "language": "english", "duration": heard.duration_seconds}
    return Answer(200, verbose | {"text": heard.text or "", "segments": []})


def _handler(server: OpenAIServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer({"model": self.path.removeprefix("/v1/models/").replace("%2F", "/")})

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            kind = self.headers["content-type"]
            self._answer(json.loads(content) if "json" in kind else _form(kind, content))

        def _answer(self, body: Body) -> None:
            key = self.headers["authorization"].removeprefix("Bearer ")
            answer = server.answer(self.path, body, key)
            if answer is None:
                self.close_connection = True
                return
            content = (answer.body if isinstance(answer.body, str) else json.dumps(answer.body)).encode()
            self.send_response(answer.status)
            headers = {"content-type": "application/json", "content-length": str(len(content)), **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    return Handler


def _form(kind: str, content: bytes) -> Body:
    """The fields of a form with files, these as bytes."""
    message = message_from_bytes(f"content-type: {kind}\r\n\r\n".encode() + content, policy=HTTP)
    fields: Body = {}
    for part in message.iter_parts():  # type: ignore[attr-defined]
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        fields[name] = value if part.get_filename() else value.decode()
    return fields
