import json
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from reports.advice import next_command
from reports.defaults import default_claims
from reports.experiments import (
    ALONE,
    PATH,
    arms_of,
    experiment_claims,
    hypotheses_of,
    missing_runs,
    results_of,
    seconds_of,
)
from reports.lead import noise_claims
from reports.tables import default_table
from tests.planted import NOISE, bump, flat, peak, planted, with_confirmation, with_experiments


@pytest.fixture
def study():
    rng = np.random.default_rng(0)
    return with_confirmation(planted(0, flat), 0.02, NOISE, 5, rng)


def winner_is(study, **levels):
    finalists = json.loads(study.tags["study.finalists"])
    finalists["winner"] = {**finalists["default"], **levels}
    return replace(study, tags={**study.tags, "study.finalists": json.dumps(finalists)})


def test_each_difference_is_tried_alone_and_on_the_path(study):
    rows = hypotheses_of(winner_is(study, lr=0.01, depth=3))
    assert [(row.kind, row.name) for row in rows] == [(ALONE, "lr"), (ALONE, "depth"), (PATH, "lr"), (PATH, "depth")]
    alone, path = rows[0], rows[2]
    assert (alone.low.levels["lr"], alone.low.levels["depth"]) == (0.001, 3)
    assert (path.low.levels["lr"], path.high.levels["lr"], path.high.levels["depth"]) == (0.001, 0.01, 2)
    assert rows[3].high.name == "winner"


def test_a_configuration_that_serves_two_hypotheses_is_one_arm(study):
    arms = arms_of(hypotheses_of(winner_is(study, lr=0.01, depth=3)))
    assert [arm.name for arm in arms] == ["winner with lr=0.001", "winner", "winner with depth=2", "default"]


def test_a_default_that_wins_leaves_nothing_to_compare(study):
    assert hypotheses_of(winner_is(study)) == []
    assert hypotheses_of(planted(0, flat)) == []


def test_runs_that_are_there_are_not_missing(study):
    arms = arms_of(hypotheses_of(study))
    assert {arm.name: missing_runs(study, arm, 5) for arm in arms if arm.name in ("winner", "default")} == {
        "winner": 0,
        "default": 0,
    }
    trained = with_experiments(study, {}, NOISE, 3, np.random.default_rng(0))
    assert sum(missing_runs(trained, arm, 5) for arm in arms) == 2 * (len(arms) - 2)


def test_the_seconds_of_an_arm_are_those_of_trials_like_it():
    """The planted trials take exp(1 / 2 layer) seconds, which a log-linear fit meets exactly."""
    study = with_confirmation(planted(0, bump), 0.02, NOISE, 5, np.random.default_rng(0))
    study.runs["train_seconds"] = np.exp(0.5 * study.runs.depth.astype(float))
    for arm in arms_of(hypotheses_of(study)):
        assert seconds_of(study, arm) == pytest.approx(np.exp(0.5 * arm.levels["depth"]))


def test_a_difference_is_judged_by_its_paired_t_test_corrected_by_holm(study):
    from scipy.stats import ttest_rel
    from statsmodels.stats.multitest import multipletests

    trained = with_experiments(study, {"lr": 0.02}, 0.003, 5, np.random.default_rng(1))
    rows = [row for row in results_of(trained) if row.hypothesis.kind == ALONE]
    pairs = [
        [trained.runs[trained.runs.role == arm.name].sort_values("seed")["test/accuracy"] for arm in row.hypothesis[4:]]
        for row in rows
    ]
    expected = multipletests([ttest_rel(high, low).pvalue for low, high in pairs], method="holm")[1]
    assert [row.p for row in rows] == pytest.approx(expected)
    assert all(row.estimate.n == 5 for row in rows)


def test_a_claim_says_what_was_changed_and_what_would_settle_it(study):
    trained = with_experiments(study, {"lr": 0.02}, 0.001, 5, np.random.default_rng(1))
    claims = {claim.claim.split()[0]: claim for claim in experiment_claims(trained)}
    assert "instead of the default 0.001" in claims["lr"].claim
    assert all(bool(claim.next_step) == (claim.verdict != "supported") for claim in claims.values())


def test_the_seeds_advised_are_more_than_there_are():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        study = with_confirmation(planted(seed, flat), 0.02, NOISE, 5, rng)
        for claim in experiment_claims(with_experiments(study, {"lr": 0.02}, NOISE, 5, rng)):
            advised = re.findall(r"--seeds (\d+)", claim.next_step)
            assert all(int(seeds) > claim.n for seeds in advised)


def test_the_seeds_advised_find_the_difference_at_the_corrected_level():
    from statsmodels.stats.power import TTestPower

    study = with_confirmation(planted(0, flat), 0.02, NOISE, 5, np.random.default_rng(0))
    rows = results_of(with_experiments(study, {}, NOISE, 5, np.random.default_rng(1)))
    tests = sum(row.hypothesis.kind == ALONE for row in rows)
    for row in (row for row in rows if row.needed):
        half = stats.t.ppf(0.975, 4) / np.sqrt(5)
        shift = row.estimate.mean / ((row.estimate.high - row.estimate.mean) / half)
        if abs(shift) < 3:  # beyond, statsmodels gives NaN
            power = [TTestPower().power(abs(shift), n, 0.05 / tests) for n in (row.needed - 1, row.needed)]
            assert power[0] < 0.8 <= power[1]


def test_equal_differences_ask_for_more_seeds_instead_of_calling_them_nothing(study):
    trained = with_experiments(study, {}, 0.0, 5, np.random.default_rng(0))
    confirmed = trained.runs.phase == "confirm"
    trained.runs.loc[confirmed, "test/accuracy"] = np.where(trained.runs[confirmed].role == "winner", 0.91, 0.9)
    claim = experiment_claims(replace(trained))[0]
    assert (claim.verdict, claim.interval) == ("inconclusive", "")
    assert claim.next_step == "Equal differences show no spread to judge by: --seeds 10."


def test_a_default_that_an_experiment_refuted_is_not_fixed_in_the_next_study():
    rng = np.random.default_rng(0)
    studies = (with_confirmation(planted(seed, bump), 0.05, 0.002, 5, rng) for seed in range(20))
    study = next(s for s in studies if any(row.name == "activation" for row in hypotheses_of(s)))
    refuted = with_experiments(study, {"activation": 0.05}, 0.002, 5, rng)
    assert "--activation relu " in next_command(study)
    assert "--activation relu,gelu,tanh,sigmoid " in next_command(refuted)


def test_arms_of_an_earlier_winner_stay_and_say_nothing_of_the_new_one(study):
    trained = with_experiments(study, {"lr": 0.02}, NOISE, 5, np.random.default_rng(0))
    grown = winner_is(trained, lr=0.05, depth=4)
    assert len(grown.confirmed) == len(trained.confirmed)
    assert results_of(grown) == []
    assert all(missing_runs(grown, arm, 5) == 5 for arm in arms_of(hypotheses_of(grown)) if arm.name != "default")


def test_the_seed_s_noise_rests_on_the_finalists_alone(study):
    trained = with_experiments(study, {"lr": 0.02}, NOISE, 5, np.random.default_rng(0))
    before, after = noise_claims(study)[0], noise_claims(trained)[0]
    assert after == before
    assert len(after.evidence) == after.n


def test_table_and_claims_of_defaults_agree():
    """An experiment decides over the surrogate in both."""
    rng = np.random.default_rng(3)
    study = with_confirmation(planted(3, peak), 0.02, 0.002, 5, rng)
    tried = with_experiments(study, {"lr": 0.03}, 0.002, 5, rng)
    claimed = {claim.claim.split()[0] for claim in default_claims(tried)}
    table = default_table(tried).set_index("hyperparameter")
    assert set(table.index[table["leave it"] == "yes"]) == claimed
    compared = {row.hypothesis.name for row in results_of(tried) if row.hypothesis.kind == "alone"}
    assert set(table.index[table.by == "experiment"]) == compared
