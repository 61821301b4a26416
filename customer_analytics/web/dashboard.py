"""The dashboard behind the guard."""

from pathlib import Path

from starlette.middleware import Middleware
from streamlit import App

from customer_analytics.web.guard import Access, Guard

HEALTH_PATH = "/_stcore/health"
_APP = Path(__file__).resolve().parents[1] / "dashboard" / "app.py"


def serve(address: str, port: int, allowed: Access) -> None:
    """Serve the dashboard, until SIGTERM or Ctrl-C."""
    app = App(_APP, middleware=[Middleware(Guard, allowed=allowed, health_path=HEALTH_PATH)])
    app.run(
        config={
            "server.address": address,
            "server.port": port,
            "server.headless": True,
            "server.fileWatcherType": "none",
            "server.maxUploadSize": 1,  # in MB; the dashboard has no uploads
            "browser.gatherUsageStats": False,
            "client.toolbarMode": "minimal",
            # Streamlit's export of tables does not neutralise formulas; the button below each table does.
            "client.disableDataExport": True,
            "theme.primaryColor": "#0072B2",
        }
    )
