"""Bad input: one clear line, exit code 2, nothing written."""

from urllib.error import URLError

import pytest

from hyperstudy.models import MODELS
from hyperstudy.study.core.config import HYPERPARAMETERS
from hyperstudy.study.run import main
from hyperstudy.study.studies.options import parse_options, places
from tests.datafiles import write_mnist

BAD = [
    ("--model mpl", f"model must be one of {', '.join(map(repr, MODELS))}; got 'mpl' (did you mean 'mlp'?)"),
    ("--dataset fashon-mnist", "(did you mean 'fashion-mnist'?)"),
    ("--dataset folder", "dataset must be one of"),
    ("--dataset folder:nowhere", "data 'nowhere' cannot be read: No such file or directory"),
    ("--trails 50", "got '--trails' (did you mean '--trials'?)"),
    ("--learning-rate 0.1", "option '--learning-rate' is none; did you mean '--lr', learning rate?"),
    ("--width=--", "an option's value must not be '--'; got '--width=--'"),
    ("--lr 1e-3:1.0000000000000002e-3", "a range runs from low to high; got lr 0.001:0.0010000000000000002"),
    ("--model mynet.py:Net", "a file of your own is given with --from; got 'mynet.py:Net'"),
    ("--model cmn", "(did you mean 'cnn'?)"),
    ("--objective acuracy", "(did you mean 'accuracy'?)"),
    ("--loop mine", "give it with --from"),
    ("--dataset folder:~no-such-user/x", "folder '~no-such-user/x' cannot be found: there is no such user"),
    ("--after other", "there is no study yet in"),
    (f"--trials {'9' * 5000}", "trials must be a whole number from 1 up; got '9999"),
    (f"--batch-size {'9' * 5000}", "batch_size must be a whole number, low:high or a,b,c; got '9999"),
    ("--trials", "expected one argument"),
    ("50", "option must be one of"),
    ("--activation gellu", "(did you mean 'gelu'?)"),
    ("--activation relu,gellu", "(did you mean 'gelu'?)"),
    ("--sampler tpee", "sampler must be one of 'tpe', 'random', 'qmc', 'gp', 'cmaes', 'grid'; got 'tpee'"),
    ("--pruner medain", "(did you mean 'median'?)"),
    ("--optimizer adm", "(did you mean 'adam'?)"),
    ("--lr 1e-1:1e-4", "a range runs from low to high; got lr 0.1:0.0001"),
    ("--lr 1e-12:1", "lr must be a number from 1e-08 to 10; got 1e-12"),
    ("--depth 7", "depth of model 'cnn' must be one of '1', '2', '3', '4'; got '7'"),
    ("--model softmax --depth 2", "model 'softmax' has no depth; got depth 2"),
    ("--model lenet", "must be at least 12 pixels wide; got 8 (digits): give --image-size 12 or more"),
    ("--model lenet --image-size 8:28", "must be at least 12 pixels wide; got 8"),
    ("--trials 0", "trials must be a whole number from 1 up; got '0'"),
    ("--trials many", "trials must be a whole number from 1 up; got 'many'"),
    ("--trials ²", "trials must be a whole number from 1 up; got '²'"),
    ("--trials 1.5", "trials must be a whole number"),
    ("--workers 0", "workers must be a whole number from 1 up; got '0'"),
    ("--workers -3", "workers must be a whole number from 1 up; got '-3'"),
    ("--confirm-seeds -1", "confirm-seeds must be a whole number from 0 up; got '-1'"),
    ("--study a/b", "study must be a name of letters, digits"),
    ("--study ../up", "study must be a name of letters, digits"),
    ("--device tpu", "device must be one that this machine has"),
    ("--lr 1e-3 --batch-size 32 --depth 2 --activation relu", "a study must vary something"),
    ("--dataset mnist --data-dir /dev/null", "data-dir must be a folder; '/dev/null' is none"),
    ("--dataset mnist", "could not be downloaded"),
    ("--tracking-uri oracle-of://delphi", "cannot be opened"),
    ("--tracking-uri postgresql://localhost:abc/x", "cannot be opened"),
    ("--storage sqlite:///optuna.db", "option must be one of"),
    ("--study recipes", "study must be a name that this project and MLflow do not use themselves; got 'recipes'"),
    ("--study Default", "do not use themselves; got 'Default'"),
    ("--seed 1073741825", "seed must be a whole number from 0 to 1,073,741,824; got 1073741825"),
    ("--tracking-uri http://localhost:abc", "cannot be opened"),
    ("--tracking-uri ftp://nowhere", "cannot be opened"),
    ("--tracking-uri http://127.0.0.1:9", "cannot be opened"),
]


def no_network(*_, **__):
    raise URLError("no route to host")


@pytest.mark.parametrize(("words", "message"), BAD, ids=[words[:40] for words, _ in BAD])
def test_bad_input_is_one_line_exit_code_2_and_writes_nothing(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    assert main(words.split()) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert error.startswith("study.run: ")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_data_file_is_named_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_mnist(tmp_path / "data", "MNIST")
    damaged = tmp_path / "data" / "MNIST" / "raw" / "train-images-idx3-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert main(["--dataset", "mnist"]) == 2
    assert "train-images-idx3-ubyte is damaged" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_places_are_what_is_not_usual_without_passwords():
    options = parse_options(["--tracking-uri", "http://me:secret@host:5000", "--data-dir", "my pictures"])
    assert places(options) == ["--tracking-uri", "http://me:***@host:5000", "--data-dir", "my pictures"]
    assert places(options, "tracking_uri") == ["--tracking-uri", "http://me:***@host:5000"]
    assert places(parse_options([])) == []


def test_the_help_names_every_option_with_its_default_and_range(capsys):
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, row in HYPERPARAMETERS.items():
        assert "--" + name.replace("_", "-") in text
        assert row.space is None or str(row.space) in text.replace("- ", "-")  # a line may break after a hyphen
    for part in ("default 0.001", "1e-05:0.1 on a log scale", "cnn 2 of 1:4", "(default 50)", "tpe, random, qmc"):
        assert part in text
