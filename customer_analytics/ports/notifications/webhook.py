"""Failures as JSON to a web address, in the form that chat services take."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from customer_analytics.credentials import http_parts
from customer_analytics.ports.notifications.base import Notifier, RunFailure

if TYPE_CHECKING:
    from aiohttp import ClientResponse

_VARIABLE = "CUSTOMER_ANALYTICS_WEBHOOK_URL"


@dataclass(kw_only=True, eq=False)
class WebhookNotifier(Notifier):
    """Posts `{"text", "run_id", "job", "steps"}` to an address that is a secret: who knows it may write there.

    A user and password in the address are sent as basic authentication. Proxies are those of the environment.
    """

    url: str = field(repr=False)
    timeout_seconds: float = 10

    def tell(self, failure: RunFailure) -> None:
        """See `Notifier.tell`; no error has a part of the address."""
        problem = "the address is none: it begins with https:// or http:// and names a host"
        if http_parts(self.url):
            message = {
                "text": failure.sentence,
                "run_id": failure.run_id,
                "job": failure.job,
                "steps": list(failure.steps),
            }
            problem = asyncio.run(self._post(message))
        if problem:
            raise OSError(f"The webhook in {_VARIABLE} got no message about run {failure.run_id}: {problem}.")

    async def _post(self, message: dict[str, Any]) -> str:
        """Post a message; what went wrong, or the empty text."""
        import aiohttp

        longest = aiohttp.ClientTimeout(total=self.timeout_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=longest, trust_env=True) as session,
                session.post(self.url, json=message, allow_redirects=False) as answer,
            ):
                return _refusal(answer)
        except TimeoutError:
            return f"it did not answer within {self.timeout_seconds:g} seconds"
        except (aiohttp.ClientError, OSError, ValueError) as error:  # whose texts have the address
            return f"it cannot be reached ({type(error).__name__})"


def _refusal(answer: "ClientResponse") -> str:
    if 300 <= answer.status < 400:
        return f"it answered with the redirect {answer.status}, which is not followed: set the final address"
    return "" if answer.status < 300 else f"it answered with status {answer.status}"
