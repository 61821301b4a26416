"""The code servers of `customer-analytics dev`: `python -m customer_analytics.web.code_servers FILE`."""

import json
import sys
import threading
from pathlib import Path

from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._cli.utils import get_instance_for_cli
from dagster._core.workspace.load_target import WorkspaceFileTarget

from customer_analytics.supervisor import until_stopped

_WORKSPACE = Path(__file__).resolve().parents[2] / "workspace.yaml"


def serve(connected: Path) -> None:
    """Serve each code location of workspace.yaml on a socket, like `dagster dev`, until SIGTERM or Ctrl-C.

    Args:
        connected: The workspace file through which the UI and the daemon connect; written when the servers answer.
    """
    with (
        until_stopped(),
        get_instance_for_cli() as instance,
        ProxyServerManager(instance, WorkspaceFileTarget([str(_WORKSPACE)]), "warning") as servers,
    ):
        # JSON is also YAML.
        unfinished = connected.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({"load_from": servers.get_code_server_specs()}))
        unfinished.rename(connected)
        threading.Event().wait()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
