"""Polyreel: one self-hosted video server that speaks four existing HTTP APIs over one core."""

__version__ = "0.1.0"
