"""Dagster's UI and the dashboard as web servers, each behind the same guard."""
