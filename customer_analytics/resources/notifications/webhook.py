"""Failures as JSON to a web address, in the form that chat services take."""

import json
import urllib.request

from pydantic import Field

from customer_analytics.resources.notifications.base import Notifier, RunFailure


class WebhookNotifier(Notifier):
    """Posts `{"text", "run_id", "job", "steps"}` to an address that is a secret: who knows it may write there."""

    url: str = Field(description="Address that takes the messages.")
    timeout_seconds: float = Field(default=10, gt=0, description="Longest wait for an answer.")

    def tell(self, failure: RunFailure) -> None:
        """See `Notifier.tell`."""
        if not self.url.startswith(("https://", "http://")):
            raise ValueError("The webhook's address is to begin with https:// or http://.")
        body = {
            "text": failure.sentence,
            "run_id": failure.run_id,
            "job": failure.job,
            "steps": list(failure.steps),
        }
        request = urllib.request.Request(
            self.url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=self.timeout_seconds):
            pass
