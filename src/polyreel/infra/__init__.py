"""Machinery without product words: database, jobs, files, child programs."""
