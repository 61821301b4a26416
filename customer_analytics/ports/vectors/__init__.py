"""The vectors port: collections of texts with their vectors."""
