"""Faults of the store, of files and of workers, one at each call of a short study: `python -m tests.faults`."""
