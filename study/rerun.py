"""Train a run again and compare it with what was recorded: `python -m study.rerun RUN`.

On the same machine with the same versions every number is the same to the last bit. Nothing is written to the store.
"""

import sys

from hyperstudy.study.core.errors import exit_code


def main(words: list[str] | None = None) -> int:
    return exit_code("study.rerun", lambda: _run(words))


def _run(words: list[str] | None) -> int:
    from hyperstudy.study.commands.repetition import (  # not by workers, which import this module again
        parse_options,
        repeat,
    )

    return repeat(parse_options(words))


if __name__ == "__main__":
    sys.exit(main())
