from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from reports.statistics.budget import expected_best, expected_best_band, pareto


def test_the_expected_best_is_the_mean_over_all_subsets():
    values = [0.3, 0.9, 0.5, 0.5, 0.7, 0.1, 0.8]
    brute = [np.mean([max(subset) for subset in combinations(values, n)]) for n in range(1, 8)]
    assert expected_best(values, 7) == pytest.approx(brute)
    assert len(expected_best(values)) == 3
    low, high = expected_best_band(values)
    assert (low <= expected_best(values)).all()
    assert (expected_best(values) <= high).all()


def test_a_pareto_front_holds_what_no_cheaper_run_reaches():
    runs = pd.DataFrame({"train_seconds": [1, 1, 2, 3, 4], "objective": [0.5, 0.7, 0.6, 0.9, 0.9]})
    assert list(pareto(runs).index) == [1, 3]
