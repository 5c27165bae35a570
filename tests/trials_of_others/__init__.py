"""How often the report is right on trials that others ran, and on planted truths that hurt.

`python -m tests.trials_of_others` draws studies from full grids of real networks, whose truth is known exactly, puts
them through the report's own analysis and claims, and counts every type of sentence.
"""
