"""The judge over few studies of some tables and planted truths, with enough of them to notice a wrong rate."""

from itertools import chain

import pytest
from joblib import Parallel, delayed
from scipy import stats

from hyperstudy.reports.analysis import Analysis
from hyperstudy.study.core.errors import InputError
from tests.conftest import ROOT
from tests.trials_of_others import judge
from tests.trials_of_others.hard import HARD, plant
from tests.trials_of_others.rates import WANTED, Tallies, count, together
from tests.trials_of_others.studies import draw
from tests.trials_of_others.tables import FOLDER, read
from tests.trials_of_others.truth import Truth, table_weights, truth_of

TABLES = ("phoneme", "segment")
STUDIES = 40  # of each
FOUND, EXCHANGED = "share over 15% found", "worst and best exchanged"
INERT = "an inert hyperparameter is said to matter"
WRONG = {  # rates that a test must notice, by kind
    "total share covered": 0.75,
    "first-order share covered": 0.75,
    FOUND: 0.5,
    "what matters has a best value named": 0.25,
    EXCHANGED: 0.25,
    INERT: 0.25,
    "an inert hyperparameter is said to interact": 0.25,
    "share under 3% said to matter": 0.25,
}


def judged(truth: Truth, seed: int) -> Tallies:
    """What is said of the effects of a study with an inert hyperparameter beside those of the table."""
    trials = HARD[truth.table.name].trials if truth.table.name in HARD else 50
    analysis = Analysis(draw(truth.table, seed, trials, inert=1))
    judges = (judge.influence, judge.effects, judge.inert)
    return count(chain.from_iterable(make(analysis, truth) for make in judges))


def measured(truths: list[Truth]) -> Tallies:
    jobs = (delayed(judged)(truth, seed) for truth in truths for seed in range(STUDIES))
    with Parallel(n_jobs=2) as pool:
        return together(pool(jobs))


@pytest.fixture(scope="module")
def real() -> Tallies:
    try:
        tables = [read(name, ROOT / FOLDER) for name in TABLES]
    except InputError as error:
        pytest.skip(f"the tables of others cannot be downloaded: {error}")
    weights = table_weights()
    return measured([truth_of(table, weights) for table in tables])


@pytest.fixture(scope="module")
def nothing() -> Tallies:
    """Nothing matters, and 60 pictures tell accuracies apart by 0.04 only; TPE runs on this noise."""
    return measured([truth_of(plant("nothing, 60 pictures"), table_weights())])


@pytest.fixture(scope="module")
def few() -> Tallies:
    """Of 12 trials 8 are designed: the prior says more than they do."""
    return measured([truth_of(plant("12 trials"), table_weights())])


def is_right(tallies: Tallies, kind: str) -> bool:
    """Whether the rate may be the wanted one, where enough statements would show a wrong one."""
    (hits, n), wanted = tallies[kind], WANTED[kind]
    least, most = stats.binom.ppf(0.005, n, wanted.low), stats.binom.ppf(0.995, n, wanted.high)
    passing = stats.binom(n, WRONG[kind])
    assert passing.cdf(most) - passing.cdf(least - 1) < 0.1, "more statements, or the test would miss a wrong rate"
    return least <= hits <= most


@pytest.mark.parametrize("kind", [kind for kind in WRONG if kind != "share under 3% said to matter"])
def test_the_report_is_right_on_trials_of_others(kind, real):
    assert is_right(real, kind)


def test_an_effect_is_always_given(real):
    hits, n = real["an effect is given"]
    assert hits == n == len(TABLES) * STUDIES


@pytest.mark.parametrize("kind", ["share under 3% said to matter", "an inert hyperparameter is said to interact"])
def test_nothing_is_said_to_matter_where_nothing_does(kind, nothing):
    assert is_right(nothing, kind)


def test_few_trials_do_not_show_that_an_inert_hyperparameter_matters(few):
    assert is_right(few, INERT)


@pytest.mark.parametrize("name", HARD)
def test_a_planted_table_is_full_and_holds_accuracies(name):
    accuracy = plant(name).accuracy
    assert accuracy.shape == (10, 10, 3, 10, 10, 5)
    assert ((accuracy >= 0) & (accuracy <= 1)).all()
    assert accuracy.std(-1).max() > 0
