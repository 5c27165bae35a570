"""Open the MLflow UI on this project's store: `python -m study.ui`."""

import argparse
import sys

from hyperstudy.study.core.errors import Parser, count, exit_code, without_passwords
from hyperstudy.study.tracking.experiments import charts_link, find_study
from hyperstudy.study.tracking.server import serving
from hyperstudy.study.tracking.store import TRACKING_OPTION, existing, is_server
from hyperstudy.study.tracking.tracker import Tracker


def main(words: list[str] | None = None) -> int:
    return exit_code("study.ui", lambda: serve(_options(words)))


def serve(options: argparse.Namespace) -> int:
    """Serve the UI until Ctrl-C, and print the link to a study's charts when it answers; a store behind a server needs
    no serving."""
    uri, host = options.tracking_uri, options.host
    existing(uri)
    tracker = Tracker(uri, find_study(uri, options.study))
    if is_server(uri):
        print(charts_link(without_passwords(uri), tracker.experiment_id))
        return 0
    with serving(uri, host, options.port) as server:
        address = f"[{host}]" if ":" in host else host
        print(charts_link(f"http://{address}:{options.port}", tracker.experiment_id), flush=True)
        code = server.wait()
    print(f"study.ui: the server ended with exit code {code}; the same command starts it again", file=sys.stderr)
    return 1


def _options(words: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="python -m study.ui", description=__doc__, allow_abbrev=False)
    parser.add_argument("--study", metavar="NAME", help="the study whose charts the link opens (default: the latest)")
    parser.add_argument("--tracking-uri", **TRACKING_OPTION)
    parser.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1, this machine alone")
    parser.add_argument("--port", type=count("port", 1), default=5000, help="default 5000")
    return parser.parse(words)


if __name__ == "__main__":
    sys.exit(main())
