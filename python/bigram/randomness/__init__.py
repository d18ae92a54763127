"""Random numbers: torch's generator in NumPy, and where training and sampling draw from."""
