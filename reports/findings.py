"""Turn a study's runs into a findings report: `python -m reports.findings --study digits-cnn`."""

import sys
from argparse import Namespace
from pathlib import Path

from threadpoolctl import threadpool_limits

from reports.analysis import Analysis
from reports.load import load
from reports.page.render import write_report
from reports.sections import outline
from study.core.errors import InputError, Parser, exit_code, without_passwords
from study.outputs.names import check_name
from study.tracking.store import ROOT, TRACKING_OPTION, UI_ADDRESS, existing, is_server
from study.tracking.tracker import Tracker


def main(words: list[str] | None = None) -> int:
    return exit_code("reports.findings", lambda: report(_options(words)))


def report(options: Namespace) -> int:
    """Write the report of a study, attach it to the study in the tracker, and say where it is."""
    uri = options.tracking_uri
    existing(uri)
    study = load(uri, options.study, without_passwords(uri) if is_server(uri) else UI_ADDRESS)
    check_name(study.name)  # other tools may have made the study, and its name becomes a folder
    folder = options.folder / study.name
    question, sections = outline(study)
    try:
        with threadpool_limits(1):  # of small matrices; beside other work on two cores, 3 s instead of 8
            write_report(Analysis(study), sections, question, folder)
    except OSError as error:
        raise InputError(f"folder {str(folder)!r} cannot be written: {error.strerror}") from None
    Tracker(uri, study.name).attach("report", folder)
    print(f"{folder / 'report.html'}\n{folder / 'README.md'}")
    return 0


def _options(words: list[str] | None) -> Namespace:
    parser = Parser(prog="python -m reports.findings", description=__doc__, allow_abbrev=False)
    parser.add_argument("--study", metavar="NAME", help="default: the latest")
    parser.add_argument("--tracking-uri", **TRACKING_OPTION)
    folder = ROOT / "reports"
    parser.add_argument("--folder", type=Path, default=folder, help=f"where reports are written (default: {folder})")
    return parser.parse(words)


if __name__ == "__main__":
    sys.exit(main())
