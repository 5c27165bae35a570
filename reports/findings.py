"""Turn a study's runs into a findings report: `python -m reports.findings --study digits-cnn`."""

import sys
from argparse import Namespace
from pathlib import Path

from study.errors import InputError, Parser, exit_code
from study.stores import TRACKING_URI, UI_ADDRESS, existing, is_server


def main(words: list[str] | None = None) -> int:
    return exit_code("reports.findings", lambda: report(_options(words)))


def report(options: Namespace) -> int:
    """Write the report of a study, attach it to the study in the tracker, and say where it lies."""
    existing(options.tracking_uri)
    from reports.load import load
    from reports.render import write_report
    from study.track import Tracker

    base = options.tracking_uri if is_server(options.tracking_uri) else UI_ADDRESS
    study = load(options.tracking_uri, options.study, base)
    folder = options.folder / study.name
    try:
        write_report(study, folder)
    except OSError as error:
        raise InputError(f"folder {str(folder)!r} cannot be written: {error.strerror}") from None
    Tracker(options.tracking_uri, study.name).attach("report", folder)
    print(f"{folder / 'report.html'}\n{folder / 'README.md'}")
    return 0


def _options(words: list[str] | None) -> Namespace:
    parser = Parser(prog="python -m reports.findings", description=__doc__, allow_abbrev=False)
    parser.add_argument("--study", metavar="NAME", help="default: the latest")
    parser.add_argument("--tracking-uri", default=TRACKING_URI, metavar="URL", help=f"default {TRACKING_URI}")
    parser.add_argument("--folder", type=Path, default=Path("reports"), help="where reports go (default: reports)")
    return parser.parse(words)


if __name__ == "__main__":
    sys.exit(main())
