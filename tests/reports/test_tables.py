"""Trials in tables: what Optuna writes, and what people write by hand."""

import numpy as np
import pandas as pd
import pytest

from hyperstudy.reports.sources.storage import from_storage
from hyperstudy.reports.sources.table import from_table
from hyperstudy.study.core.domains import Choice, Range
from tests.reports.others import of_topic, plain_rows, reported, url_of, written


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_the_table_of_a_storage_says_what_the_storage_says(folder, name):
    stored, table = (
        from_storage(url_of(folder), name, None, True),
        from_table(folder / f"{name}.csv", None, False, True),
    )
    assert set(table.domains) == set(stored.domains)
    assert list(table.runs.state) == list(stored.runs.state)
    for column in ("objective", "lr", "layers", "optimizer", "batch", "dropout"):
        assert table.runs[column].equals(stored.runs[column]), column
    assert np.allclose(table.runs.seconds, stored.runs.seconds, atol=1e-5)
    assert table.domains["lr"].log
    assert not table.domains["dropout"].log
    assert table.domains["optimizer"] == Choice(("adam", "sgd"))
    assert table.domains["batch"] == Choice((16, 32, 64))
    assert table.domains["layers"] == Range(int(table.runs.layers.min()), int(table.runs.layers.max()))


def test_a_regression_by_hand_is_reported_in_its_own_values(ridge, tmp_path):
    table = pd.read_csv(ridge)
    text, findings, place = reported(tmp_path, "--csv", ridge, "--objective", "rmse", "--minimize", "--random")
    assert f"reached rmse {table.rmse.min():.4g}" in text
    assert "| solver | always auto |" in text
    written = pd.read_csv(place / "tables" / "trials.csv")
    assert written.rmse.tolist() == table.rmse.tolist()
    found = {row["claim"].split()[0]: row for row in of_topic(findings, "influence")}
    assert {name: row["verdict"] for name, row in found.items()} == {
        "alpha": "supported",
        "fit_intercept": "supported",
        "useless": "inconclusive",
    }
    means = table.groupby("fit_intercept").rmse.mean()
    assert means[True] < means[False]
    assert "rmse is best at True and worst at False" in found["fit_intercept"]["claim"]
    assert float(found["fit_intercept"]["effect"]) == pytest.approx(means[False] - means[True], rel=0.3)


def test_what_is_better_decides_the_winner(ridge):
    table = pd.read_csv(ridge)
    for maximize, place in ((False, table.rmse.idxmin()), (True, table.rmse.idxmax())):
        study = from_table(ridge, "rmse", maximize, False)
        best = study.runs.sort_values("objective").iloc[-1]
        assert best.trial == place
        assert study.objective.own(best.objective) == pytest.approx(table.rmse[place])


def numbers(count: int, low: float, high: float, log: bool, seed: int = 0) -> np.ndarray:
    u = np.random.default_rng(seed).random(count)
    return low * (high / low) ** u if log else low + (high - low) * u


@pytest.mark.parametrize(
    ("values", "kind", "log", "integer"),
    [
        (numbers(40, 1e-4, 1e-1, True), Range, True, False),
        (numbers(40, 0, 1, False), Range, False, False),
        (numbers(2000, 0, 1, False), Range, False, False),  # its lowest is 5e-4: linear all the same
        (numbers(40, -5, 5, False), Range, False, False),
        (np.round(numbers(40, 8, 4096, True)).astype(int), Range, True, True),
        ([1, 2, 3, 4] * 10, Range, False, True),
        ([32, 64, 128, 256] * 10, Choice, None, None),
        (["a", "b", "c"] * 10, Choice, None, None),
        ([True, False] * 20, Choice, None, None),
        ([16, 32, "auto", 64] * 10, Choice, None, None),
    ],
)
def test_the_space_is_inferred_from_values(tmp_path, values, kind, log, integer):
    rows = [["x", "y"], *([value, place] for place, value in enumerate(np.random.default_rng(1).random(len(values))))]
    rows[1:] = [[value, y] for value, (y, _) in zip(values, rows[1:], strict=True)]
    (domain,) = from_table(written(tmp_path / "t.csv", rows), "y", False, False).domains.values()
    assert isinstance(domain, kind)
    if kind is Range:
        assert (domain.log, domain.integer) == (log, integer)
        assert domain.ends == (min(values), max(values))
    else:
        assert set(domain.options) == (set(values) if all(type(v) is int for v in values) else set(map(str, values)))


def test_seeds_names_and_counters_are_no_hyperparameters(tmp_path):
    head, *rows = plain_rows(24)
    rows = [[place, f"run-{place}", place * 7 % 24, *row] for place, row in enumerate(rows)]
    table = written(tmp_path / "t.csv", [["id", "run", "seed", *head], *rows])
    study = from_table(table, "loss", False, False)
    assert study.searched == ["lr"]
    notes = " ".join(study.origin.notes)
    assert all(f"{name} is left out" in notes for name in ("id", "run", "seed"))


def test_failed_rows_count_as_failures(tmp_path):
    rows = plain_rows(20)
    for place in (3, 8):
        rows[place][1] = ["", "nan"][place == 8]
    study = from_table(written(tmp_path / "t.csv", rows), "loss", False, False)
    assert list(np.flatnonzero(study.runs.state == "diverged")) == [2, 7]
    assert len(study.explored) == 20


def test_columns_may_have_the_names_of_a_report_s_own(tmp_path):
    rng = np.random.default_rng(0)
    rows = [["name", "phase", "parameters", "objective", "x"]]
    rows += [[rng.random(), "ab"[place % 2], rng.integers(1, 9), rng.random(), rng.random()] for place in range(24)]
    reported(tmp_path / "out", "--csv", written(tmp_path / "t.csv", rows), "--objective", "x", "--maximize")


def test_other_separators_are_read(tmp_path):
    for separator in ";\t":
        table = written(tmp_path / "t.csv", plain_rows(), delimiter=separator)
        assert from_table(table, "loss", False, False).searched == ["lr"]
