"""The report's rooms: which may import which, and what they may import of study/."""

import pytest

from tests.conftest import python
from tests.test_house import TREES, ours

ROOMS = (
    *("statistics", "frames", "load", "sources", "analysis", "page", "versus", "sections", "findings", "compare"),
)  # each imports earlier ones only
FROM_STUDY = {
    *("study.core.domains", "study.core.errors", "study.core.text", "study.outputs.names", "study.outputs.pictures"),
    *("study.comparisons.answers", "study.comparisons.arms", "study.comparisons.choice", "study.comparisons.seeds"),
    *("study.tracking.store", "study.tracking.tracker", "study.tracking.experiments", "study.tracking.lost"),
    *("study.comparisons.decision", "study.outputs.objective", "study.search.foreign"),
}
MODULES = [module for module in TREES if module.startswith("reports.")]


def room(module):
    return module.split(".")[1]


def test_every_module_is_in_a_room():
    assert {room(module) for module in MODULES} == set(ROOMS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_between_rooms_run_one_way(module):
    for imported in ours(TREES[module], TREES):
        if imported.startswith("reports."):
            assert ROOMS.index(room(imported)) <= ROOMS.index(room(module)), f"{module} imports {imported}"
        else:
            assert imported in FROM_STUDY, f"{module} imports {imported}"


def test_a_report_loads_neither_torch_nor_optuna(tmp_path):
    code = (
        "import hyperstudy.reports.findings, sys; "
        "print({'torch', 'torchvision', 'optuna', 'hyperstudy.models'} & set(sys.modules))"
    )
    assert python("-c", code, cwd=tmp_path).stdout.strip() == "set()"
