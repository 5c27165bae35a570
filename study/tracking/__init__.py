"""Where a study is kept. MLflow reads these settings when it is imported."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # otherwise it looks up a host
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
