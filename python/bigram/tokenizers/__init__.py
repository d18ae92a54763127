"""Text to ids and back, and a corpus to batches of tokens."""
