"""Where sequences come from: files and iterables, read in units of bounded size."""
