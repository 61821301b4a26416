"""Machine learning of the pipeline, as plain functions: transcription, vectorisation, classification."""
