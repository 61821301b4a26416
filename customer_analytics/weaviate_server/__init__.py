"""A real Weaviate server on this machine: built or pulled once, started and stopped by its state folder."""

from customer_analytics.weaviate_server.process import Server, StartError, ensure_running, find, stop

__all__ = ["Server", "StartError", "ensure_running", "find", "stop"]
