"""Data protection: find and erase a customer's data, and exclude it from later loads."""
