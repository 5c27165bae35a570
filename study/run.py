"""Run a study, or go on with one that was interrupted: `python -m study.run --trials 50`."""

import sys

from hyperstudy.study.core.errors import exit_code


def main(words: list[str] | None = None) -> int:
    return exit_code("study.run", lambda: _run(words), "goes on")


def _run(words: list[str] | None) -> int:
    # Imported here: workers import this module again, and need neither mlflow nor optuna.
    from hyperstudy.study.commands.course import conduct
    from hyperstudy.study.core.plan import make_loop_plan, make_plan
    from hyperstudy.study.studies.options import parse_options

    options = parse_options(words)
    if options.loop:
        return conduct(options, make_loop_plan(options.loop, options.given))
    return conduct(options, make_plan(options.dataset, options.model, options.given))


if __name__ == "__main__":
    sys.exit(main())
