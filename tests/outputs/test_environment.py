import subprocess
from importlib.metadata import version

from hyperstudy.study.outputs import environment
from hyperstudy.study.outputs.environment import command, commit, versions
from tests.conftest import python


def test_a_recorded_command_has_no_password(monkeypatch):
    monkeypatch.setattr("sys.argv", ["study/run.py", "--tracking-uri=postgresql://me:secret@host/db", "--lr", "1e-3"])
    assert command() == "python -m study.run '--tracking-uri=postgresql://me:***@host/db' --lr 1e-3"


def test_the_commit_is_git_s_and_says_whether_files_differ(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "environment.py"))
    assert commit() == "unknown"
    (tmp_path / "file").write_text("one")
    for words in (["init", "-q"], ["add", "file"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    who = ["-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run(["git", *who, "commit", "-qm", "m"], cwd=tmp_path, check=True)
    head = subprocess.run(["git", "log", "-1", "--format=%H"], cwd=tmp_path, capture_output=True, text=True).stdout
    assert commit() == head.strip()
    (tmp_path / "file").write_text("two")
    assert commit() == head.strip() + "+changes"


def test_the_recorded_versions_are_those_installed():
    assert versions()["torch"] == version("torch")
    assert {"python", "torch", "numpy", "optuna", "mlflow"} <= set(versions())


def test_a_processor_is_told_with_the_instruction_set_on_which_the_last_bits_depend(tmp_path):
    code = "import torch, hyperstudy.study.outputs.environment as e; print(e.hardware(torch.device('cpu')))"
    told = python("-c", code, cwd=tmp_path, ATEN_CPU_CAPABILITY="default").stdout
    assert ", DEFAULT, " in told
    assert told.strip().endswith(", cpu")
