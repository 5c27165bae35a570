"""Reproduce published recipes over several seeds, tracked like any study: `python -m study.recipes softmax-fashion`.

Without a name, all of them. `python -m reports.findings --study recipes` then sets ours beside the published figures.
"""

import sys

from hyperstudy.study.core.errors import exit_code


def main(words: list[str] | None = None) -> int:
    return exit_code("study.recipes", lambda: _run(words), "goes on")


def _run(words: list[str] | None) -> int:
    from hyperstudy.study.commands.reproduction import (  # not by workers, which import this module again
        parse_options,
        reproduce,
    )

    return reproduce(parse_options(words))


if __name__ == "__main__":
    sys.exit(main())
