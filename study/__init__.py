"""Experiment-tracked hyperparameter studies of image classifiers."""
