"""`python -m reports.compare`: planted pairs of studies with a known answer, and two real ones."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.compare import main
from hyperstudy.reports.sections.versus import cost_table, effect_claims, effect_table, winner_claims
from hyperstudy.reports.statistics.agreement import agreement, common
from hyperstudy.reports.statistics.effects import Curve
from hyperstudy.reports.versus import Versus, check_comparable
from hyperstudy.study.core.domains import Choice, Range
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.run import main as run
from tests.conftest import copy_study, here, store_of
from tests.reports.planted import DOMAINS, flat, peak, planted, with_confirmation


def valley(u):
    """Worst where `peak` is best."""
    return 0.7 + 0.5 * (u.lr - 0.6) ** 2


def named(study, name, digest="d"):
    return replace(study, name=name, tags={**study.tags, "study.settings": json.dumps({"data digest": digest})})


def versus(first, second):
    return Versus(Analysis(named(first, "one")), Analysis(named(second, "two")), "a command")


def confirmed(seed, accuracy, seeds=5):
    """A study whose winner reaches `accuracy` on the test pictures; noise of 0.002 is the same for equal seeds."""
    study = with_confirmation(planted(seed, peak), 0.0, 0.0, seeds, np.random.default_rng(0))
    noise = np.random.default_rng(9).normal(0, 0.002, len(study.runs))
    tested = study.runs["tested"].notna()
    values = accuracy + pd.Series(noise, index=study.runs.index)[study.runs.seed.astype(int)].to_numpy()
    return replace(study, runs=study.runs.assign(**{"tested": np.where(tested, values, np.nan)}))


def test_winners_are_compared_over_equal_seeds():
    """Both have the same noise of the seed, so that their difference is known exactly."""
    (found,) = winner_claims(versus(confirmed(0, 0.90), confirmed(1, 0.93)))
    assert (found.effect, found.n) == ("+0.0300", 5)
    assert "two reaches a test accuracy 0.0300 above that of one" in found.claim
    (found,) = winner_claims(versus(confirmed(0, 0.93), confirmed(1, 0.90)))
    assert found.effect == "-0.0300"
    assert "0.0300 below" in found.claim


def test_a_difference_and_its_interval_are_those_of_a_paired_t_test():
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(3)
    one, two = (with_confirmation(planted(s, peak), 0.01 * s, 0.01, 6, rng) for s in (0, 1))
    pair = versus(one, two)
    first, second = (s.runs[(s.runs.role == "winner")].sort_values("seed")["tested"].to_numpy() for s in (one, two))
    expected = ttest_rel(second, first)
    interval = expected.confidence_interval()
    assert pair.difference.mean == pytest.approx(np.mean(second - first))
    assert (pair.difference.low, pair.difference.high) == pytest.approx((interval.low, interval.high))
    assert pair.chance == pytest.approx(expected.pvalue / 2 if expected.statistic < 0 else 1 - expected.pvalue / 2)


def test_only_seeds_that_both_have_are_paired():
    assert len(versus(confirmed(0, 0.9, seeds=5), confirmed(1, 0.9, seeds=3)).pairs) == 3


def effect_of(pair, name):
    (found,) = [
        row for row in effect_claims(pair) if row.claim.startswith(f"{name} ") or row.claim.startswith(f"{name}:")
    ]
    return found


def test_the_same_effect_in_both_studies_agrees():
    found = effect_of(versus(planted(0, peak), planted(1, peak)), "lr")
    assert "lr acts alike in both studies" in found.claim
    assert found.verdict == "supported"
    first, second = (float(word.strip(".")) for word in found.claim.split("near ")[1:] for word in [word.split()[0]])
    best = DOMAINS["lr"].values(0.6).item()
    assert best / 4 < first < best * 4
    assert best / 4 < second < best * 4


def test_an_opposite_effect_does_not_agree():
    found = effect_of(versus(planted(0, peak), planted(1, valley)), "lr")
    assert "opposite ways" in found.claim
    assert float(found.effect) < -0.8


def test_an_effect_of_one_study_alone_is_no_difference():
    found = effect_of(versus(planted(0, peak), planted(1, flat)), "lr")
    assert found.verdict == "inconclusive"
    assert "in one alone, which is no proof that they differ" in found.claim


def test_two_studies_of_nothing_seldom_agree():
    """Both must show an influence first: by chance that is rarer than one in a hundred."""
    pairs = [versus(planted(2 * seed, flat), planted(2 * seed + 1, flat)) for seed in range(10)]
    assert sum(row.verdict == "supported" for pair in pairs for row in effect_claims(pair)) <= 1


def test_effects_are_compared_where_both_searched():
    assert common(Range(1e-4, 1e-1, log=True), Range(1e-3, 1.0, log=True))[0] == pytest.approx(1e-3)
    assert common(Range(1e-4, 1e-1, log=True), Range(1e-3, 1.0, log=True))[-1] == pytest.approx(1e-1)
    assert common(Choice(("a", "b", "c")), Choice(("c", "b"))) == ["b", "c"]
    assert common(Range(0.0, 1.0), Range(2.0, 3.0)) == []
    assert common(Range(0.0, 1.0), Choice(("a", "b"))) == []


def test_equal_effects_have_a_correlation_of_one_and_mirrored_ones_of_minus_one():
    u = np.linspace(0, 1, 6)
    rising, domain = Curve("x", u, np.column_stack([u, u**2])), Range(0.0, 1.0)
    falling = Curve("x", u, -rising.draws)
    alike = agreement((rising, rising), (domain, domain))
    assert (alike.low, alike.correlation, alike.high) == pytest.approx((1, 1, 1))
    assert (alike.first_best, alike.second_best) == (1.0, 1.0)
    opposite = agreement((rising, falling), (domain, domain))
    assert (opposite.correlation, opposite.second_best) == (pytest.approx(-1), 0.0)


def test_levels_are_compared_by_their_names():
    draws = np.array([[0.1, 0.1], [0.2, 0.2], [0.9, 0.9]])
    one, two = Curve("a", np.arange(3.0), draws), Curve("a", np.arange(3.0), draws[::-1])
    found = agreement((one, two), (Choice(("x", "y", "z")), Choice(("z", "y", "x"))))
    assert found.correlation == pytest.approx(1)
    assert found.second_best == "z"


def test_cost_adds_up_over_all_runs():
    pair = versus(confirmed(0, 0.9), planted(1, peak))
    table = cost_table(pair).set_index("study")
    assert table["training in all (s)"]["one"] == pytest.approx(pair.first.study.runs.train_seconds.sum())
    assert table["winner's training (s)"]["one"] == 2.0
    assert table.trials.tolist() == [50, 50]
    assert list(effect_table(pair).hyperparameter) == list(DOMAINS)


@pytest.mark.parametrize(
    ("first", "second", "line"),
    [
        (named(planted(0, peak), "a"), named(planted(1, peak), "a"), "two different studies"),
        (named(planted(0, peak), "a"), named(planted(1, peak), "b", "other"), "must be of the same pictures"),
        (named(planted(0, peak), "a"), planted(1, peak), "does not say what data it used"),
        (named(planted(0, peak, 3), "a"), named(planted(1, peak, 3), "b"), "can be compared"),
    ],
)
def test_what_cannot_be_compared_is_one_line(first, second, line):
    with pytest.raises(InputError, match=line) as found:
        check_comparable(Versus(Analysis(first), Analysis(second), ""))
    assert "\n" not in str(found.value)


@pytest.fixture(scope="module")
def two_studies(finished_study, tmp_path_factory):
    """The finished study of a CNN, and one of an MLP on the same pictures."""
    folder = tmp_path_factory.mktemp("two") / "there"
    copy_study(finished_study, folder)
    done = here(run, folder, *["--model", "mlp", "--trials", "6", "--epochs", "2", "--confirm-seeds", "2"])
    assert done.returncode == 0, done.stderr
    return folder


def test_two_real_studies_are_compared(two_studies, monkeypatch, capsys):
    monkeypatch.chdir(two_studies)
    assert main(["digits-cnn", "digits-mlp", "--tracking-uri", store_of(two_studies)]) == 0
    told = capsys.readouterr().out
    assert "The winner of digits-mlp" in told
    place = two_studies / "mlruns" / "reports" / "digits-cnn-vs-digits-mlp"
    assert {path.name for path in place.iterdir()} == {"README.md", "report.html", "findings.json", "figures", "tables"}
    text = (place / "README.md").read_text()
    assert all(f"## {title}" in text for title in ("Which winner is better", "Which effects agree", "What they cost"))
    assert "too few to compare effects" in text


def test_an_unknown_study_is_one_line(two_studies, capsys):
    assert main(["digits-cnn", "digits-mpl", "--tracking-uri", store_of(two_studies)]) == 2
    told = capsys.readouterr().err
    assert "(did you mean 'digits-mlp'?)" in told
    assert told.count("\n") == 1
