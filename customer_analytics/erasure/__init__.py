"""Data protection: a customer is found everywhere, removed, and left out of what is loaded from then on."""
