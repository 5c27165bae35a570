"""Studies that other tools ran, each source in a file of its own: an Optuna storage, an MLflow experiment, a table."""
