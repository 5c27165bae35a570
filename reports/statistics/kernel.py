"""The kernel of a Gaussian process, and functions drawn from its posterior.

Matern 5/2 with a length per input (Rasmussen & Williams 2006). Functions are drawn by pathwise conditioning (Wilson et
al., ICML 2020).
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg, optimize
from scipy.spatial.distance import cdist

FITTED = 48  # trials, the first ones, to which a kernel is fitted
FOLDS = 5  # of the cross-validation
DRAWS = 40  # functions per kernel
FEATURES = 256  # random Fourier features of a function
VARIANCES, NOISES, LENGTHS = (1e-4, 1e3), (1e-5, 2.0), (0.1, 30.0)  # bounds of a kernel's parameters


class Kernel(NamedTuple):
    """Matern 5/2 with a length per input, `variance`, and the variance of the noise."""

    variance: float
    lengths: np.ndarray
    noise: float

    def __call__(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        distance = np.sqrt(5) * cdist(one / self.lengths, two / self.lengths)
        return self.variance * (1 + distance + distance**2 / 3) * np.exp(-distance)


class Draws(NamedTuple):
    """Functions from the posterior of one kernel: a prior of random Fourier features, corrected by the trials.

    Matern 5/2 is a scale mixture of Gaussians: its spectrum is that of Student's t with five degrees of freedom.
    """

    kernel: Kernel
    inputs: np.ndarray  # (n, inputs)
    waves: np.ndarray  # (inputs, FEATURES)
    phases: np.ndarray  # (FEATURES,)
    amplitudes: np.ndarray  # (FEATURES, draws)
    weights: np.ndarray  # (n, draws), of the trials

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values `(N, draws)` at inputs `(N, inputs)`."""
        return self.prior(points) + self.kernel(points, self.inputs) @ self.weights

    def prior(self, points: np.ndarray) -> np.ndarray:
        angles = (points @ self.waves + self.phases).astype(np.float32)  # float64 cosines would be the largest cost
        return np.cos(angles) @ self.amplitudes


def draw(kernel: Kernel, inputs: np.ndarray, scores: np.ndarray, rng: np.random.Generator) -> Draws:
    """Functions with this kernel, each conditioned on its own resample of the trials."""
    n = len(scores)
    waves = rng.normal(size=(inputs.shape[1], FEATURES)) / kernel.lengths[:, None]
    waves /= np.sqrt(rng.chisquare(5, FEATURES) / 5)
    amplitudes = np.sqrt(2 * kernel.variance / FEATURES) * rng.normal(size=(FEATURES, DRAWS)).astype(np.float32)
    phases = rng.uniform(0, 2 * np.pi, FEATURES)
    draws = Draws(kernel, inputs, waves, phases, amplitudes, np.zeros((n, DRAWS)))
    gram, prior = kernel(inputs, inputs), draws.prior(inputs)
    for column, drawn in zip(draws.weights.T, prior.T, strict=True):
        count = np.bincount(rng.integers(n, size=n), minlength=n)
        seen = count > 0
        noise = kernel.noise / count[seen]
        rest = scores[seen] - drawn[seen] - np.sqrt(noise) * rng.normal(size=seen.sum())
        column[seen] = np.linalg.solve(gram[np.ix_(seen, seen)] + np.diag(noise), rest)
    return draws


def fit(inputs: np.ndarray, scores: np.ndarray, start: Kernel | None = None) -> Kernel:
    """The kernel of maximal marginal likelihood, searched from `start`. Its lengths are first moved to where each input
    has an effect: from an extreme length the gradient does not lead back."""
    if start is None:
        start = Kernel(1.0, np.ones(inputs.shape[1]), 0.1)
    else:
        start = start._replace(lengths=np.append(start.lengths[:-1].clip(0.2, 10), 1.0))
    squares = (inputs[:, None] - inputs[None]) ** 2
    bounds = np.log([VARIANCES, NOISES, *[LENGTHS] * inputs.shape[1]])
    logs = np.log([start.variance, start.noise, *start.lengths])
    found = optimize.minimize(_loss, logs, (squares, scores), jac=True, method="L-BFGS-B", bounds=bounds)
    variance, noise, *lengths = np.exp(found.x)
    return Kernel(variance, np.array(lengths), noise)


def _loss(logs: np.ndarray, squares: np.ndarray, scores: np.ndarray) -> tuple[float, np.ndarray]:
    """Negative log marginal likelihood and its gradient (Rasmussen & Williams 2006, section 5.4.1) in the logarithms of
    variance, noise and lengths; `squares` holds the squared differences `(n, n, inputs)` of the inputs."""
    variance, noise, lengths = np.exp(logs[0]), np.exp(logs[1]), np.exp(logs[2:])
    parts = squares / lengths**2
    distance = np.sqrt(5 * parts.sum(2))
    decay = variance * np.exp(-distance)
    clean = (1 + distance + distance**2 / 3) * decay
    root = linalg.cholesky(clean + noise * np.eye(len(scores)), lower=True)
    inverse = linalg.cho_solve((root, True), np.eye(len(scores)))
    solved = inverse @ scores
    inner = inverse - np.outer(solved, solved)
    along = 5 / 3 * np.einsum("ij,ijk->k", inner * (1 + distance) * decay, parts)
    slope = np.array([(inner * clean).sum(), inner.trace() * noise, *along]) / 2
    return scores @ solved / 2 + np.log(root.diagonal()).sum(), slope


def cross_validated(inputs: np.ndarray, outcome: np.ndarray, start: Kernel) -> tuple[list[Kernel], float]:
    """A kernel for each fold left out, and the share of variance predicted in the trials that each has not seen."""
    predicted, kernels = np.empty(len(outcome)), []
    for unseen in np.array_split(np.random.default_rng(0).permutation(len(outcome)), FOLDS):
        seen = np.setdiff1d(np.arange(len(outcome)), unseen)
        kernel = fit(inputs[seen][:FITTED], outcome[seen][:FITTED], start)
        gram = kernel(inputs[seen], inputs[seen]) + kernel.noise * np.eye(len(seen))
        predicted[unseen] = kernel(inputs[unseen], inputs[seen]) @ np.linalg.solve(gram, outcome[seen])
        kernels.append(kernel)
    return kernels, float(1 - np.mean((outcome - predicted) ** 2) / np.var(outcome))
