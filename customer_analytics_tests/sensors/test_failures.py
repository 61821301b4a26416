"""Who is told of failed runs, and how."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dagster as dg
import pytest

from customer_analytics.adapters import Adapters
from customer_analytics.automation.run_sensors import tell_of_failures
from customer_analytics.ports.notifications.log import LogNotifier
from customer_analytics.ports.notifications.webhook import WebhookNotifier
from customer_analytics.resources.adapters import resources
from customer_analytics.settings import Settings


@dg.asset
def ill() -> None:
    raise dg.Failure("the toy box is empty", allow_retries=False)


def tell(notifier: LogNotifier | WebhookNotifier) -> str:
    """Let a run fail and the sensor see it; the run's id."""
    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize([ill], instance=instance, raise_on_error=False)
    event = result.get_run_failure_event()
    context = dg.build_run_status_sensor_context(
        "tell_of_failures", event, instance, result.dagster_run, resources={"notifier": notifier}
    ).for_run_failure()
    with context:
        tell_of_failures(context)
    return result.run_id


@pytest.fixture
def messages() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a web server, and the bodies posted to it."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", posted
    server.shutdown()


def test_a_webhook_gets_the_run_and_why_each_step_failed(messages: tuple[str, list[dict[str, Any]]]) -> None:
    url, posted = messages
    run_id = tell(WebhookNotifier(url=url))
    (message,) = posted
    assert message["run_id"] == run_id
    assert "the toy box is empty" in message["text"]
    assert message["steps"][0].startswith("ill: ")


def test_a_webhook_that_does_not_answer_is_given_up(messages: tuple[str, list[dict[str, Any]]]) -> None:
    with pytest.raises(OSError):
        tell(WebhookNotifier(url="http://127.0.0.1:9/", timeout_seconds=1))


def test_the_log_is_told_by_default(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Adapters(Settings()).notifier
    run_id = tell(notifier)
    assert any(run_id in record.getMessage() for record in caplog.records if "notifications" in record.name)


def test_the_webhook_is_a_secret_and_no_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMER_ANALYTICS_WEBHOOK_URL", "https://chat.example.com/hook")
    notifier = resources(Settings(notifications="webhook"))["notifier"]
    assert isinstance(notifier.customer_analytics_webhook_url, dg.EnvVar)
