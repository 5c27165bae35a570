import json
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.sections.ablations import experiment_claims, hypothesis_table
from hyperstudy.reports.sections.ranges import default_claims, default_table
from hyperstudy.reports.sections.steps import next_study
from hyperstudy.reports.sections.winner import noise_claims
from hyperstudy.study.comparisons.arms import ALONE, arms_of
from tests.reports.planted import NOISE, bump, flat, peak, planted, with_confirmation, with_experiments


@pytest.fixture
def study():
    rng = np.random.default_rng(0)
    return with_confirmation(planted(0, flat), 0.02, NOISE, 5, rng)


def winner_is(study, **levels):
    finalists = json.loads(study.tags["study.finalists"])
    finalists["winner"] = {**finalists["default"], **levels}
    return replace(study, tags={**study.tags, "study.finalists": json.dumps(finalists)})


def test_a_default_that_wins_leaves_nothing_to_compare(study):
    assert Analysis(winner_is(study)).hypotheses == []
    assert Analysis(planted(0, flat)).hypotheses == []


def test_runs_that_are_there_are_not_missing(study):
    arms = arms_of(Analysis(study).hypotheses)
    missing = {arm.name: Analysis(study).missing_runs(arm) for arm in arms}
    assert missing == {name: 0 if name in ("winner", "default") else 5 for name in missing}
    trained = Analysis(with_experiments(study, {}, NOISE, 3, np.random.default_rng(0)))
    assert sum(map(trained.missing_runs, arms)) == 2 * (len(arms) - 2)


def test_a_run_of_an_arm_is_expected_to_take_what_winner_and_default_took(study):
    """Two seconds and four."""
    table = hypothesis_table(Analysis(study))
    assert table["missing runs"].sum() > 0
    assert list(table.seconds) == list(3.0 * table["missing runs"])
    assert Analysis(planted(0, flat)).run_seconds is None


def test_a_difference_is_judged_by_its_paired_t_test_corrected_by_holm(study):
    from scipy.stats import ttest_rel
    from statsmodels.stats.multitest import multipletests

    trained = with_experiments(study, {"lr": 0.02}, 0.003, 5, np.random.default_rng(1))
    rows = [row for row in Analysis(trained).results if row.hypothesis.kind == ALONE]
    pairs = [
        [trained.runs[trained.runs.role == arm.name].sort_values("seed")["tested"] for arm in row.hypothesis[4:]]
        for row in rows
    ]
    expected = multipletests([ttest_rel(high, low).pvalue for low, high in pairs], method="holm")[1]
    assert [row.p for row in rows] == pytest.approx(expected)
    assert all(row.estimate.n == 5 for row in rows)


def test_a_claim_says_what_was_changed_and_what_would_settle_it(study):
    trained = with_experiments(study, {"lr": 0.02}, 0.001, 5, np.random.default_rng(1))
    claims = {claim.claim.split()[0]: claim for claim in experiment_claims(Analysis(trained))}
    assert "instead of the default 0.001" in claims["lr"].claim
    assert all(bool(claim.next_step) == (claim.verdict != "supported") for claim in claims.values())


def test_the_seeds_advised_are_more_than_there_are():
    advised = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        study = with_confirmation(planted(seed, flat), 0.02, NOISE, 5, rng)
        trained = Analysis(with_experiments(study, {"lr": 0.02}, NOISE, 5, rng))
        for claim in experiment_claims(trained):
            advised += [(int(seeds), claim.n) for seeds in re.findall(r"--seeds (\d+)", claim.next_step)]
    assert len(advised) > 40
    assert all(seeds > n for seeds, n in advised)


def test_the_seeds_advised_find_the_difference_at_the_corrected_level():
    from statsmodels.stats.power import TTestPower

    study = with_confirmation(planted(0, flat), 0.02, NOISE, 5, np.random.default_rng(0))
    rows = Analysis(with_experiments(study, {}, NOISE, 5, np.random.default_rng(1))).results
    tests = sum(row.hypothesis.kind == ALONE for row in rows)
    half = stats.t.ppf(0.975, 4) / np.sqrt(5)
    known = [(row, row.estimate.mean / ((row.estimate.high - row.estimate.mean) / half)) for row in rows if row.needed]
    known = [(row, abs(shift)) for row, shift in known if abs(shift) < 3]  # statsmodels gives NaN for larger ones
    assert len(known) >= 3
    for row, shift in known:
        too_few, enough = (TTestPower().power(shift, n, 0.05 / tests) for n in (row.needed - 1, row.needed))
        assert too_few < 0.8 <= enough


def test_equal_differences_ask_for_more_seeds_instead_of_calling_them_nothing(study):
    trained = with_experiments(study, {}, 0.0, 5, np.random.default_rng(0))
    confirmed = trained.runs.phase == "confirm"
    trained.runs.loc[confirmed, "tested"] = np.where(trained.runs[confirmed].role == "winner", 0.91, 0.9)
    claim = experiment_claims(Analysis(trained))[0]
    assert (claim.verdict, claim.interval) == ("inconclusive", "")
    assert claim.next_step == "Equal differences show no spread to judge by: --seeds 10."


def test_a_default_that_an_experiment_refuted_is_not_fixed_in_the_next_study():
    rng = np.random.default_rng(0)
    studies = (with_confirmation(planted(seed, bump), 0.05, 0.002, 5, rng) for seed in range(20))
    study = next(s for s in studies if any(row.name == "activation" for row in Analysis(s).hypotheses))
    refuted = with_experiments(study, {"activation": 0.05}, 0.002, 5, rng)
    assert "--activation relu " in next_study(Analysis(study)).command
    assert "--activation relu,gelu,tanh,sigmoid " in next_study(Analysis(refuted)).command


def test_arms_of_an_earlier_winner_stay_and_say_nothing_of_the_new_one(study):
    trained = with_experiments(study, {"lr": 0.02}, NOISE, 5, np.random.default_rng(0))
    grown = winner_is(trained, lr=0.05, depth=4)
    assert len(grown.confirmed) == len(trained.confirmed)
    analysis = Analysis(grown)
    assert analysis.results == []
    missing = {arm.name: analysis.missing_runs(arm) for arm in arms_of(analysis.hypotheses)}
    assert missing == {name: 0 if name == "default" else 5 for name in missing}


def test_the_seed_s_noise_rests_on_the_finalists_alone(study):
    trained = with_experiments(study, {"lr": 0.02}, NOISE, 5, np.random.default_rng(0))
    before, after = noise_claims(Analysis(study))[0], noise_claims(Analysis(trained))[0]
    assert after == before
    assert len(after.evidence) == after.n


def test_table_and_claims_of_defaults_agree():
    """An experiment decides over the surrogate in both."""
    rng = np.random.default_rng(3)
    study = with_confirmation(planted(3, peak), 0.02, 0.002, 5, rng)
    tried = Analysis(with_experiments(study, {"lr": 0.03}, 0.002, 5, rng))
    claimed = {claim.claim.split()[0] for claim in default_claims(tried)}
    table = default_table(tried).set_index("hyperparameter")
    assert set(table.index[table["leave it"] == "yes"]) == claimed
    compared = {row.hypothesis.name for row in tried.results if row.hypothesis.kind == ALONE}
    assert set(table.index[table.by == "experiment"]) == compared
