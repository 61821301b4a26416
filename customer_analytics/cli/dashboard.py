"""`customer-analytics dashboard`."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from customer_analytics.cli.errors import fail


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8501, show_default=True, help="Port to listen on.")
def dashboard(host: str, port: int) -> None:
    """Show the dashboard, until stopped; it reads and never writes."""
    if find_spec("streamlit") is None:
        fail("The dashboard needs Streamlit: pip install 'customer-analytics[dashboard]'.")
    app = Path(__file__).resolve().parents[1] / "dashboard" / "app.py"
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "theme.primaryColor": "#0072B2",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    # In place of this process, so that signals reach the server.
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(app), *arguments])
