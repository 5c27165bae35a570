"""The types of the parts that pyproject.toml names, which mypy checks."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

PARTS = ("models", "study", "reports")


def package(folder: Path) -> None:
    """The project as one package, as it is imported: its parts lie beside `hyperstudy/`, where mypy does not look."""
    (whole := folder / "hyperstudy").mkdir()
    for file in (ROOT / "hyperstudy").glob("*.py"):
        (whole / file.name).symlink_to(file)
    for part in PARTS:
        (whole / part).symlink_to(ROOT / part)


def checked(folder: Path) -> subprocess.CompletedProcess:
    words = ["-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(folder / "cache")]
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=500)


def test_all_types_agree_and_a_wrong_one_is_found(tmp_path):
    package(tmp_path)
    done = checked(tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("Success: no issues found in ")
    wrong = "from hyperstudy.study.core.domains import Range\n\n\ndef end() -> str:\n    return Range(1, 2).low\n"
    (tmp_path / "hyperstudy" / "wrong.py").write_text(wrong)
    assert 'got "float", expected "str"' in checked(tmp_path).stdout
