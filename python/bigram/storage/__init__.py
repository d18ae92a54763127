"""Files: atomic writes, arrays in files, and the container of models and counts."""
