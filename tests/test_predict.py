"""`python -m study.predict` as a user runs it."""

import os

import numpy as np
import pytest
from PIL import Image

from hyperstudy.study.core.data.splits import load_test
from hyperstudy.study.predict import main


@pytest.fixture
def predict(finished_study, monkeypatch, capsys):
    """Run the command where the finished study lies: exit code, and what it printed to the two streams."""

    def run(*words):
        words = [str(word) for word in words]
        if "--tracking-uri" not in words:  # mlflow keeps a store that it opened under a relative path
            words += ["--tracking-uri", f"sqlite:///{finished_study}/mlruns/mlflow.db"]
        code = main(words)
        return code, *capsys.readouterr()

    monkeypatch.chdir(finished_study)
    monkeypatch.setenv("COLUMNS", "300")
    return run


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Ten test digits in ten classes, larger than they were, some of them in other modes; and one as ink on paper."""
    folder = tmp_path_factory.mktemp("pictures")
    test = load_test("digits", folder, 8)
    for number in range(10):
        row = int((test.labels == number).nonzero()[0])
        image = Image.fromarray(test.images[row, 0].numpy()).resize((64, 64), Image.Resampling.NEAREST)
        image.convert(["L", "RGB", "RGBA", "P", "1"][number % 4]).save(folder / f"{number}.png")
        Image.fromarray(255 - np.asarray(image)).save(folder / f"ink-{number}.png")
    return folder


def classes_told(output):
    return [line.split()[1] for line in output.splitlines()[1:] if ".png" in line]


def test_pictures_of_any_size_and_mode_are_told_with_probabilities(predict, pictures):
    code, out, _ = predict(*(pictures / f"{number}.png" for number in range(10)))
    assert code == 0
    assert sum(said == str(number) for number, said in enumerate(classes_told(out))) >= 7
    assert "%" in out


def test_ink_on_paper_is_inverted_only_if_asked(predict, pictures):
    ink = [pictures / f"ink-{number}.png" for number in range(10)]
    _, plain, _ = predict(*(pictures / f"{number}.png" for number in range(10)))
    _, inverted, _ = predict("--invert", *ink)
    assert classes_told(inverted) == classes_told(plain)
    assert classes_told(predict(*ink)[1]) != classes_told(plain)


def test_the_grid_draws_test_pictures_and_counts_those_that_are_right(predict, tmp_path):
    out = tmp_path / "grid.png"
    code, told, _ = predict("--grid", "20", "--out", out)
    assert code == 0
    assert f"of 20 right: {out}" in told.replace("\n", "")
    with Image.open(out) as image:
        assert image.width > 800
    assert "of 360 right" in predict("--grid", "100000", "--out", out)[1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "either name pictures, or draw test pictures with --grid N"),
        ("nothing.png", "picture 'nothing.png' must be a file; there is none"),
        ("output.txt", "picture output.txt is damaged or no picture"),
        ("output.txt --out x.png", "only --grid N draws; got --out x.png"),
        ("--grid 0", "grid must be a whole number from 1 up; got '0'"),
        ("--grid 3 --study digits-cn", "(did you mean 'digits-cnn'?)"),
        ("--grid 3 --recipe lenet", "(did you mean 'lenet-mnist'?)"),
        ("--grid 3 --recipe lenet-mnist", "recipe 'lenet-mnist' was not run yet: python -m study.recipes lenet-mnist"),
        ("--grid 3 --out missing/grid.png", "grid 'missing/grid.png' cannot be drawn"),
        ("--grid 3 --tracking-uri sqlite:///other.db", "there is no study yet in 'other.db'"),
    ],
)
def test_what_cannot_be_done_is_one_line(predict, words, line):
    code, _, told = predict(*words.split())
    assert code == 2
    assert line in told
    assert told.count("\n") == 1


def test_each_that_is_no_picture_is_told_and_does_not_hide_what_the_others_show(predict, pictures, tmp_path):
    odd = {
        "broken": "is damaged or no picture",
        "empty": "is damaged or no picture",
        "folder": "must be a file; it is a folder",
        "fifo": "must be a file; it is a FIFO",
        "nothing": "must be a file; there is none",
    }
    for name in ("broken", "empty"):
        (tmp_path / f"{name}.png").write_bytes(b"no picture"[: 10 * (name == "broken")])
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "fifo.png")
    bad = [tmp_path / f"{name}.png" for name in odd]
    code, out, told = predict(*bad[:2], pictures / "1.png", *bad[2:], pictures / "2.png")
    assert code == 2
    assert len(classes_told(out)) == 2
    lines = told.splitlines()
    assert len(lines) == len(odd)
    for line, (name, reason) in zip(lines, odd.items(), strict=True):
        assert f"{name}.png" in line
        assert reason in line
