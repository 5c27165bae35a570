"""What cannot be reported ends with one line."""

import pytest

from hyperstudy.reports.findings import main
from tests.reports.others import plain_rows, url_of, written


@pytest.fixture
def poor(tmp_path, folder, experiment, ridge):
    """Tables that cannot be used, and the good sources, by name."""
    rows = plain_rows()
    files = {
        "twice": written(tmp_path / "twice.csv", [["lr", "lr", "loss"], *([lr, lr, loss] for lr, loss in rows[1:])]),
        "few": written(tmp_path / "few.csv", rows[:4]),
        "constant": written(tmp_path / "constant.csv", [rows[0], *([0.1, loss] for _, loss in rows[1:])]),
        "empty": tmp_path / "empty.csv",
        "latin": tmp_path / "latin.csv",
        "ragged": tmp_path / "ragged.csv",
    }
    files["empty"].touch()
    files["latin"].write_bytes("größe,loss\n1,2\n".encode("latin-1"))
    files["ragged"].write_text("lr,loss\n1,2\n1,2,3,4\n" + "1,2\n" * 9)
    return {
        **{name: str(path) for name, path in files.items()},
        **{"folder": str(tmp_path), "optuna": url_of(folder), "mlflow": experiment, "ridge": str(ridge)},
    }


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--csv {folder}/none.csv", "none.csv' cannot be read: No such file"),
        ("--csv {folder}", "cannot be read"),
        ("--csv {ridge} --objective rsme --minimize", "(did you mean 'rmse'?)"),
        ("--csv {ridge} --minimize", "--objective must name a column of"),
        ("--csv {ridge} --objective rmse", "--minimize or --maximize must say which rmse is better"),
        ("--csv {ridge} --objective solver --minimize", "objective solver must be a number in every row; got 'auto'"),
        ("--csv {twice} --objective loss --minimize", "it has 'lr' twice"),
        ("--csv {few} --objective loss --minimize", "at least 5 complete trials; it holds 3"),
        ("--csv {constant} --objective loss --minimize", "must hold a hyperparameter that varies"),
        ("--csv {empty} --objective loss --minimize", "must hold a line of column names and a line per trial"),
        ("--csv {latin} --objective loss --minimize", "must be text in UTF-8; byte 2 is not"),
        ("--csv {ragged} --objective loss --minimize", "is no table"),
        ("--csv {ridge} --optuna {optuna}", "different sources: give one"),
        ("--csv {ridge} --study x", "got it with --csv"),
        ("--optuna {optuna}", "must name one of the storage's 2 studies: random, tpe"),
        ("--optuna {optuna} --study tpo", "(did you mean 'tpe'?)"),
        ("--optuna {optuna} --study tpe --minimize", "an Optuna study has its direction"),
        ("--optuna sqlite:///{folder}/none.db", "is no Optuna storage: there is no file"),
        ("--optuna {mlflow}", "is no Optuna storage: it has no table"),
        ("--optuna sqlite:///{ridge}", "is no Optuna storage: file is not a database"),
        ("--optuna nonsense", "is no Optuna storage"),
        ("--tracking-uri {mlflow} --experiment their", "(did you mean 'their sweep'?)"),
        ("--tracking-uri {mlflow} --experiment their+sweep --objective val_los", "'size', 'val_loss'; got 'val_los'"),
        ("--tracking-uri {mlflow} --experiment their+sweep", "metrics: size, val_loss"),
        ("--tracking-uri {mlflow} --study their+sweep", "--experiment their sweep reads it"),
        ("--random", "are for --optuna, --experiment or --csv"),
    ],
)
def test_what_cannot_be_used_is_one_line(poor, tmp_path, monkeypatch, capsys, words, line):
    monkeypatch.chdir(tmp_path)
    given = [word.replace("+", " ") for word in words.format(**poor).split()]
    assert main(given) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1
    assert not (tmp_path / "mlruns").exists()
