"""The types of the whole project, and those that its users see, which mypy checks."""

import ast
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import hyperstudy
from tests.conftest import ROOT

PARTS = ("models", "study", "reports")
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
EXAMPLES = [f"# mypy: allow-untyped-defs\n{block}" for block in BLOCKS if "import hyperstudy as hs" in block]
PINNED = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
OTHERS = [name for name in ("numpy", "torch", "mypy") if not version(name).startswith(PINNED[name])]
WRONG = """import hyperstudy as hs

hs.Range("1e-4", 1e-1)
hs.run("cnn", dataset=7)
hs.LOOPS["mine"] = hs.Family
hs.LOPS
"""


def package(folder: Path) -> None:
    """The project as one package, as it is imported: its parts lie beside `hyperstudy/`, where mypy does not look."""
    (whole := folder / "hyperstudy").mkdir()
    for file in (ROOT / "hyperstudy").glob("*.py"):
        (whole / file.name).symlink_to(file)
    for part in PARTS:
        (whole / part).symlink_to(ROOT / part)


def checked(folder: Path, *words: str) -> subprocess.CompletedProcess:
    options = ["-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(folder / "cache")]
    return subprocess.run([sys.executable, *options, *words], cwd=folder, capture_output=True, text=True, timeout=500)


@pytest.mark.skipif(OTHERS, reason=f"libraries have other types in other versions: {', '.join(OTHERS)}")
def test_all_types_agree_also_in_what_users_write(tmp_path):
    package(tmp_path)
    done = checked(tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("Success: no issues found in ")
    for number, example in enumerate(EXAMPLES):
        (tmp_path / f"example_{number}.py").write_text(example)
    files = [f"example_{number}.py" for number in range(len(EXAMPLES))]
    done = checked(tmp_path, *files)
    assert done.returncode == 0, done.stdout
    (tmp_path / "wrong.py").write_text(WRONG)
    found = checked(tmp_path, "wrong.py").stdout
    assert re.findall(r"wrong.py:(\d+): error", found) == ["3", "4", "5", "6"]


def test_every_public_name_has_its_type():
    tree = ast.parse((ROOT / "hyperstudy/__init__.py").read_text())
    (typed,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {name.asname: part.module for part in typed.body for name in part.names}
    assert seen == {name: f"hyperstudy.{module}" for name, module in hyperstudy.PUBLIC.items()}
