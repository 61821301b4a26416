"""The code servers of `customer-analytics dev`: `python -m customer_analytics.web.code_servers FILE`."""

import json
import sys
import threading
from pathlib import Path

from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._cli.utils import get_instance_for_cli
from dagster._core.workspace.load_target import WorkspaceFileTarget

from customer_analytics.web.stopping import until_stopped

_WORKSPACE = Path(__file__).resolve().parents[2] / "workspace.yaml"


def serve(connected: Path) -> None:
    """Serve each code location of workspace.yaml on a socket, as `dagster dev` does, until SIGTERM or Ctrl-C.

    Args:
        connected: The workspace file that connects the UI and the daemon to them; it is there once they answer.
    """
    with (
        until_stopped(),
        get_instance_for_cli() as instance,
        ProxyServerManager(instance, WorkspaceFileTarget([str(_WORKSPACE)]), "warning") as servers,
    ):
        # JSON, which is YAML too.
        unfinished = connected.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({"load_from": servers.get_code_server_specs()}))
        unfinished.rename(connected)
        threading.Event().wait()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
