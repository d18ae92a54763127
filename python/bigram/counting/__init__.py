"""From a corpus to counts."""
