"""Every claim in the README that a command can check, against the code and against a finished study."""

import importlib
import pkgutil
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from hyperstudy import models, study
from hyperstudy.study.core.config import HYPERPARAMETERS
from hyperstudy.study.core.data.datasets import DATASETS
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.outputs.names import DIVERGED, FAILED, FINISHED, INTERRUPTED, PHASES, summary
from hyperstudy.study.outputs.objective import ACCURACY
from hyperstudy.study.studies.options import parse_options
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import ROOT, store_of, trial_runs
from tests.outputs.test_names import epochs

README = (ROOT / "README.md").read_text()
LINES = README.splitlines()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines() if line]
MODULES = sorted(set(re.findall(r"python -m ([a-z]+(?:\.[a-z]+)*)", README)) - {"venv", "pytest"})
NO_REGISTRY = {
    "PRECISIONS": "torch has no other type for a forward pass on a processor",
    "TOLD": "our states in Optuna's",
    "EARLIER_COLUMNS": "names in files of earlier versions",
}


def table(*header):
    """The rows of the table with that header, as lists of cells."""
    start = LINES.index("| " + " | ".join(header) + " |") + 2
    rows = []
    for line in LINES[start:]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def named(text):
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def section(title):
    """The text under a heading, up to the next of its level."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def paragraph(start):
    """The paragraph that begins with a word in bold."""
    return next(part for part in README.split("\n\n") if part.startswith(f"**{start}**"))


@pytest.fixture(scope="module")
def helps():
    """The help of every command that the README names, by module."""
    found = {}
    for module in MODULES:
        text = []

        def write(self, file=None, text=text):
            text.append(self.format_help())

        main = importlib.import_module(f"hyperstudy.{module}").main
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("argparse.ArgumentParser.print_help", write)
            with pytest.raises(SystemExit) as done:
                main(["--help"])
        assert done.value.code == 0
        found[module] = "".join(text)
    return found


def options_in(text):
    return set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", text))


def test_the_readme_is_short_and_finished():
    assert len(LINES) <= 250
    assert "@@" not in README


def test_ci_runs_the_readme_s_test_command():
    (command,) = [line for line in COMMANDS if "-m pytest" in line]
    assert command in (ROOT / ".ci" / "run").read_text()


def test_the_two_commands_need_nothing_but_python():
    """A virtual environment, this project with the versions that were tested, and the command."""
    setup = (
        r"python3 -m venv \.venv && \.venv/bin/pip install -c constraints\.txt -e (\S+) && \.venv/bin/python -m (.*)"
    )
    matches = [match for line in COMMANDS if (match := re.fullmatch(setup, line))]
    assert [match[2] for match in matches] == ["study.run --trials 50", "pytest -n 2"]
    assert [match[1].strip("'") for match in matches] == [".", ".[test]"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "test" in project["optional-dependencies"]
    assert f"Python {project['requires-python'].removeprefix('>=')}" in README
    pinned = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert pinned
    assert [line for line in pinned if not re.fullmatch(r"[\w.-]+==\S+", line)] == []


@pytest.mark.parametrize("command", [line for line in COMMANDS if "study.run" in line])
def test_every_study_is_one_that_can_be_planned(command):
    options = parse_options(shlex.split(command.partition("study.run")[2], comments=True))
    make_plan(options.dataset, options.model, options.given)


@pytest.mark.parametrize("command", [line for line in COMMANDS if "-m pytest" not in line])
def test_every_option_of_a_command_is_one_that_it_has(command, helps):
    (module,) = re.findall(r"python -m ([a-z]+\.[a-z]+)", command)
    assert options_in(command.split(module)[1]) <= options_in(helps[module])


def test_every_option_that_the_text_names_exists(helps):
    assert options_in(README) <= set().union(*map(options_in, helps.values()))


def test_every_command_is_in_the_readme():
    commands = {f"study.{path.stem}" for path in (ROOT / "study").glob("*.py") if path.stem != "__init__"}
    assert set(MODULES) == commands | {"reports.findings", "reports.compare"}


def test_the_searched_hyperparameters_are_those():
    (said,) = re.findall(r"By default a study searches ([\w ,]+)\.", README.replace("\n", " "))
    words = [word.strip().replace(" ", "_") for word in re.split(r", | and ", said)]
    assert words == list(make_plan("digits", "cnn", {}).space)


def test_the_data_sets_are_those():
    said = {name.partition(":")[0] for name in named(paragraph("Data")) if re.fullmatch(r"[a-z0-9-]+(:PATH)?", name)}
    assert {name for name in DATASETS if name not in said} == set()
    assert "folder:PATH" in named(paragraph("Data"))


def registries():
    """Every module-level table of rows by name, with the module that defines it."""
    found = {}
    for package in (models, study):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            text = Path(module.__file__).read_text()
            for name, value in vars(module).items():
                by_name = isinstance(value, dict) and len(value) > 1 and all(isinstance(key, str) for key in value)
                if name.isupper() and not name.startswith("_") and by_name and re.search(rf"^{name}\b.*= ", text, re.M):
                    found[name] = info.name
    return {**found, "MODELS": "hyperstudy.models"}


def module_at(path):
    return "hyperstudy." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_the_table_of_additions_names_what_is_there():
    rows = table("to add", "edit", "where")
    assert rows
    for what, edit, where in rows:
        (path,) = named(where)
        if path.endswith("/"):
            assert (ROOT / path).is_dir(), what
            continue
        assert (ROOT / path).is_file(), what
        module = importlib.import_module(module_at(path))
        assert named(edit), what
        for name in named(edit):
            assert hasattr(module, name.split(".")[0]), f"{name} for {what}"


def test_every_registry_is_in_the_table_of_additions():
    said = {
        (name, module_at(named(where)[0]))
        for _, edit, where in table("to add", "edit", "where")
        for name in named(edit)
    }
    there = registries()
    assert set(NO_REGISTRY) <= set(there), "exceptions that nothing needs"
    assert {(name, module) for name, module in there.items() if name not in NO_REGISTRY} <= said
    assert ("HYPERPARAMETERS", "hyperstudy.study.core.config") in said


RECORDED = dict(table("where", "what"))


def test_the_rows_of_what_is_recorded_are_those():
    assert list(RECORDED) == ["params", "metrics per epoch", "summary metrics", "tags", "data set", "artifacts"]


def test_the_metrics_per_epoch_are_those(finished_study):
    tracker = Tracker(store_of(finished_study), "digits-cnn")
    tracked = {name for _, epochs in tracker.curves(trial_runs(finished_study)) for epoch in epochs for name in epoch}
    assert set(named(RECORDED["metrics per epoch"])) == tracked - {"epoch"}


def test_the_summary_metrics_are_those(finished_study):
    diverged = [epochs(0.5)[0]._replace(diverged_at=3)]
    tracked = {name for run in trial_runs(finished_study) for name in run.metrics} | set(
        summary(diverged, DIVERGED, ACCURACY, 0.1)
    )
    assert set(named(RECORDED["summary metrics"])) == tracked - set(named(RECORDED["metrics per epoch"]))
    confirmed = {run.phase for run in trial_runs(finished_study) if "test/accuracy" in run.metrics}
    assert confirmed == {"confirm"}


def test_the_tags_are_those(finished_study):
    text = RECORDED["tags"]
    tracked = {name for run in trial_runs(finished_study) for name in run.tags if not name.startswith("mlflow.")}
    assert set(named(text)) == tracked
    assert re.search(r"`phase` \(([^)]+)\)", text)[1].split(", ") == list(PHASES)
    assert re.search(r"`state` \(([^)]+)\)", text)[1].split(", ") == [*FINISHED, FAILED, INTERRUPTED]


def test_the_artifacts_are_those(finished_study):
    tracker = Tracker(store_of(finished_study), "digits-cnn")
    explored, confirmed = set(), set()
    for run in trial_runs(finished_study):
        into = confirmed if run.phase == "confirm" else explored
        into |= {file.path for file in tracker.client.list_artifacts(run.run_id) if not file.is_dir}
    always, _, also = RECORDED["artifacts"].partition("in confirmation")
    assert set(named(always)) == explored
    assert set(named(also)) == {name for name in confirmed - explored if not name.endswith(".png")}
    assert {name for name in confirmed - explored if name.endswith(".png")} == {
        "confusion_matrix.png",
        "learning_curves.png",
    }


def test_the_params_are_those(finished_study):
    for run in trial_runs(finished_study):
        assert set(run.params) == {"dataset", "model", *HYPERPARAMETERS}


def test_the_printed_end_of_a_study_has_the_lines_that_a_study_prints(finished_study):
    shown = README.split("ends like this")[1].split("```")[1].strip().splitlines()
    printed = (finished_study / "output.txt").read_text()
    printed = printed[printed.index("\ndigits-cnn: 6 complete") :].strip().splitlines()

    def heads(lines):
        return [re.match(r"\s*(\S*[a-z]\S*|\S+)", line)[1] for line in lines]

    assert len(shown) >= 6
    assert set(heads(shown)) <= set(heads(printed))


def test_the_house_is_as_drawn():
    (drawing,) = re.findall(r"```\n(hyperstudy/.*?)```", section("The house"), re.S)
    outer, inner = (re.findall(rf"^{indent}(\w+)/  ", drawing, re.M) for indent in ("", "  "))
    assert set(outer) == {"hyperstudy", "models", "study", "reports", "tests"}
    rooms = (path.parent.name for package in ("study", "reports") for path in (ROOT / package).glob("*/__init__.py"))
    assert sorted(inner) == sorted(rooms)
    commands = re.search(r"^study/ +the commands: (.*)$", drawing, re.M)[1].split(", ")
    assert set(commands) == {path.stem for path in (ROOT / "study").glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", README))))
def test_every_link_leads_somewhere(link):
    assert not link.startswith("http") or re.fullmatch(r"https://\S+", link)
    if not link.startswith("http"):
        path, _, anchor = link.partition("#")
        assert (ROOT / path).exists()
        if anchor:
            headings = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(), re.M)
            assert anchor in [re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings]


def test_the_registered_model_loads_by_the_name_that_is_shown(finished_study):
    (name,) = re.findall(r'load_model\("models:/([\w-]+)@(?:champion)"\)', README)
    tracker = Tracker(store_of(finished_study), name)
    assert tracker.client.get_model_version_by_alias(name, "champion").run_id


def test_every_dependency_is_in_the_table_with_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(row for rows in project["optional-dependencies"].values() for row in rows)]
    text = (ROOT / "tests" / "README.md").read_text().partition("## What the project stands on")[2]
    said = {name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in named(row)}
    assert said == {re.match(r"[\w-]+", row)[0] for row in asked}
