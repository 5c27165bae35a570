"""Open the MLflow UI on this project's store: `python -m study.ui`."""

import argparse
import os
import subprocess
import sys

from hyperstudy.study.core.errors import Parser, exit_code, without_passwords
from hyperstudy.study.tracking.store import TRACKING_OPTION, existing, is_server
from hyperstudy.study.tracking.tracker import Tracker, charts_link, find_study


def main(words: list[str] | None = None) -> int:
    return exit_code("study.ui", lambda: serve(_options(words)))


def serve(options: argparse.Namespace) -> int:
    """Print the link to a study's charts and serve the UI until Ctrl-C; a store behind a server needs no serving."""
    existing(options.tracking_uri)
    tracker = Tracker(options.tracking_uri, find_study(options.tracking_uri, options.study))
    remote = is_server(options.tracking_uri)
    base = without_passwords(options.tracking_uri) if remote else f"http://{options.host}:{options.port}"
    print(charts_link(base, tracker.experiment_id), flush=True)
    return 0 if remote else _mlflow_ui(options)


def _mlflow_ui(options: argparse.Namespace) -> int:
    """One worker without job execution starts in 8 s instead of 14, and answers faster than several."""
    environment = {
        **os.environ,
        "MLFLOW_BACKEND_STORE_URI": options.tracking_uri,  # not on the command line, which other users can read
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    address = ["--host", options.host, "--port", str(options.port)]
    return subprocess.call([sys.executable, "-m", "mlflow", "ui", "--workers", "1", *address], env=environment)


def _options(words: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="python -m study.ui", description=__doc__, allow_abbrev=False)
    parser.add_argument("--study", metavar="NAME", help="the study whose charts the link opens (default: the latest)")
    parser.add_argument("--tracking-uri", **TRACKING_OPTION)
    parser.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1, this machine alone")
    parser.add_argument("--port", type=int, default=5000, help="default 5000")
    return parser.parse(words)


if __name__ == "__main__":
    sys.exit(main())
