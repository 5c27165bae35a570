"""Planted truth: what the report says of studies whose answer is known."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.sections import health, steps
from hyperstudy.reports.sections.failures import failure_claims
from hyperstudy.reports.sections.importance import influence_claims
from hyperstudy.reports.sections.pairs import interaction_claims, lr_law_claims
from hyperstudy.reports.sections.ranges import boundary_claims, default_claims
from hyperstudy.reports.sections.winner import lead_claims
from hyperstudy.reports.sections.wording import trials_with
from hyperstudy.study.comparisons.arms import arms_of
from hyperstudy.study.core.domains import Dimension, Range
from hyperstudy.study.search.design import explore_size
from tests.reports import planted as truths
from tests.reports.planted import DOMAINS, NOISE, SPACE, beyond, bump, diverging, flat, moving, peak, with_confirmation


def planted(*arguments, **options):
    return Analysis(truths.planted(*arguments, **options))


def confirmed(seed, truth, lead, noise, seeds=5, rng=None):
    """A study whose winner leads the default by that much."""
    rng = rng or np.random.default_rng(seed)
    return Analysis(with_confirmation(truths.planted(seed, truth), lead, noise, seeds, rng))


def changed(analysis, **fields):
    return Analysis(replace(analysis.study, **fields))


def next_command(analysis):
    return steps.next_study(analysis).command


def checks(analysis):
    return [check for make in health.CHECKS if (check := make(analysis)) is not None]


def claimed(analysis):
    """Names of the hyperparameters that the report says matter."""
    return {row.name for row in analysis.influences if row.verdict == "supported"}


@pytest.mark.parametrize(
    ("lead", "verdict", "least"), [(0.05, "supported", 40), (-0.05, "supported", 40), (0.0, "inconclusive", 27)]
)
def test_a_lead_is_judged_by_its_interval(lead, verdict, least):
    """At five standard deviations every lead is found; without one four in five are inconclusive, as `LIKELY` says."""
    rng = np.random.default_rng(1)
    claims = [lead_claims(confirmed(0, peak, lead, 0.01, rng=rng))[0] for _ in range(40)]
    assert sum(claim.verdict == verdict for claim in claims) >= least
    assert all((claim.next_step != "") == (claim.verdict != "supported") for claim in claims)


def test_the_interval_of_a_lead_covers_it():
    rng, hits = np.random.default_rng(2), 0
    for _ in range(200):
        claim = lead_claims(confirmed(0, peak, 0.02, NOISE, rng=rng))[0]
        low, high = (float(end) for end in claim.interval.strip("[]").split(","))
        hits += low <= 0.02 <= high
    assert stats.binom.ppf(0.001, 200, 0.95) <= hits <= stats.binom.ppf(0.9999, 200, 0.95)


def test_one_seed_gives_no_interval_and_no_verdict():
    claim = lead_claims(confirmed(0, peak, 0.3, 0.0, seeds=1))[0]
    assert (claim.interval, claim.verdict, claim.n) == ("", "inconclusive", 1)


def test_an_optimum_beyond_the_end_is_pointed_to_and_the_next_command_extends_the_range():
    study = planted(1, beyond)
    assert any("upper end of lr" in claim.claim for claim in boundary_claims(study))
    assert "--lr 1e-05:1" in next_command(study)


def test_a_region_of_divergence_is_counted_with_wilson_s_interval():
    study = planted(0, diverging)
    every, lr = failure_claims(study)
    failures = int((DOMAINS["lr"].positions(study.study.explored.lr) > 0.8).sum())
    assert every.claim.startswith(f"{failures} of 32 designed trials failed to train: {failures} diverged")
    assert len(every.evidence) == failures
    assert f"{failures} of {failures} there, 0 of {32 - failures} elsewhere" in lr.claim
    assert "half of the trials fail, above it more of them" in lr.claim


def test_failures_do_not_swallow_the_ranking_of_what_trains():
    study = planted(0, lambda u: np.where(u.lr > 0.8, 0.1, 0.9 + 0 * u.lr))
    assert "lr" not in claimed(study)


def test_of_two_classes_a_network_that_is_right_three_times_in_four_has_learned():
    study = planted(0, lambda u: 0.74 + 0 * u.lr, **{"study.classes": "2"})
    assert failure_claims(study)[0].claim.startswith("0 of 32")


def test_equal_accuracies_and_too_few_trials_are_reported():
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
        assert not any(f"--{name.replace('_', '-')} {SPACE[name].default} " in command for name in names)


def test_the_next_commands_find_the_stores_and_the_data_of_the_study():
    study = planted(1, peak, **{"study.places": "--storage 'sqlite:///my store.db' --data-dir /pictures"})
    assert next_command(study).endswith(" --storage 'sqlite:///my store.db' --data-dir /pictures")


def test_an_extended_range_stays_within_the_limits_of_its_hyperparameter():
    studies = (planted(seed, lambda u: 0.5 + 0.4 * u.lr, noise=0.0) for seed in range(60))
    crowded = next(study for study in studies if any("upper end of lr" in c.claim for c in boundary_claims(study)))
    assert "--lr 1e-05:1 " in next_command(crowded)
    limited = changed(crowded, space={**SPACE, "lr": SPACE["lr"]._replace(accepted=(1e-8, 0.2))})
    assert "--lr 1e-05:0.2 " in next_command(limited)
    at_it = changed(crowded, space={**SPACE, "lr": SPACE["lr"]._replace(accepted=(1e-8, 0.1))})
    assert not any("upper end of lr" in claim.claim for claim in boundary_claims(at_it)), "there is nothing beyond"


def test_few_whole_numbers_lie_at_their_ends_by_chance_and_are_not_said_to_crowd_there():
    small = {"batch_size": Dimension(Range(2, 4), 2), "depth": SPACE["depth"]}
    said = 0
    for seed in range(100):
        study = planted(seed, flat)
        levels = np.random.default_rng(seed).integers(2, 5, len(study.study.runs))
        said += bool(boundary_claims(changed(study, runs=study.study.runs.assign(batch_size=levels), space=small)))
    assert said <= 10, "of 100, at most 5 are expected"


def test_hyperparameters_without_influence_are_fixed_at_their_default_in_the_next_study():
    command = next_command(planted(1, peak))
    assert "--activation relu" in command
    assert "--batch-size 64" in command
    assert "--lr 1e-05:0.1" in command


def test_a_claim_of_influence_carries_its_effect_in_points_and_its_share():
    lr = influence_claims(planted(0, peak))[0]
    assert lr.claim.startswith("lr matters (probability above 0.99")
    assert re.fullmatch(r"\d+\.\d points", lr.effect)
    assert re.search(r"its share is \d+% \[\d+%, \d+%\]", lr.claim)
    nothing = influence_claims(planted(0, flat))
    assert len(nothing) == 4
    assert all("shows no clear influence" in claim.claim and claim.next_step for claim in nothing)


def test_a_claim_names_best_and_worst_only_where_they_are_told_apart():
    """lr and depth matter through their interaction alone: averaged over the other, all values are equal."""
    claims = influence_claims(planted(0, lambda u: 0.9 + 0.2 * (u.lr - 0.5) * (u.depth - 0.5)))
    for claim in (claims := [claim for claim in claims if claim.verdict == "supported"]):
        assert claim.claim.split()[0] in ("lr", "depth")
        assert claim.interval.startswith("[-")
        assert "is best at" not in claim.claim
        assert "best and worst value are not told apart" in claim.claim
    assert len(claims) == 2
    assert "is best at" in influence_claims(planted(0, peak))[0].claim


def test_with_fewer_than_four_trials_per_hyperparameter_nothing_is_supported():
    """The prior alone gives nine in ten that any hyperparameter matters; 12 trials do little to change that."""
    for seed in range(8):
        few = influence_claims(planted(seed, peak, 12))
        assert {claim.verdict for claim in few} <= {"suggestive", "inconclusive"}
        assert all(claim.next_step for claim in few)
    assert "lr" in claimed(planted(0, peak, 24))


def test_no_value_is_named_best_where_the_best_depends_on_the_others_only():
    """A large lr is good with two activations and as bad with the other two: on average it does nothing."""
    signs = {"relu": 0.5, "gelu": -0.5, "tanh": 0.5, "sigmoid": -0.5}
    claims = influence_claims(planted(2, lambda u: 0.7 + (u.lr - 0.5) * u.activation.map(signs).astype(float)))
    lr, activation = sorted(claims[:2], key=lambda claim: claim.claim, reverse=True)
    for name, claim in (("lr", lr), ("activation", activation)):
        assert claim.claim.startswith(f"{name} matters")
        assert "best and worst value are not told apart" in claim.claim
        assert "best at" not in claim.claim


def test_pairs_that_act_together_are_named_and_others_are_said_not_to_show():
    (found,) = interaction_claims(planted(0, truths.interacting(peak, truths.lr_with_batch_size)))
    assert found.claim.startswith("lr and batch_size interact")
    (none,) = interaction_claims(planted(0, peak))
    assert (none.verdict, none.claim[:26]) == ("inconclusive", "None of 6 pairs shows an i")
    (few,) = interaction_claims(planted(0, peak, 24))
    assert few.claim.startswith("16 designed trials that trained are too few")
    assert "--trials 48" in few.next_step


def test_a_larger_study_is_larger_than_the_one_at_hand_however_many_of_its_trials_failed():
    study = planted(0, lambda u: np.where(u.lr > 0.9, 0.1, 0.9 + 0 * u.lr))
    assert 16 < len(study.trained) < 32
    steps = " ".join(claim.next_step for claim in (*influence_claims(study), *interaction_claims(study)))
    sizes = [int(size) for size in re.findall(r"--trials (\d+)", steps)]
    assert min(sizes) == 96


def test_the_exponent_of_lr_is_compared_with_the_rules():
    (claim,) = lr_law_claims(planted(0, moving(1.0)))
    assert "excludes 0 (none)" in claim.claim
    assert lr_law_claims(planted(0, flat)) == []


def test_an_inert_hyperparameter_is_safe_at_its_default_and_a_costly_default_is_not():
    """By the trials alone few are sure enough."""
    studies = [confirmed(n, bump, 0.02, 0.01) for n in range(16)]
    safe = [claim.claim.split()[0] for study in studies for claim in default_claims(study)]
    assert "activation" in safe
    assert "lr" not in safe
    assert default_claims(planted(0, bump)) == [], "without a measured noise nothing is called safe"


def test_a_winner_that_is_worse_than_the_default_is_not_recommended():
    study = confirmed(0, peak, -0.05, 0.002)
    (claim,) = lead_claims(study)
    assert claim.claim.endswith("Use the default instead.")
    assert "Use the default configuration." in [check.next_step for check in checks(study)]
    better = confirmed(0, peak, 0.05, 0.002)
    assert "Use the default" not in lead_claims(better)[0].claim
    assert "Use the default configuration." not in [check.next_step for check in checks(better)]


def test_one_trial_that_trained_supports_no_rate_of_failures():
    (claim,) = failure_claims(planted(0, peak, 1))
    assert (claim.n, claim.verdict) == (1, "inconclusive")


def test_too_few_validation_pictures_give_a_warning():
    def said(count):
        study = planted(0, peak, **{"study.validation_pictures": str(count), "study.chance": "0.1"})
        return next(check for check in checks(study) if "validation pictures" in check.text)

    assert said(34).status == "warn"
    assert "known to about 0.101" in said(34).text, "1.96 standard errors at 0.1 or 0.9"
    assert said(12000).status == "pass"


def test_the_next_study_says_what_it_changes():
    step = steps.next_study(planted(1, peak))
    assert step.why == "The study again with activation and batch_size at the default, where little can be gained:"


def test_a_larger_study_has_the_designed_trials_that_its_advice_names():
    for power in range(12):
        trials = trials_with(2**power)
        assert explore_size(trials) == 2**power
        assert power == 0 or explore_size(trials - 1) < 2**power, "fewer trials would do"


def test_the_missing_ablations_come_with_their_command_and_cost():
    analysis = confirmed(1, peak, 0.02, NOISE)
    step = steps.missing_ablations(analysis)
    missing = sum(map(analysis.missing_runs, arms_of(analysis.hypotheses)))
    assert missing > 0
    assert f"{missing} runs, about {3 * missing} s of training" in step.why
    assert step.command == "python -m study.ablate --study planted"
    assert steps.missing_ablations(planted(1, peak)) is None
