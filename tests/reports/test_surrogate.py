import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports.statistics.kernel import LENGTHS, NOISES, VARIANCES
from reports.statistics.surrogate import DUMMY, encode, fit_surrogate
from tests.reports.planted import DOMAINS, flat, peak, planted


@pytest.fixture(scope="module")
def surrogate():
    return fit_surrogate(planted(0, peak).explored, DOMAINS)


def points_of(trials):
    points = {name: domain.positions(trials[name]) for name, domain in DOMAINS.items()}
    return {**points, DUMMY: np.full(len(trials), 0.5)}


def test_the_mean_is_that_of_scikit_learn_s_gaussian_process(surrogate):
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern

    kernel = ConstantKernel(surrogate.kernel.variance) * Matern(surrogate.kernel.lengths, nu=2.5)
    reference = GaussianProcessRegressor(kernel, alpha=surrogate.kernel.noise, optimizer=None)
    reference.fit(surrogate.inputs, surrogate.scores)
    new = points_of(planted(1, peak).explored)
    expected = reference.predict(encode(new, surrogate.domains))
    assert surrogate.predict(new)[:, 0] == pytest.approx(expected, abs=1e-6)


def test_the_kernel_is_as_likely_as_scikit_learn_s(surrogate):
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    matern = Matern(np.ones(surrogate.inputs.shape[1]), LENGTHS, nu=2.5)
    prior = ConstantKernel(1.0, VARIANCES) * matern + WhiteKernel(0.1, NOISES)
    theirs = GaussianProcessRegressor(prior).fit(surrogate.inputs, surrogate.scores)
    one = surrogate.kernel
    ours = theirs.log_marginal_likelihood(np.log([one.variance, *one.lengths, one.noise]))
    assert ours == pytest.approx(theirs.log_marginal_likelihood_value_, abs=0.02)


def test_replicates_vary_more_where_no_trial_is():
    trials = planted(0, peak).explored
    known = fit_surrogate(trials[trials.lr < 1e-3], DOMAINS)
    ends = known.along(("lr",), np.array([[0.2], [1.0]]))[:, 1:].std(1)
    assert ends[1] > 2 * ends[0]


def test_it_predicts_unseen_trials_but_not_noise(surrogate):
    new = planted(1, peak, 200, noise=0.0).explored
    predicted = surrogate.accuracy(surrogate.predict(points_of(new))[:, 0])
    assert stats.spearmanr(predicted, new.objective).statistic > 0.95
    assert surrogate.r2 > 0.5
    assert fit_surrogate(planted(0, flat).explored, DOMAINS).r2 < 0.3


def test_the_dummy_explains_nothing_and_lr_exceeds_its_floor(surrogate):
    shares = surrogate.shares()
    assert list(shares) == [*DOMAINS, DUMMY]
    assert shares[DUMMY].total < 0.05
    assert surrogate.floor < 0.1 < shares["lr"].total


def test_shares_are_those_of_a_known_function():
    """Of two independent terms with variances 3 and 1 shares are 3/4 and 1/4, and there is no interaction."""
    frame = planted(0, flat, 192).explored.copy()
    u = pd.DataFrame({name: points_of(frame)[name] for name in ("lr", "batch_size")})
    frame["objective"] = 0.5 + 0.05 * (np.sqrt(3) * u.lr + u.batch_size).to_numpy()
    assert len(frame) == 128
    shares = fit_surrogate(frame, DOMAINS, stats.zscore).shares()
    assert shares["lr"].first == pytest.approx(0.75, abs=0.05)
    assert shares["batch_size"].total == pytest.approx(0.25, abs=0.05)


def test_too_few_trials_or_equal_outcomes_give_no_surrogate():
    trials = planted(0, peak).explored
    assert fit_surrogate(trials.head(8), DOMAINS) is None
    assert fit_surrogate(trials.assign(objective=0.9), DOMAINS) is None
