"""Train the configurations between default and winner, over paired seeds: `python -m study.ablate --study digits-cnn`.

The winner with each hyperparameter set back to its default, and the path from default to winner one change at a time.
The next report says what each change does.
"""

import sys

from hyperstudy.study.core.errors import exit_code


def main(words: list[str] | None = None) -> int:
    return exit_code("study.ablate", lambda: _run(words), "goes on")


def _run(words: list[str] | None) -> int:
    from hyperstudy.study.commands.ablation import (  # not by workers, which import this module again
        ablate,
        parse_options,
    )

    return ablate(parse_options(words))


if __name__ == "__main__":
    sys.exit(main())
