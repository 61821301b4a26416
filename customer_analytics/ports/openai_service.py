"""Client of the OpenAI API or a compatible service, for embeddings, speech and answers."""

import importlib.util
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from customer_analytics.credentials import key

if TYPE_CHECKING:
    import openai

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")
_LONGEST_PAUSE = 8.0
_PASSING = (408, 409, 429)  # the status codes that OpenAI's client retries


class OpenAIError(RuntimeError):
    """A request failed; the message says why and what to do.

    If the service refused the request, `said` is its reason and `parameter` the part of the request it refers to.
    """

    def __init__(self, text: str, said: str = "", parameter: str | None = None) -> None:
        self.said = said
        self.parameter = parameter
        super().__init__(text)


class OpenAIRefusalError(OpenAIError, ValueError):
    """The service refused the request, and a retry without a change would fail, too."""


@dataclass(kw_only=True, eq=False)
class OpenAIService:
    """Address of the service, and its timeouts and retries.

    Requests are retried with exponential backoff if the service is overloaded, fails, times out or cannot be
    reached, or if its answer is malformed. If the service says how long to wait (`retry-after`), the client waits
    that long, but gives up if it is more than two minutes.
    """

    api_key: str | None = field(default=None, repr=False)
    base_url: str = "https://api.openai.com/v1"
    timeout: float = 60
    retries: int = 5

    def ask(self, request: "Callable[[openai.OpenAI], _Answer]") -> _Answer:
        """The answer to one request.

        Args:
            request: Sends the request and parses the answer; raises ValueError, TypeError or AttributeError if the
                answer is malformed.

        Raises:
            OpenAIError: There is no key, the service refuses the request, or all retries failed.
        """
        require_library()
        import openai

        if not self.api_key:
            raise OpenAIRefusalError(
                f"OPENAI_API_KEY is not set: set it to a key of {self.base_url}, or to any word if it needs none."
            )
        try:
            sent = key(self.api_key, "OPENAI_API_KEY")
        except ValueError as error:
            raise OpenAIRefusalError(str(error)) from None
        client = _client(self.base_url, sent, self.timeout, self.retries)
        for attempt in range(self.retries + 1):
            try:
                return request(client)
            except openai.APIStatusError as error:
                raise self._refusal(error) from None
            except openai.APIConnectionError as error:
                slow = isinstance(error, openai.APITimeoutError)
                what = f"did not answer within {self.timeout:g} seconds" if slow else "cannot be reached"
                raise OpenAIError(
                    f"{self.base_url} {what} ({self.retries + 1} attempts). Finished work is kept: run again when "
                    "the service works, or correct OPENAI_BASE_URL."
                ) from None
            except (ValueError, TypeError, AttributeError) as error:
                unread = error
            if attempt < self.retries:
                pause = min(0.5 * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.75, 1)
                _log.info("%s gave a malformed answer (%s); retrying in %.1f s", self.base_url, unread, pause)
                time.sleep(pause)
        raise OpenAIError(
            f"{self.base_url} gave a malformed answer ({self._without_key(str(unread))}), "
            f"{self.retries + 1} times: check that OPENAI_BASE_URL is the address of an OpenAI-compatible API."
        ) from unread

    def describe(self, model: str) -> str:
        """One line on the model and the service; raises OpenAIError if it rejects the model or the key."""
        self.ask(lambda client: client.models.retrieve(model))
        return f"{model} at {self.base_url}"

    def _refusal(self, error: "openai.APIStatusError") -> OpenAIError:
        body = error.body if isinstance(error.body, dict) else {}
        said = self._without_key(str(body.get("message") or error.message).strip().rstrip("."))
        text = f"{self.base_url} refused a request with status {error.status_code} ({said}): {_advice(error)}"
        passes = error.status_code in _PASSING or error.status_code >= 500
        return (OpenAIError if passes else OpenAIRefusalError)(text, said, error.param)

    def _without_key(self, text: str) -> str:
        """The text for logs, with the key masked: some services repeat it in their messages."""
        return text.replace(self.api_key, "***") if self.api_key else text


def require_library() -> None:
    """Raise ModuleNotFoundError, with the command that installs it, if the client library is missing."""
    if importlib.util.find_spec("openai") is None:
        raise ModuleNotFoundError("openai is not installed: pip install 'customer-analytics[openai]'.")


def _advice(error: "openai.APIStatusError") -> str:
    if error.status_code in (401, 403):
        return "set OPENAI_API_KEY to a key of this service that may use the model."
    if error.status_code == 404:
        return "correct the model's name (CUSTOMER_ANALYTICS_OPENAI_…_MODEL) or OPENAI_BASE_URL."
    if error.code == "insufficient_quota":
        return "the account has no credit left. Finished work is kept: add credit and run again."
    if error.status_code == 429:
        wait = error.response.headers.get("retry-after")
        when = f"in {wait} seconds" if wait else "later"
        return f"the account's rate limit is reached. Finished work is kept: run again {when}."
    if error.status_code >= 500:
        return "the service has a failure. Finished work is kept: run again when it works."
    return "correct the settings CUSTOMER_ANALYTICS_OPENAI_… that it refers to."


@cache
def _client(base_url: str, api_key: str, timeout: float, retries: int) -> "openai.OpenAI":
    import openai

    return openai.OpenAI(base_url=base_url, api_key=api_key, timeout=timeout, max_retries=retries)
