"""`python -m tests.versions lowest`: the tests with the lowest versions that pyproject.toml allows; or `newest`.

Either is installed into a fresh virtual environment. Words after it go to pytest: `lowest tests/core -x`.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from hyperstudy.study.core.errors import Parser, exit_code, not_one_of
from tests.conftest import ROOT

RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}


def main() -> int:
    parser = Parser(prog="python -m tests.versions", description=__doc__, allow_abbrev=False)
    parser.add_argument("which", help="lowest or newest")
    options, words = parser.parse_known_args()
    if options.which not in RESOLUTIONS:
        raise not_one_of("versions", options.which, RESOLUTIONS)
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        resolution = ["--resolution", RESOLUTIONS[options.which], "--python", python]
        subprocess.run([python, "-m", "uv", "pip", "install", *resolution, "-e", ".[test]"], cwd=ROOT, check=True)
        subprocess.run([python, "-m", "pip", "list"], check=True)
        return subprocess.run([python, "-m", "pytest", *words], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(exit_code("tests.versions", main))
