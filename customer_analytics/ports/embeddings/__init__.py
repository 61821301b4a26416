"""The embeddings port: texts to vectors."""
