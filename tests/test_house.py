"""The house: which module may import which, read from the import statements themselves."""

import ast

import pytest

from tests.conftest import ROOT

# Each module of study/ may import those of study/ that stand before it, and no later one.
ORDER = [
    *(
        "errors",
        "processes",
        "space",
        "datasets",
        "data",
        "optimizers",
        "config",
        "plan",
        "train",
        "record",
        "stores",
        "rows",
        "track",
    ),
    *("artifacts", "pictures", "workers", "preloaded", "prune", "memory", "owners", "storage", "queue", "search"),
    *("environment", "view", "drive"),
    *("confirmation", "options", "note", "closing", "conduct", "run", "hypotheses", "confirm"),
    *("published", "reproduction", "recipes", "predict", "ui"),
]

FOR_REPORTS = {"", "errors", "processes", "record", "stores", "track"}  # what a report may import of study/

ALONE = {  # a library, and the only modules that may import it
    "mlflow": {"study.rows", "study.track"},
    "optuna": {
        "study.storage",
        "study.queue",
        "study.prune",
        "study.memory",
        "study.search",
        "study.confirmation",
        "study.reproduction",
    },
    "argparse": {
        "study.errors",
        "reports.findings",
        "study.options",
        "study.ui",
        "study.conduct",
        "study.note",
        "study.closing",
        "study.hypotheses",
        "study.reproduction",
        "study.predict",
    },
}


def modules():
    for package in ("models", "study", "reports"):
        for path in sorted((ROOT / package).glob("*.py")):
            yield f"{package}.{path.stem}", path


def imports(path):
    """Full names of what a file imports anywhere, type-checking blocks included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_run_one_way(name, path):
    package, _, stem = name.partition(".")
    for imported in imports(path):
        top, _, rest = imported.partition(".")
        below = rest.split(".")[0]
        if package == "models":
            assert top not in ("study", "reports", "numpy", "mlflow", "optuna"), f"{name} imports {imported}"
        if package == "reports":
            assert top not in ("torch", "torchvision", "models"), f"{name} imports {imported}"
            assert top != "study" or below in FOR_REPORTS, f"{name} imports {imported}"
        if package == "study" and top == "study" and below in ORDER and name != "study.record":
            assert stem == "__init__" or ORDER.index(below) < ORDER.index(stem), f"{name} imports {imported}"
        if package == "study" and top == "reports":
            assert stem in ("confirmation", "closing", "hypotheses", "reproduction"), f"{name} imports {imported}"
        if top in ALONE:
            assert name in ALONE[top], f"{name} imports {imported}"


def test_every_module_has_its_place_in_the_order():
    assert {path.stem for name, path in modules() if name.startswith("study.")} - {"__init__"} == set(ORDER)


def test_workers_load_neither_the_tracker_nor_the_sampler(tmp_path):
    from tests.conftest import python

    code = "import sys, study.workers, study.run; print({'mlflow', 'optuna', 'matplotlib'} & set(sys.modules))"
    assert python("-c", code, cwd=tmp_path).stdout.strip() == "set()"
