"""Run a study, or go on with one that was interrupted: `python -m study.run --trials 50`."""

import sys

from study.core.errors import exit_code
from study.workers.processes import beside, freeze_imports, start_server


def main(words: list[str] | None = None) -> int:
    def run() -> int:
        # Imported one by one: workers import this module again and need neither mlflow nor optuna, and while this
        # process imports both, another reads the pictures.
        start_server()
        from study.studies.options import parse_options

        options = parse_options(words)
        from study.core.plan import make_plan, read_splits

        plan = make_plan(options.dataset, options.model, options.given)
        reading = beside(read_splits, plan, options.data_dir)
        from study.studies.session import conduct

        freeze_imports()
        return conduct(options, plan, reading)

    return exit_code("study.run", run)


if __name__ == "__main__":
    code = main()
    freeze_imports()
    sys.exit(code)
