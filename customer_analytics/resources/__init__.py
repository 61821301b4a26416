"""Dagster's resources: what runs are given, and how they get it."""
