"""The OpenAI API, or a service that speaks its protocol, as embeddings, speech and answers use it."""

import importlib.util
import logging
import random
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import dagster as dg
from pydantic import Field

from customer_analytics.credentials import key

if TYPE_CHECKING:
    import openai

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")
_LONGEST_PAUSE = 8.0
_PASSING = (408, 409, 429)  # as the client of OpenAI sees it, which asks again for these


class OpenAIError(RuntimeError):
    """The service did not do what it was asked; the text says what and what to do.

    Where it refused the request, `said` is its reason and `parameter` the part of the request that this is about.
    """

    def __init__(self, text: str, said: str = "", parameter: str | None = None) -> None:
        self.said = said
        self.parameter = parameter
        super().__init__(text)


class OpenAIRefusalError(OpenAIError, ValueError):
    """The service refuses the request and will refuse it again, until somebody corrects something."""


class OpenAIService(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the service is and how patiently it is asked.

    The client asks again, after pauses that double, where the service is overloaded, fails, does not answer in
    time or cannot be reached; where it says how long to wait (`retry-after`), it waits that long, and gives up if
    that is more than two minutes. An answer that cannot be read is asked for again in the same way.
    """

    api_key: str | None = Field(default=None, repr=False, description="Key of the service.")
    base_url: str = Field(default="https://api.openai.com/v1", description="Address of the API.")
    timeout: float = Field(default=60, gt=0, description="Seconds to wait for an answer.")
    retries: int = Field(default=5, ge=0, description="How often a request is repeated before it fails.")

    def ask(self, request: "Callable[[openai.OpenAI], _Answer]") -> _Answer:
        """The answer to one request.

        Args:
            request: Makes the request and reads what comes back; raises ValueError, TypeError or AttributeError
                where that cannot be read.

        Raises:
            OpenAIError: There is no key, the service refuses the request, or it does not answer in spite of all
                repetitions.
        """
        require_library()
        import openai

        if not self.api_key:
            raise OpenAIRefusalError(
                f"OPENAI_API_KEY is not set: put the key of {self.base_url} there, or any word if it wants none."
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
                    f"{self.base_url} {what} ({self.retries + 1} attempts): what is done is kept; run again when "
                    "it works, or correct OPENAI_BASE_URL."
                ) from None
            except (ValueError, TypeError, AttributeError) as error:
                unread = error
            if attempt < self.retries:
                pause = min(0.5 * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.75, 1)
                _log.info("%s gave an unreadable answer (%s); again in %.1f s", self.base_url, unread, pause)
                time.sleep(pause)
        raise OpenAIError(
            f"{self.base_url} gave an answer that cannot be read ({self._without_key(str(unread))}), "
            f"{self.retries + 1} times: check that OPENAI_BASE_URL is the address of an OpenAI-compatible API."
        ) from unread

    def describe(self, model: str) -> str:
        """One line on the model and the service; raises OpenAIError if it does not know the model or the key."""
        self.ask(lambda client: client.models.retrieve(model))
        return f"{model} at {self.base_url}"

    def _refusal(self, error: "openai.APIStatusError") -> OpenAIError:
        body = error.body if isinstance(error.body, dict) else {}
        said = self._without_key(str(body.get("message") or error.message).strip().rstrip("."))
        text = f"{self.base_url} refused a request with status {error.status_code} ({said}): {_advice(error)}"
        passes = error.status_code in _PASSING or error.status_code >= 500
        return (OpenAIError if passes else OpenAIRefusalError)(text, said, error.param)

    def _without_key(self, text: str) -> str:
        """The text as it may stand in logs: some services repeat the key they were given."""
        return text.replace(self.api_key, "***") if self.api_key else text


def require_library() -> None:
    """Raise ModuleNotFoundError, saying how to install it, where the client library is absent."""
    if importlib.util.find_spec("openai") is None:
        raise ModuleNotFoundError("openai is not installed: pip install 'customer-analytics[openai]'.")


def _advice(error: "openai.APIStatusError") -> str:
    if error.status_code in (401, 403):
        return "set OPENAI_API_KEY to a key of this service that may use the model."
    if error.status_code == 404:
        return "correct the model's name (CUSTOMER_ANALYTICS_OPENAI_…_MODEL) or OPENAI_BASE_URL."
    if error.code == "insufficient_quota":
        return "the account has no credit left; what is done is kept, run again when it has."
    if error.status_code == 429:
        wait = error.response.headers.get("retry-after")
        when = f"in {wait} seconds" if wait else "later"
        return f"the account's rate limit is reached; what is done is kept, run again {when}."
    if error.status_code >= 500:
        return "the service is disturbed; what is done is kept, run again when it works."
    return "correct the settings CUSTOMER_ANALYTICS_OPENAI_… that this is about."


@cache
def _client(base_url: str, api_key: str, timeout: float, retries: int) -> "openai.OpenAI":
    import openai

    return openai.OpenAI(base_url=base_url, api_key=api_key, timeout=timeout, max_retries=retries)
