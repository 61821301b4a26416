"""The model registry port: versions of the sentiment classifier."""
