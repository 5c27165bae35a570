"""How fast it is, against what a user would write otherwise: `python -m tests.benchmark`.

Every ratio is one of two sides that were timed in turn in one run. Nothing here is a test: machines are shared.
"""
