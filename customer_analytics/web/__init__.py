"""Web servers for Dagster's UI and the dashboard, behind the same guard."""
