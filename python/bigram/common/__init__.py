"""Shared by every layer: argument checks, types, threads, progress bars and the build."""
