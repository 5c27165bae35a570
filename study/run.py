"""Run a study, or go on with one that was interrupted: `python -m study.run --trials 50`."""

import sys

from study.errors import exit_code


def main(words: list[str] | None = None) -> int:
    def run() -> int:
        # Imported here: every worker imports this module again, and needs neither mlflow nor optuna.
        from study.options import parse_options

        options = parse_options(words)
        from study.conduct import conduct

        return conduct(options)

    return exit_code("study.run", run)


if __name__ == "__main__":
    sys.exit(main())
