"""ARPA files of order 2."""
