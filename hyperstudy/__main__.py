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
    if name in ("-h", "--help"):
        print(f"usage: hyperstudy {{{','.join(COMMANDS)}}} ...\n\n{__doc__}")
        return 0
    if name not in COMMANDS:
        return exit_code("hyperstudy", lambda: _refuse(name))
    return import_module(f"hyperstudy.{COMMANDS[name]}").main(words)


def _refuse(name: str) -> int:
    raise not_one_of("command", name, COMMANDS)


if __name__ == "__main__":
    sys.exit(main())
