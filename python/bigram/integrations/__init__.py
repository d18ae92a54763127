"""Connections to other packages; import the module that you need, which names its extra."""
