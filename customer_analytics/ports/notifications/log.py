"""Failures in the log of the process that evaluates sensors."""

import logging

from customer_analytics.ports.notifications.base import Notifier, RunFailure

_log = logging.getLogger("customer_analytics.notifications")


class LogNotifier(Notifier):
    """Writes failures to the log."""

    def tell(self, failure: RunFailure) -> None:
        """See `Notifier.tell`."""
        _log.error(failure.sentence)
