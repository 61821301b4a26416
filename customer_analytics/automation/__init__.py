"""What starts runs, and what follows them."""
