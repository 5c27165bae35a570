"""All commands under one name, from any folder: `hyperstudy run --trials 50` is `python -m study.run --trials 50`."""

import sys
from importlib import import_module

from hyperstudy.study.core.errors import exit_code, not_one_of

COMMANDS = {
    **{name: f"study.{name}" for name in ("run", "ablate", "predict", "recipes", "rerun", "export", "ui")},
    **{name: f"reports.{name}" for name in ("findings", "compare")},
}


def main() -> int:
    """Run the command that the first word names."""
    name, words = (sys.argv[1] if len(sys.argv) > 1 else "--help"), sys.argv[2:]
    return exit_code("hyperstudy", lambda: _run(name, words))


def _run(name: str, words: list[str]) -> int:
    if name in COMMANDS:
        return import_module(f"hyperstudy.{COMMANDS[name]}").main(words)
    if name not in ("-h", "--help"):
        raise not_one_of("command", name, COMMANDS)
    print(f"usage: hyperstudy {{{','.join(COMMANDS)}}} ...\n\n{__doc__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
