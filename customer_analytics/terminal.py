"""Terminal output of a run: one line per message, without Dagster's event stream."""

import logging
import sys

import dagster as dg
from dagster._core.execution.plan import active

from customer_analytics.output import guard_logs, visible


class _Terse(logging.Formatter):
    """Time, step and original message, without Dagster's prefix of run and job."""

    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", {})
        step = meta.get("step_key") or ""
        message = str(meta.get("orig_message", record.getMessage()))
        if meta.get("dagster_event"):
            message = message.splitlines()[0]  # the rest is the stack trace, which is in the UI
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        # Each message begins with a time; its further lines are indented.
        message = visible(message).replace("\n", "\n          ")
        return f"{self.formatTime(record, '%H:%M:%S')}  {step:<22} {level}{message}"


@dg.logger(config_schema={"log_level": dg.Field(str, default_value="INFO")})
def terminal_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """A logger that prints messages of assets and errors of steps to standard error."""
    logger = logging.Logger("steps", level=context.logger_config["log_level"])
    logger.addHandler(_handler())
    return logger


def show_messages() -> None:
    """Also print messages from outside of steps, such as downloads of model files."""
    guard_logs()
    logger = logging.getLogger("customer_analytics")
    if not logger.handlers:
        logger.addHandler(_handler())
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.getLogger(active.__name__).addFilter(_WithoutSkipped())


_ABOUT_SKIPPED = (
    "Dependencies for step",
    "Skipping step",
    "did not fire outputs",
    "emitted no result",
    "did not yield or return expected outputs",
)


class _WithoutSkipped(logging.Filter):
    """Drops Dagster's messages about skipped steps and tables; the summary names them."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = str(getattr(record, "dagster_meta", {}).get("orig_message", record.getMessage()))
        return not any(words in message for words in _ABOUT_SKIPPED)


def _handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_WithoutSkipped())
    handler.setFormatter(_Terse())
    return handler
