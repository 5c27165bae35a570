"""Files in a store that would run code if they were unpickled: every command refuses them or leaves them alone."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hyperstudy.reports.findings import main as findings
from hyperstudy.study.ablate import main as ablate
from hyperstudy.study.export import main as export
from hyperstudy.study.predict import main as predict
from tests.conftest import copy_study, here


class Touches:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return Path.touch, (self.mark,)


@pytest.fixture
def store(finished_study, tmp_path):
    """A copy of the finished study, a mark that shows that code ran, and how to plant a file in each run."""
    copy_study(finished_study, folder := tmp_path / "copy")
    mark = tmp_path / "ran"
    pickle.loads(pickle.dumps(Touches(mark)))
    assert mark.exists(), "the payload works"
    mark.unlink()

    def plant(name: str, arrays: bool = False) -> None:
        found = list(folder.glob(f"mlruns/artifacts/**/{name}"))
        assert found
        for path in found:
            if arrays:
                with path.open("wb") as file:
                    np.savez(file, **dict.fromkeys(("true", "predicted"), np.array([Touches(mark)])))
            else:
                path.write_bytes(pickle.dumps(Touches(mark)))

    return folder, plant, mark


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json"])
def test_a_pickle_in_place_of_the_network_is_refused(name, store, tmp_path):
    folder, plant, mark = store
    plant(name)
    Image.new("L", (8, 8)).save(tmp_path / "picture.png")
    done = here(predict, folder, str(tmp_path / "picture.png"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "study.predict: the network of run " in done.stderr
    assert f"cannot be loaded: {name} is missing, damaged" in done.stderr
    assert not mark.exists()


@pytest.mark.parametrize("name", ["answers.npz", "mistakes.npz"])
@pytest.mark.parametrize("arrays", [False, True])
def test_objects_in_place_of_the_answers_are_refused(name, arrays, store, tmp_path):
    folder, plant, mark = store
    plant(name, arrays)
    done = here(findings, folder, "--folder", str(tmp_path / "reports"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"reports.findings: artifact {name} of run " in done.stderr
    assert "must hold numbers alone" in done.stderr
    assert not mark.exists()
    assert not (tmp_path / "reports").exists()


def test_nothing_runs_of_a_store_whose_models_are_all_pickles(store, tmp_path):
    folder, plant, mark = store
    for name in ("weights.safetensors", "model.pt2"):
        plant(name)
    for command, words in (
        (export, ["--to", f"sqlite:///{tmp_path}/optuna.db"]),
        (findings, ["--folder", str(tmp_path / "reports")]),
        (ablate, ["--seeds", "2", "--workers", "2"]),
    ):
        done = here(command, folder, *words)
        assert done.returncode == 0, done.stderr
    assert not mark.exists()
