"""Classify pictures with a study's champion: `python -m study.predict --study digits-cnn picture.png`.

`--grid N` draws test pictures with true and predicted label instead.
"""

import sys

from hyperstudy.study.core.errors import exit_code


def main(words: list[str] | None = None) -> int:
    return exit_code("study.predict", lambda: _run(words))


def _run(words: list[str] | None) -> int:
    from hyperstudy.study.commands.prediction import (  # its libraries need a working directory, which is checked first
        parse_options,
        predict,
    )

    return predict(parse_options(words))


if __name__ == "__main__":
    sys.exit(main())
