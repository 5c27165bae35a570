"""The exact truth of a table against brute force, the studies that are drawn of it, and what its pickles may hold."""

import io
import pickle
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from hyperstudy.study.core.domains import Range
from tests.trials_of_others.studies import draw
from tests.trials_of_others.tables import DEFAULT, LEVELS, Plain, Table, space, space_plan
from tests.trials_of_others.truth import failure_rates, level_weights, table_weights, truth_of

NAMES = ("a", "b", "c")
EVEN = [np.full(2, 0.5)] * 3


def tiny(seed: int = 0) -> Table:
    """Eight configurations of two seeds that agree; one does not train."""
    accuracy = np.random.default_rng(seed).uniform(0.6, 1, (2, 2, 2))
    accuracy[1, 0, 1] = 0.5
    return Table("tiny", 2, np.repeat(accuracy[..., None], 2, axis=-1))


def brute_force(table: Table) -> tuple[dict[str, float], dict[str, float]]:
    """First-order and total shares over all pairs of configurations, one after another."""
    accuracy = table.accuracy[..., 0]
    trained = {place: accuracy[place] for place in np.ndindex(*accuracy.shape) if accuracy[place] > 0.55}
    ranks = stats.norm.ppf((stats.rankdata(list(trained.values())) - 0.5) / len(trained))
    scores = dict(zip(trained, ranks, strict=True))
    pairs = [(one, two) for one, two in product(scores, scores)]
    first, total = {}, {}
    for axis, name in enumerate(NAMES):
        agreeing = [p for p in pairs if p[0][axis] == p[1][axis]]
        moved = [p for p in pairs if all(p[0][other] == p[1][other] for other in range(3) if other != axis)]
        first[name] = 1 - _half(agreeing, scores) / np.var(ranks)
        total[name] = _half(moved, scores) / np.var(ranks)
    return first, total


def _half(pairs: list, scores: dict) -> float:
    return float(np.mean([(scores[one] - scores[two]) ** 2 / 2 for one, two in pairs]))


@pytest.mark.parametrize("seed", range(3))
def test_shares_are_those_of_all_pairs_that_both_train(seed):
    table = tiny(seed)
    found, (first, total) = truth_of(table, EVEN, NAMES), brute_force(table)
    assert found.first == pytest.approx({name: max(share, 0) for name, share in first.items()})
    assert found.total == pytest.approx(total)
    assert found.noise == pytest.approx(0)


def test_a_level_counts_by_its_weight():
    """A level of twice the weight is one that stands in the table twice."""
    table = tiny()
    doubled = Table("doubled", 2, np.concatenate([table.accuracy, table.accuracy[1:]]))
    weighted = truth_of(table, [np.array([1 / 3, 2 / 3]), *EVEN[1:]], NAMES)
    repeated = truth_of(doubled, [np.full(3, 1 / 3), *EVEN[1:]], NAMES)
    assert weighted.total == pytest.approx(repeated.total)
    assert weighted.first == pytest.approx(repeated.first)
    assert weighted.averages["b"] == pytest.approx(repeated.averages["b"])
    assert weighted.interactions == pytest.approx(repeated.interactions)


def test_averages_are_over_what_trains():
    table = tiny()
    accuracy, found = table.accuracy[..., 0], truth_of(table, EVEN, NAMES)
    assert found.averages["a"][1] == pytest.approx((accuracy[1].sum() - 0.5) / 3)
    assert found.averages["a"][0] == pytest.approx(accuracy[0].mean())


def test_noise_of_the_seeds_is_no_share():
    """Uncorrected, each total would be a fifth: the means of five seeds differ by chance."""
    accuracy = np.random.default_rng(0).normal(0.9, 0.01, (10, 10, 10, 5))
    found = truth_of(Table("noise", 2, accuracy), [np.full(10, 0.1)] * 3, NAMES)
    assert max(found.total.values()) < 0.02
    assert found.noise == pytest.approx(1, abs=0.02)


def test_ends_of_a_range_are_nearest_to_half_as_much_of_it():
    weights = level_weights(Range(0.0, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0))
    assert weights == pytest.approx([0.125, 0.25, 0.25, 0.25, 0.125], abs=1e-3)
    assert level_weights(Range(1, 3), (1, 2, 3)) == pytest.approx([1 / 3] * 3, abs=1e-3)


def linear() -> Table:
    """Accuracy grows with the level of lr; the lowest does not train."""
    shape = [len(levels) for levels in LEVELS.values()]
    lr = np.linspace(0.5, 0.98, 10).reshape(1, 1, 1, 10, 1, 1)
    return Table("linear", 2, np.broadcast_to(lr, (*shape, 5)))


def test_a_study_holds_what_the_table_says():
    study = draw(linear(), seed=3, trials=12, inert=1)
    assert list(study.runs.phase) == ["explore"] * 8 + ["search"] * 4
    for name, levels in LEVELS.items():
        assert set(study.runs[name]) <= set(levels)
    expected = [np.linspace(0.5, 0.98, 10)[LEVELS["lr"].index(lr)] for lr in study.runs.lr]
    assert list(study.runs.objective) == pytest.approx(expected)
    assert study.searched == [name for name in study.space if name in (*LEVELS, "momentum")]


def test_defaults_are_levels():
    rows = space(space_plan())
    for name, level in DEFAULT.items():
        assert rows[name].default == LEVELS[name][level]


def test_failure_rates_are_those_of_the_levels_beyond_an_edge():
    """The lowest level of lr, half as wide as the others, never trains."""
    beyond = np.zeros(10)
    beyond[:2] = 1
    found = failure_rates(truth_of(linear(), table_weights()), {"lr": beyond})
    assert found == pytest.approx((1 / 3, 0), abs=1e-3)


class Calls:
    def __reduce__(self):
        return (exec, ("print('called')",))


@pytest.mark.parametrize("value", [Path("x"), Calls(), np.arange(3), {"a": [exec]}])
def test_a_pickle_that_asks_for_a_class_is_refused(value, capsys):
    with pytest.raises(pickle.UnpicklingError, match="plain values"):
        Plain(io.BytesIO(pickle.dumps(value))).load()
    assert capsys.readouterr().out == ""


def test_plain_values_are_read():
    value = {"00000": {"val_acc": [0.5, 0.75], "name": "a", "count": 3, "none": None}}
    assert Plain(io.BytesIO(pickle.dumps(value))).load() == value
