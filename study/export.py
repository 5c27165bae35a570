"""Hand a study to Optuna's own tools: `python -m study.export --study digits-cnn --to sqlite:///optuna.db`.

`optuna-dashboard sqlite:///optuna.db` then shows it.
"""

import sys

from hyperstudy.study.core.errors import exit_code


def main(words: list[str] | None = None) -> int:
    return exit_code("study.export", lambda: _run(words))


def _run(words: list[str] | None) -> int:
    from hyperstudy.study.commands.exporting import (  # its libraries need a working directory, which is checked first
        hand_over,
        parse_options,
    )

    return hand_over(parse_options(words))


if __name__ == "__main__":
    sys.exit(main())
