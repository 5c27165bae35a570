"""The house: who may import whom, read from the syntax trees."""

import ast
import re
import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.conftest import ROOT, python
from tests.trees import PACKAGES, TREES, imports, tops

ROOMS = (
    "core",
    "outputs",
    "tasks",
    "tracking",
    "comparisons",
    "search",
    "workers",
    "studies",
    "commands",
    "",
)  # of study/; what is called from a terminal, "", comes last
HOMES = {
    "optuna": "study.search",
    "mlflow": "study.tracking",
    "ray": "study.workers",
}  # a library, and the only room that imports it
NOT_IN_REPORTS = {"torch", "torchvision", "models"}  # a report is made where neither is installed


def ours(tree: ast.AST, known: Mapping[str, object]) -> set[str]:
    """The modules of this project that a tree imports: `from hyperstudy.study.core import plan` imports
    `study.core.plan`."""
    found = set()
    for module, names in imports(tree):
        inner = {f"{module}.{name}" for name in names} & set(known)
        found |= inner or {module} & set(known)
    return found


def room(module: str) -> str:
    """The folder of a module of study/; empty for a command."""
    package, *inner = module.split(".")
    return inner[0] if len(inner) > 1 or f"{package}.{'.'.join(inner)}" in FOLDERS else ""


@pytest.mark.parametrize("path", [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")], ids=str)
def test_parts_are_imported_under_the_one_name(path):
    """A folder `models/` of the user's own would be taken for ours otherwise."""
    assert not re.findall(rf"^\s*(?:from|import) (?:{'|'.join(PACKAGES)})\b", path.read_text(), re.MULTILINE)


FOLDERS = {module for module in TREES if any(other.startswith(f"{module}.") for other in TREES)}


def test_every_folder_of_study_is_a_room_in_the_order():
    assert {room(module) for module in TREES if module.startswith("study.")} == set(ROOMS)


@pytest.mark.parametrize("module", [module for module in TREES if module.startswith("study.")])
def test_imports_between_rooms_run_one_way(module):
    for imported in ours(TREES[module], TREES):
        assert not imported.startswith("reports"), f"{module} imports {imported}"
        if imported.startswith("study."):
            assert ROOMS.index(room(imported)) <= ROOMS.index(room(module)), f"{module} imports {imported}"


def cycle(trees: Mapping[str, ast.AST]) -> list[str]:
    """Modules that import each other in a circle; empty if none do."""
    try:
        TopologicalSorter({name: ours(tree, trees) - {name} for name, tree in trees.items()}).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_modules_import_each_other_in_a_circle():
    assert cycle(TREES) == []


def test_a_circle_would_be_found():
    circle = {"a": "from b import x", "b": "def late():\n    import c", "c": "if TYPE_CHECKING:\n    from a import y"}
    assert set(cycle({name: ast.parse(text) for name, text in circle.items()})) == {"a", "b", "c"}


@pytest.mark.parametrize("module", [module for module in TREES if module.startswith("models")])
def test_models_import_torch_only(module):
    assert tops(TREES[module]) - set(sys.stdlib_module_names) <= {"torch", "models"}


@pytest.mark.parametrize("module", [module for module in TREES if module.startswith("reports")])
def test_reports_never_import_torch(module):
    assert not tops(TREES[module]) & NOT_IN_REPORTS


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_in_one_room(library):
    users = {module for module, tree in TREES.items() if library in tops(tree)}
    assert users
    assert {module for module in users if not module.startswith(f"{HOMES[library]}.")} == set()


def test_a_worker_loads_neither_the_tracker_nor_the_sampler_nor_what_draws(tmp_path):
    """It imports its pool and, since it is spawned, the command that started it."""
    names = ("workers.pool", "run", "ablate", "recipes")
    modules = ", ".join(f"hyperstudy.study.{name}" for name in names)
    done = python("-c", f"import {modules}, sys; print({set(HOMES) | {'matplotlib'}} & set(sys.modules))", cwd=tmp_path)
    assert done.stdout.strip() == "set()", done.stderr
