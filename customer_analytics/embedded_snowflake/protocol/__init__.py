"""Snowflake's HTTP protocol: requests, jobs, and results as the connector reads them."""
