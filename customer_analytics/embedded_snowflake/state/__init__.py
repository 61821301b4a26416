"""What the endpoint keeps: databases, stage files, the statement log, and the sessions that change them."""
