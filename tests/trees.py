"""The project's modules as syntax trees, read once."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT

PACKAGES = ("models", "study", "reports")


class Import(NamedTuple):
    module: str  # the one that is imported from
    names: tuple[str, ...]  # what is taken out of it; empty for `import module`


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


TREES = {
    module_of(path): ast.parse(path.read_text())
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imports(tree: ast.AST) -> Iterator[Import]:
    """All imports, those of functions and of type-checking blocks included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(inner(alias.name), ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import on line {node.lineno}"
            yield Import(inner(node.module), tuple(alias.name for alias in node.names))


def inner(module: str) -> str:
    """A module's name without the one package that all parts are imported from."""
    part = module.removeprefix("hyperstudy.")
    return part if part.split(".")[0] in PACKAGES else module


def tops(tree: ast.AST) -> set[str]:
    return {module.split(".")[0] for module, _ in imports(tree)}
