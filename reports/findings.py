"""Turn a study's runs into a findings report: `python -m reports.findings --study digits-cnn`."""

import gc
import os
import sys
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal
from typing import TYPE_CHECKING

from study.core.errors import InputError, Parser, exit_code, without_passwords
from study.outputs.names import check_name
from study.tracking.store import TRACKING_OPTION, UI_ADDRESS, existing, is_server
from study.workers.processes import die_with_parent, freeze_imports

if TYPE_CHECKING:
    from reports.frames import Study


def main(words: list[str] | None = None) -> int:
    return exit_code("reports.findings", lambda: report(_options(words)))


def report(options: Namespace) -> int:
    """Write the report of a study, attach it to the study in the tracker, and say where it lies."""
    existing(options.tracking_uri)
    with _helper() as store:  # opens the tracker while this process imports what draws
        loading = store.submit(_load, options.tracking_uri, options.study)
        from reports.render import write_report

        study = loading.result()
        check_name(study.name)  # it may have been made by anyone, and names a folder
        folder = options.folder / study.name
        artist = _helper()
        try:
            write_report(study, folder, artist)
        except OSError as error:
            raise InputError(f"folder {str(folder)!r} cannot be written: {error.strerror}") from None
        finally:
            artist.shutdown(cancel_futures=True)  # after Ctrl-C not a figure more
        store.submit(_attach, options.tracking_uri, study.name, folder).result()
    print(f"{folder / 'report.html'}\n{folder / 'README.md'}")
    return 0


def _helper() -> ProcessPoolExecutor:
    """A second process, for the second core."""
    return ProcessPoolExecutor(1, initializer=_serve)


def _serve() -> None:
    signal(SIGINT, SIG_IGN)  # Ctrl-C reaches both; this one is told when to end
    die_with_parent()


def _load(uri: str, name: str | None) -> "Study":
    from reports.load import load

    return load(uri, name, without_passwords(uri) if is_server(uri) else UI_ADDRESS)


def _attach(uri: str, name: str, folder: Path) -> None:
    from study.tracking.tracker import Tracker

    Tracker(uri, name).attach("report", folder)


def _options(words: list[str] | None) -> Namespace:
    parser = Parser(prog="python -m reports.findings", description=__doc__, allow_abbrev=False)
    parser.add_argument("--study", metavar="NAME", help="default: the latest")
    parser.add_argument("--tracking-uri", **TRACKING_OPTION)
    parser.add_argument("--folder", type=Path, default=Path("reports"), help="where reports go (default: reports)")
    return parser.parse(words)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy will read it; the second core draws meanwhile
    gc.disable()  # its passes over what was imported take a tenth of a report's time, and find nothing
    code = main()
    freeze_imports()
    sys.exit(code)
