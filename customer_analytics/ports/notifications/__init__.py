"""The notifications port: failed runs to people."""
