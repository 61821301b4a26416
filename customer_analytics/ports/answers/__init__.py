"""The answers port: a question and passages to an answer that quotes them."""
