"""The speech port: call audio to transcripts."""
