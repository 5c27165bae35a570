"""The project stands on public ground: no private name of a library, declared dependencies alone, nothing patched."""

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions

import pytest

from tests.conftest import ROOT
from tests.trees import PACKAGES, TREES, imports, inner, tops

DOCUMENTED = {"_replace", "_asdict", "_fields", "_make", "_exit"}  # of named tuples and of os
CLIENT_INTERNALS = {"dbmodels"}  # parts of a module's path that are not public, though they have no underscore
EXCEPTIONS: dict[tuple[str, str], str] = {}  # (module, private name): why there is no other way


def private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def private_names(tree: ast.AST) -> Iterator[str]:
    """Names with a leading underscore, or of a client's internals, that a module imports or reaches for and does not
    define itself."""
    foreign = set(sys.stdlib_module_names).union(PACKAGES)
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    defined |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _own(node)}
    defined |= {node.target.id for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and _is_field(node)}
    for module, names in imports(tree):
        if module.split(".")[0] not in foreign:
            parts = [*module.split("."), *names]
            yield from (f"{module}: {part}" for part in parts if private(part) or part in CLIENT_INTERNALS)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and private(node.attr) and node.attr not in defined | DOCUMENTED:
            yield f".{node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "setattr"):
            yield from (f".{word.value}" for word in node.args[1:2] if _is_private_text(word))


def _is_field(node: ast.AnnAssign) -> bool:
    return isinstance(node.target, ast.Name)


def _own(node: ast.Attribute) -> bool:
    """Whether it is set on the object itself."""
    return isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _is_private_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and private(node.value)


@pytest.mark.parametrize("module", TREES)
def test_no_private_name_of_another_library_is_used(module):
    found = {name for name in private_names(TREES[module]) if (module, name) not in EXCEPTIONS}
    assert found == set()


def test_no_private_method_of_another_library_is_overridden():
    found, python_s_own = set(), {"_abc_impl"}  # which every class with an abstract base has
    for module in TREES:
        for name, kind in vars(importlib.import_module(f"hyperstudy.{module}")).items():
            if isinstance(kind, type) and inner(kind.__module__) == module:
                bases = [base for base in kind.__mro__ if _is_foreign(base)]
                written = [own for own in vars(kind) if private(own) and own not in python_s_own]
                found |= {(name, own) for own in written for base in bases if own in vars(base)}
    assert found == set()


def _is_foreign(kind: type) -> bool:
    return inner(kind.__module__).split(".")[0] not in set(sys.stdlib_module_names).union(PACKAGES)


def test_every_exception_is_needed():
    used = {(module, name) for module, tree in TREES.items() for name in private_names(tree)}
    assert set(EXCEPTIONS) <= used


@pytest.mark.parametrize(
    "text",
    [
        "from optuna.samplers._tpe import x",
        "import scipy._lib",
        "from optuna import _private",
        "from mlflow.store.tracking.dbmodels.models import SqlRun",
        "trial._trial_id",
        "class A:\n    def f(self):\n        return self._inherited",
        "getattr(study, '_storage')",
    ],
)
def test_a_private_name_would_be_found(text):
    assert list(private_names(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "row._replace(a=1)",
        "class A:\n    def __init__(self):\n        self._x = 1\n    def f(self):\n        return self._x",
        "from hyperstudy.study.core.domains import _own",
        "import os\nos._exit(1)",
        "A.__name__",
    ],
)
def test_own_and_documented_names_may_be_used(text):
    assert list(private_names(ast.parse(text))) == []


def declared(*extras: str) -> set[str]:
    """Names of the distributions that pyproject.toml depends on, with those of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    rows = project["dependencies"] + [row for extra in extras for row in project["optional-dependencies"][extra]]
    return {_normal(re.match(r"[\w.-]+", row)[0]) for row in rows}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


INSTALLED = cache(packages_distributions)  # 3 s


def distributions_of(top: str) -> set[str]:
    """The installed distributions that bring a library."""
    return {_normal(name) for name in INSTALLED().get(top, [])}


def third_party(trees: Mapping[str, ast.AST]) -> dict[str, set[str]]:
    """Every library with the modules that import it."""
    own = set(sys.stdlib_module_names).union(PACKAGES, {"tests", "hyperstudy"})
    return {
        top: {name for name in trees if top in tops(trees[name])}
        for top in set().union(*map(tops, trees.values())) - own
    }


THIRD_PARTY = third_party(TREES)


@pytest.mark.parametrize("top", sorted(THIRD_PARTY))
def test_every_import_is_of_a_declared_dependency(top):
    distributions = distributions_of(top)
    assert distributions & declared("cluster"), f"{top} is imported by {sorted(THIRD_PARTY[top])}"


def test_every_import_of_the_tests_is_declared_too():
    trees = {str(path): ast.parse(path.read_text()) for path in (ROOT / "tests").rglob("*.py")}
    optional = {"psycopg"}  # for PostgreSQL, whose tests are skipped without it
    for top, users in third_party(trees).items():
        distributions = distributions_of(top)
        assert top in optional or distributions & declared("test"), f"{top} is imported by {sorted(users)}"


UNIMPORTED = {"cmaes"}  # by Optuna's CmaEsSampler, which does not depend on it


def test_every_declared_dependency_is_imported():
    provided = set().union(*map(distributions_of, THIRD_PARTY))
    assert declared("cluster") - provided == UNIMPORTED


SETTINGS = {"tempfile.tempdir"}  # attributes that a library documents as to be set


def patched(tree: ast.AST) -> Iterator[str]:
    """What a module overwrites in another library: an attribute of something imported, or an entry of `sys.modules`."""
    foreign = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            foreign |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            text = ast.unparse(node)
            if (isinstance(node, ast.Attribute) and text.split(".")[0] in foreign) or text.startswith("sys.modules"):
                yield text


@pytest.mark.parametrize("module", TREES)
def test_no_library_is_patched(module):
    assert set(patched(TREES[module])) <= SETTINGS


@pytest.mark.parametrize(
    "text",
    [
        "import sys\nsys.modules['triton'] = None",
        "from optuna.samplers import tpe\ntpe.norm = fast",
        "import mlflow\nmlflow.store.x = 1",
    ],
)
def test_a_patch_would_be_found(text):
    assert len(list(patched(ast.parse(text)))) == 1
