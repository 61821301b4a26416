"""A Weaviate server as a process that tests may kill."""

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from customer_analytics import weaviate_server


@dataclass
class WeaviateProcess:
    """The server of a state folder."""

    home: Path

    @property
    def pid(self) -> int:
        pid: int = json.loads((self.home / "weaviate" / "server.json").read_text())["pid"]
        return pid

    def start(self) -> weaviate_server.Server:
        return weaviate_server.ensure_running(self.home, user_cache_path("customer-analytics"))

    def kill(self) -> None:
        """End it as a machine does that loses its power."""
        os.kill(self.pid, signal.SIGKILL)
        while weaviate_server.find(self.home):
            time.sleep(0.05)

    def stop(self) -> bool:
        return weaviate_server.stop(self.home)
