"""The kernel's likelihood, draws from its posterior, and functions drawn with it, against other computations."""

import numpy as np
import pytest
from scipy import stats
from sklearn.gaussian_process.kernels import Matern

from hyperstudy.reports.statistics import kernel as kernels
from hyperstudy.reports.statistics.kernel import Kernel, draw_functions, draw_kernels, likelihood, log_evidence

INPUTS = np.random.default_rng(0).random((14, 2))
SQUARES = np.stack([(column[:, None] - column[None]) ** 2 for column in INPUTS.T])
SCORES = np.sin(4 * INPUTS[:, 0]) + 0.3 * np.random.default_rng(1).normal(size=14)
ONE = Kernel(1.3, np.array([0.4, 0.9]), 0.2)


def covariance(one, two=None):
    """By scikit-learn; the second term is that of the constant mean."""
    return ONE.variance * Matern(ONE.lengths, nu=2.5)(one, two) + kernels.MEAN_VARIANCE


def test_the_likelihood_is_that_of_the_normal_distribution():
    gram = covariance(INPUTS) + ONE.noise * np.eye(14)
    expected = stats.multivariate_normal(cov=gram).logpdf(SCORES) + 14 / 2 * np.log(2 * np.pi)
    assert likelihood(ONE, SQUARES, SCORES) == pytest.approx(expected, rel=1e-9)


def test_kernels_are_drawn_from_their_posterior():
    """The same means by importance sampling: kernels of the prior, weighted by their likelihood."""
    rng = np.random.default_rng(2)
    middle = np.log([kernels.VARIANCE[0], kernels.NOISE[0], *[kernels.LENGTH[0] * np.sqrt(2)] * 2])
    width = np.array([kernels.VARIANCE[1], kernels.NOISE[1], *[kernels.LENGTH[1]] * 2])
    prior = middle + width * rng.normal(size=(30_000, 4))
    logs = np.array([likelihood(Kernel(np.exp(v), np.exp(ls), np.exp(n)), SQUARES, SCORES) for v, n, *ls in prior])
    weights = np.exp(logs - logs.max())
    expected = np.average(prior, axis=0, weights=weights)
    drawn = draw_kernels(SQUARES, SCORES, 1500, np.random.default_rng(3))
    means = np.mean([np.log([one.variance, one.noise, *one.lengths]) for one in drawn], axis=0)
    assert means == pytest.approx(expected, abs=0.12)
    assert np.abs(expected - middle).max() > 0.4  # the trials say something


def test_functions_have_the_mean_and_the_covariance_of_the_posterior():
    points = np.random.default_rng(4).random((5, 2))
    gram, cross = covariance(INPUTS) + ONE.noise * np.eye(14), covariance(points, INPUTS)
    mean = cross @ np.linalg.solve(gram, SCORES)
    spread = covariance(points) - cross @ np.linalg.solve(gram, cross.T)
    rng = np.random.default_rng(5)
    values = np.hstack([draw_functions(ONE, INPUTS, SCORES, 20, rng)(points) for _ in range(300)])
    assert values.mean(1) == pytest.approx(mean, abs=0.05)
    assert np.cov(values) == pytest.approx(spread, abs=0.04)


def test_what_matters_has_evidence_and_noise_has_none():
    rng = np.random.default_rng(6)
    assert log_evidence(SQUARES, 3 * np.sin(4 * INPUTS[:, 0]), rng) > 5
    none = [log_evidence(SQUARES, np.random.default_rng(seed).normal(size=14), rng) for seed in range(40)]
    assert np.mean(np.array(none) < np.log(4)) >= 0.9  # Bayes factors above 4 are rare: at most one in four by Markov
