"""A Weaviate server on this machine, one per state folder; built or pulled once."""

from customer_analytics.supervisor import StartError
from customer_analytics.weaviate_server.process import Server, ensure_running, find, stop

__all__ = ["Server", "StartError", "ensure_running", "find", "stop"]
