"""Reproduce published recipes over several seeds, tracked like any study: `python -m study.recipes softmax-fashion`.

Without a name, all of them. `python -m reports.findings --study recipes` then sets ours beside the published figures.
"""

import sys

from study.core.errors import exit_code
from study.workers.processes import freeze_imports, start_server


def main(words: list[str] | None = None) -> int:
    def run() -> int:
        start_server()
        # Imported here: every worker imports this module again, and needs neither mlflow nor optuna.
        from study.studies.reproduction import parse_options, reproduce

        freeze_imports()
        return reproduce(parse_options(words))

    return exit_code("study.recipes", run)


if __name__ == "__main__":
    sys.exit(main())
