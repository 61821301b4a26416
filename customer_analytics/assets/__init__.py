"""The assets, one module for each stage."""
