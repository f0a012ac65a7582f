"""Migrations: one reason a file, in order."""
