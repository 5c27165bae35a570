"""Planted truth: what the report says of studies whose answer is known."""

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from reports.advice import health, next_command, next_steps
from reports.boundary import boundary_claims
from reports.breaking import failure_claims
from reports.defaults import default_claims
from reports.effects import influence_claims, influence_verdict, interaction_claims, scaling_claims
from reports.influence import columns, influences
from reports.lead import lead_claims
from reports.scales import bucket, is_numeric, scaled
from reports.selection import influences_of, trained_runs
from reports.stats import (
    expected_best,
    expected_best_band,
    pairs_needed,
    probability_positive,
    rate,
    smallest_difference,
    spread,
)
from tests.planted import (
    NOISE,
    SPACE,
    beyond,
    bump,
    diverging,
    flat,
    interacting,
    lr_with_batch_size,
    moving,
    peak,
    planted,
    with_confirmation,
)


def claimed(study):
    """Names of the hyperparameters that the report says matter."""
    return {row.name for row in influences_of(study) if influence_verdict(row) == "supported"}


def test_the_permutation_p_value_agrees_with_the_f_test_where_that_is_exact():
    """Ordinary least squares by statsmodels on the same normal scores."""
    import statsmodels.api as sm

    trials = planted(3, peak).explored
    y = stats.norm.ppf((stats.rankdata(trials.objective) - 0.5) / len(trials))
    blocks = {name: columns(trials[name], SPACE[name]) for name in ("lr", "batch_size", "depth", "activation")}
    full = sm.OLS(y, sm.add_constant(np.hstack(list(blocks.values())))).fit()
    for row in influences(trials, SPACE):
        rest = np.hstack([block for name, block in blocks.items() if name != row.name])
        f, p, _ = full.compare_f_test(sm.OLS(y, sm.add_constant(rest)).fit())
        k = blocks[row.name].shape[1]
        assert row.share == pytest.approx(f * k / (f * k + full.df_resid))
        assert row.p == pytest.approx(p, abs=0.03)


@pytest.mark.parametrize(("lead", "verdict"), [(0.05, "supported"), (-0.05, "supported"), (0.0, "inconclusive")])
def test_a_lead_is_judged_by_its_interval(lead, verdict):
    rng = np.random.default_rng(1)
    verdicts = [lead_claims(with_confirmation(planted(0, peak), lead, 0.01, 5, rng))[0] for _ in range(40)]
    assert sum(claim.verdict == verdict for claim in verdicts) >= 25
    assert all((claim.next_step != "") == (claim.verdict != "supported") for claim in verdicts)


def test_the_interval_of_a_lead_covers_it():
    rng, hits = np.random.default_rng(2), 0
    for _ in range(200):
        claim = lead_claims(with_confirmation(planted(0, peak), 0.02, NOISE, 5, rng))[0]
        low, high = (float(end) for end in claim.interval.strip("[]").split(","))
        hits += low <= 0.02 <= high
    assert stats.binom.ppf(0.001, 200, 0.95) <= hits <= stats.binom.ppf(0.9999, 200, 0.95)


def test_one_seed_gives_no_interval_and_no_verdict():
    claim = lead_claims(with_confirmation(planted(0, peak), 0.3, 0.0, 1, np.random.default_rng(0)))[0]
    assert (claim.interval, claim.verdict, claim.n) == ("", "inconclusive", 1)


def test_an_optimum_beyond_the_end_is_pointed_to_and_the_next_command_extends_the_range():
    study = planted(1, beyond)
    assert any("upper end of lr" in claim.claim for claim in boundary_claims(study))
    assert "--lr 1e-05:1" in next_command(study)


def test_a_region_of_divergence_is_counted_with_wilson_s_interval():
    study = planted(0, diverging)
    every, lr = failure_claims(study)
    failures = int((scaled(study.explored.lr, SPACE["lr"]) > 0.8).sum())
    assert every.claim.startswith(f"{failures} of 32 designed trials failed to train: {failures} diverged")
    assert len(every.evidence) == failures
    assert f"{failures} of {failures} there, 0 of {32 - failures} elsewhere" in lr.claim
    assert "a trial fails as often as not, above it more often" in lr.claim


def test_failures_do_not_swallow_the_ranking_of_what_trains():
    study = planted(0, lambda u: np.where(u.lr > 0.8, 0.1, 0.9 + 0 * u.lr))
    assert "lr" not in claimed(study)


def test_of_two_classes_a_network_that_is_right_three_times_in_four_has_learned():
    study = planted(0, lambda u: 0.74 + 0 * u.lr, **{"study.classes": "2"})
    assert failure_claims(study)[0].claim.startswith("0 of 32")


def test_what_cannot_be_told_apart_is_said_to_be_so():
    (claim,) = influence_claims(planted(0, lambda u: 0.9 + 0 * u.lr, noise=0.0))
    assert claim.claim.startswith("All 32 designed trials that trained reached the same accuracy")
    (claim,) = influence_claims(planted(0, peak, 6))
    assert "4 designed trials that trained are too few" in claim.claim
    assert claim.next_step == "Needed: a study with --trials 48 has 32 designed ones."


def test_what_matters_is_never_pinned():
    for seed in range(3):
        study = planted(seed, peak, 100)
        command, names = next_command(study), claimed(study)
        assert "lr" in names
        assert not any(f"--{name.replace('_', '-')} {SPACE[name]['default']} " in command for name in names)


def test_the_next_commands_find_the_stores_and_the_data_of_the_study():
    study = planted(1, peak, **{"study.places": "--storage 'sqlite:///my store.db' --data-dir /pictures"})
    assert next_command(study).endswith(" --storage 'sqlite:///my store.db' --data-dir /pictures")


def test_an_extended_range_stays_within_the_limits_of_its_hyperparameter():
    studies = (planted(seed, lambda u: 0.5 + 0.4 * u.lr, noise=0.0) for seed in range(60))
    crowded = next(study for study in studies if any("upper end of lr" in c.claim for c in boundary_claims(study)))
    assert "--lr 1e-05:1 " in next_command(crowded)
    limited = replace(crowded, space={**SPACE, "lr": {**SPACE["lr"], "accepted": [1e-8, 0.2]}})
    assert "--lr 1e-05:0.2 " in next_command(limited)
    at_it = replace(crowded, space={**SPACE, "lr": {**SPACE["lr"], "accepted": [1e-8, 0.1]}})
    assert not any("upper end of lr" in claim.claim for claim in boundary_claims(at_it)), "there is nothing beyond"


def test_few_whole_numbers_lie_at_their_ends_by_chance_and_are_not_said_to_crowd_there():
    small = {"batch_size": {**SPACE["batch_size"], "low": 2, "high": 4, "log": False}, "depth": SPACE["depth"]}
    said = 0
    for seed in range(100):
        study = planted(seed, flat)
        levels = np.random.default_rng(seed).integers(2, 5, len(study.runs))
        said += bool(boundary_claims(replace(study, runs=study.runs.assign(batch_size=levels), space=small)))
    assert said <= 10, "of 100, at most 5 are expected"


def test_hyperparameters_without_influence_are_fixed_at_their_default_in_the_next_study():
    command = next_command(planted(1, peak))
    assert "--activation relu" in command
    assert "--batch-size 64" in command
    assert "--lr 1e-05:0.1" in command


def test_buckets_are_equal_parts_of_the_scale():
    labels = bucket(planted(0, peak).explored.lr, SPACE["lr"])
    assert list(labels.cat.categories) == ["1e-05 to 0.000215", "0.000215 to 0.00464", "0.00464 to 0.1"]
    assert min(labels.value_counts()) >= 10
    assert set(bucket(planted(0, peak).explored.activation, SPACE["activation"])) == {"relu", "gelu", "tanh", "sigmoid"}
    assert not is_numeric(SPACE["activation"])


def test_the_expected_best_is_the_mean_over_all_subsets():
    values = [0.3, 0.9, 0.5, 0.5, 0.7, 0.1, 0.8]
    brute = [np.mean([max(subset) for subset in combinations(values, n)]) for n in range(1, 8)]
    assert expected_best(values, 7) == pytest.approx(brute)
    assert len(expected_best(values)) == 3
    low, high = expected_best_band(values)
    assert (low <= expected_best(values)).all()
    assert (expected_best(values) <= high).all()


def test_the_smallest_difference_is_the_one_that_statsmodels_finds_with_power_80():
    from statsmodels.stats.power import TTestPower

    effect = smallest_difference(1.0, 5) / np.sqrt(2)
    assert TTestPower().power(effect, 5, 0.05, alternative="larger") >= 0.8
    assert TTestPower().power(effect, 5, 0.05) == pytest.approx(0.8, abs=1e-3)
    assert smallest_difference(1.0, 1) == np.inf


def test_the_pairs_needed_are_those_that_statsmodels_gives():
    from statsmodels.stats.power import TTestPower

    for difference in ([0.1, 0.3, 0.2], [0.01, 0.2, -0.05, 0.1]):
        needed, effect = pairs_needed(difference), np.mean(difference) / np.std(difference, ddof=1)
        assert TTestPower().power(effect, needed, 0.05) >= 0.8 - 1e-3
        assert TTestPower().power(effect, needed - 1, 0.05) < 0.8
    assert pairs_needed([0.5]) is None
    assert pairs_needed([0.5, -0.5]) is None


def test_rates_are_wilson_s_and_noise_is_pooled():
    assert (rate(3, 10).low, rate(3, 10).high) == pytest.approx((0.1078, 0.6032), abs=1e-4)  # Newcombe 1998
    assert spread([[1.0, 3.0], [2.0, 4.0]]).mean == pytest.approx(np.sqrt(2))
    assert spread([[1.0], []]) is None
    assert probability_positive([1.0]) is None
    assert probability_positive([0.1, 0.3, 0.2]) == pytest.approx(stats.ttest_1samp([0.1, 0.3, 0.2], 0).pvalue / -2 + 1)


def test_a_claim_of_influence_carries_its_share_and_admits_where_there_is_none_to_give():
    lr = influence_claims(planted(0, peak))[0]
    assert lr.claim.startswith("lr matters")
    assert lr.effect.endswith("%")
    assert "of the variance in rank goes with it" in lr.claim
    assert all("how much cannot be said" in c.claim and not c.effect for c in influence_claims(planted(0, flat)))


def test_pairs_that_act_together_are_named_and_others_are_said_not_to_show():
    (found,) = interaction_claims(planted(0, interacting(peak, lr_with_batch_size)))
    assert found.claim.startswith("lr and batch_size act together")
    (none,) = interaction_claims(planted(0, peak))
    assert (none.verdict, none.claim[:26]) == ("inconclusive", "None of 6 pairs shows an i")
    (few,) = interaction_claims(planted(0, peak, 24))
    assert few.claim.startswith("16 designed trials that trained are too few")
    assert "--trials 48" in few.next_step


def test_a_larger_study_is_larger_than_the_one_at_hand_however_many_of_its_trials_failed():
    study = planted(0, lambda u: np.where(u.lr > 0.9, 0.1, 0.9 + 0 * u.lr))
    assert 16 < len(trained_runs(study)) < 32
    steps = " ".join(claim.next_step for claim in (*influence_claims(study), *interaction_claims(study)))
    sizes = [int(size) for size in re.findall(r"--trials (\d+)", steps)]
    assert min(sizes) == 96


def test_the_rules_for_lr_against_batch_size_are_held_against_its_exponent():
    (claim,) = scaling_claims(planted(0, moving(1.0)))
    assert "speaks against 0 (none)" in claim.claim
    assert scaling_claims(planted(0, flat)) == []


def test_an_inert_hyperparameter_is_safe_at_its_default_and_a_costly_default_is_not():
    """By the surrogate alone few are sure enough: activation in about one study of six, lr in none."""
    studies = [with_confirmation(planted(n, bump), 0.02, 0.01, 5, np.random.default_rng(n)) for n in range(16)]
    safe = [claim.claim.split()[0] for study in studies for claim in default_claims(study)]
    assert "activation" in safe
    assert "lr" not in safe
    assert default_claims(planted(0, bump)) == [], "without a measured noise nothing is called safe"


def test_a_winner_that_is_worse_than_the_default_is_not_recommended():
    study = with_confirmation(planted(0, peak), -0.05, 0.002, 5, np.random.default_rng(0))
    (claim,) = lead_claims(study)
    assert claim.claim.endswith("Use the default instead.")
    assert "Use the default configuration." in [check.next_step for check in health(study)]
    better = with_confirmation(planted(0, peak), 0.05, 0.002, 5, np.random.default_rng(0))
    assert "Use the default" not in lead_claims(better)[0].claim
    assert "Use the default configuration." not in [check.next_step for check in health(better)]


def test_one_trial_that_trained_supports_no_rate_of_failures():
    (claim,) = failure_claims(planted(0, peak, 1))
    assert (claim.n, claim.verdict) == (1, "inconclusive")


def test_few_validation_pictures_are_warned_of():
    def said(count):
        study = planted(0, peak, **{"study.validation_pictures": str(count), "study.chance": "0.1"})
        return next(check for check in health(study) if "validation pictures" in check.text)

    assert said(34).status == "warn"
    assert "known to about 0.101" in said(34).text, "1.96 standard errors at 0.1 or 0.9"
    assert said(12000).status == "pass"


def test_the_next_study_says_what_it_changes():
    (step,) = (step for step in next_steps(planted(1, peak)) if "study.run" in step.command)
    assert step.why == "The study again with activation and batch_size at the default, where little can be gained:"
