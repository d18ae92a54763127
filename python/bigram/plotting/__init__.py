"""Pictures of arrays, drawn by matplotlib."""
