"""Every claim in the README that a command can check."""

import importlib
import re
import shlex
import subprocess

import pytest

from models import MODELS
from study.core.config import HYPERPARAMETERS
from study.core.datasets import DATASETS
from study.core.plan import make_plan
from study.outputs.names import EPOCH_METRICS
from study.studies.options import parse_options
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()]


def test_ci_runs_the_readme_s_test_command():
    (command,) = [line for line in COMMANDS if line.endswith("-m pytest")]
    assert command in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("command", [line for line in COMMANDS if "study.run" in line and "--help" not in line])
def test_every_command_is_one_that_the_parser_takes(command):
    options = parse_options(shlex.split(command.partition("study.run")[2]))
    make_plan(options.dataset, options.model, options.given)


def test_the_modules_of_the_commands_exist():
    for module in re.findall(r"python -m ([a-z.]+)", README):
        if module != "pytest":
            importlib.import_module(module)


def test_the_rows_of_the_table_of_additions_name_what_is_there():
    rows = re.findall(r"\| (?:a|an) [^|]+\| [^|]*`(\w+)` \| `([\w/]+)\.py` \|", README)
    assert len(rows) == 16
    for name, path in rows:
        assert hasattr(importlib.import_module(path.replace("/", ".").removesuffix(".__init__")), name)


def test_the_top_level_is_as_described():
    for folder in re.findall(r"^(\w+)/  ", README, re.M):
        assert (ROOT / folder).is_dir()
    tracked = subprocess.run(["git", "ls-files", "mlruns"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert tracked in ([], ["mlruns/README.md"]), "a study's output is not for git"


def test_data_sets_hyperparameters_and_metrics_are_named_as_they_are():
    for name in DATASETS:
        assert f"`{name}" in README
    for name in HYPERPARAMETERS:
        assert name.replace("_", " ") in README
    for name in EPOCH_METRICS:
        part, _, metric = name.partition("/")
        assert part in README
        assert metric in README or metric.endswith("_seconds")
    assert set(make_plan("digits", "cnn", {}).space) == {"lr", "batch_size", "depth", "activation"}
    assert "cnn" in MODELS
