"""The kernel of a Gaussian process: its prior, draws from its posterior, and functions drawn with it.

Matern 5/2 with one length per hyperparameter, a constant mean and normal noise (Rasmussen & Williams 2006). A single
best kernel is no posterior: with 32 trials its noise is often fitted to zero, and intervals are then far too narrow.
So kernels are drawn from their posterior by slice sampling (Neal 2003), and everything is averaged over them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import linalg
from scipy.linalg import lapack
from scipy.spatial.distance import cdist

# Priors, normal in the logarithm: (median, standard deviation). Outcomes are normal scores, of variance 1. Lengths are
# in ranges; their median is a third of a range times the root of the number of hyperparameters.
VARIANCE, LENGTH, NOISE = (1.0, 1.0), (0.35, 1.0), (0.3, 0.7)
MEAN_VARIANCE = 1.0  # of the constant mean
WARM_UP, THINNING = 40, 2  # sweeps over all parameters before the first kernel is kept, and from one to the next
STEP, STEPS = 1.5, 6  # of a slice, in the logarithm
FEATURES = 256  # random Fourier features of a function
BLOCK = 512  # points at a time: their features then stay in the processor's cache, which is five times as fast
EVIDENCE_DRAWS = 400  # kernels of the prior


class Kernel(NamedTuple):
    """The variance of functions, a length per input, and the variance of the noise."""

    variance: float
    lengths: np.ndarray
    noise: float

    def __call__(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        """Covariances `(N, M)` of the function at inputs `(N, inputs)` and `(M, inputs)`, the mean's included."""
        return matern(cdist(one / self.lengths, two / self.lengths), self.variance) + MEAN_VARIANCE


class Functions(NamedTuple):
    """Functions drawn with one kernel: a prior of random Fourier features, corrected by the trials (pathwise
    conditioning: Wilson et al., ICML 2020). Matern 5/2 is a scale mixture of Gaussians: its spectrum is that of
    Student's t with five degrees of freedom.
    """

    kernel: Kernel
    inputs: np.ndarray  # (n, inputs)
    waves: np.ndarray  # (inputs, FEATURES)
    phases: np.ndarray  # (FEATURES,)
    amplitudes: np.ndarray  # (FEATURES, count)
    means: np.ndarray  # (count,)
    weights: np.ndarray  # (n, count), of the trials

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values `(N, count)` at inputs `(N, inputs)`."""
        blocks = np.array_split(points, 1 + len(points) // BLOCK)
        return np.concatenate([self.prior(block) + self.kernel(block, self.inputs) @ self.weights for block in blocks])

    def prior(self, points: np.ndarray) -> np.ndarray:
        angles = (points @ self.waves + self.phases).astype(np.float32)  # float64 cosines would be the largest cost
        return np.cos(angles) @ self.amplitudes + self.means


def matern(distances: np.ndarray, variance: float) -> np.ndarray:
    """Matern 5/2 at distances in lengths."""
    scaled = np.sqrt(5) * distances
    return variance * (1 + scaled + scaled**2 / 3) * np.exp(-scaled)


def draw_functions(
    kernel: Kernel, inputs: np.ndarray, scores: np.ndarray, count: int, rng: np.random.Generator
) -> Functions:
    """Functions from the posterior with this kernel, given scores `(n,)` at inputs `(n, inputs)`."""
    waves = rng.normal(size=(inputs.shape[1], FEATURES)) / kernel.lengths[:, None]
    waves /= np.sqrt(rng.chisquare(5, FEATURES) / 5)
    amplitudes = np.sqrt(2 * kernel.variance / FEATURES) * rng.normal(size=(FEATURES, count)).astype(np.float32)
    means = np.sqrt(MEAN_VARIANCE) * rng.normal(size=count)
    phases = rng.uniform(0, 2 * np.pi, FEATURES)
    drawn = Functions(kernel, inputs, waves, phases, amplitudes, means, np.zeros((len(scores), count)))
    noise = np.sqrt(kernel.noise) * rng.normal(size=(len(scores), count))
    gram = kernel(inputs, inputs) + kernel.noise * np.eye(len(scores))
    rest = scores[:, None] - drawn.prior(inputs) - noise
    return drawn._replace(weights=linalg.solve(gram, rest, assume_a="pos"))


def draw_kernels(squares: np.ndarray, scores: np.ndarray, count: int, rng: np.random.Generator) -> list[Kernel]:
    """Kernels with a length per hyperparameter from their posterior. `squares` `(hyperparameters, n, n)` holds the
    squared distances of the trials."""
    middle, width = _prior(len(squares))

    def density(logs: np.ndarray) -> float:
        return likelihood(_kernel(logs), squares, scores) - (((logs - middle) / width) ** 2).sum() / 2

    logs, height, kernels = middle.copy(), density(middle), []
    for sweep in range(WARM_UP + THINNING * count):
        for place in range(len(logs)):
            logs, height = _slice(density, logs, height, place, rng)
        if sweep >= WARM_UP and (sweep - WARM_UP) % THINNING == 0:
            kernels.append(_kernel(logs))
    return kernels


def log_evidence(squares: np.ndarray, scores: np.ndarray, rng: np.random.Generator) -> float:
    """The logarithm of how much more probable the scores are if hyperparameters matter than if none does.

    Those that matter are any subset, with a kernel from the prior. The likelihoods are averaged over draws.
    """
    middle, width = _prior(len(squares))
    with_any, with_none = [], []
    for _ in range(EVIDENCE_DRAWS):
        kernel = _kernel(middle + width * rng.normal(size=len(middle)))
        matter = rng.random(len(squares)) < 0.5
        matter[rng.integers(len(matter))] |= not matter.any()
        lengths = np.where(matter, kernel.lengths, np.inf)
        with_any.append(likelihood(kernel._replace(lengths=lengths), squares, scores))
        with_none.append(likelihood(kernel._replace(variance=0.0), squares, scores))
    return float(np.logaddexp.reduce(with_any) - np.logaddexp.reduce(with_none))


def likelihood(kernel: Kernel, squares: np.ndarray, scores: np.ndarray) -> float:
    """The log density of the scores, up to a constant (Rasmussen & Williams 2006, equation 2.30)."""
    n = len(scores)
    distances = np.sqrt(kernel.lengths**-2.0 @ squares.reshape(len(squares), n * n))
    gram = matern(distances, kernel.variance) + MEAN_VARIANCE
    gram[:: n + 1] += kernel.noise
    root, solved, failed = lapack.dposv(gram.reshape(n, n), scores, lower=True)  # SciPy's own checks take longer
    assert not failed, "noise makes every covariance positive definite"
    return float(-(scores @ solved) / 2 - np.log(root.diagonal()).sum())


def _prior(hyperparameters: int) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of the logarithms of variance, noise and lengths."""
    length = (LENGTH[0] * np.sqrt(hyperparameters), LENGTH[1])
    medians, widths = zip(VARIANCE, NOISE, *[length] * hyperparameters, strict=True)
    return np.log(medians), np.array(widths)


def _kernel(logs: np.ndarray) -> Kernel:
    variance, noise, *lengths = np.exp(logs)
    return Kernel(variance, np.array(lengths), noise)


def _slice(
    density: Callable[[np.ndarray], float], logs: np.ndarray, height: float, place: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Move one parameter within the slice of a random height: step out, then shrink (Neal 2003, section 4)."""
    level, start, tried = height + np.log(rng.random()), logs[place], logs.copy()

    def at(value: float) -> float:
        tried[place] = value
        return density(tried)

    low = start - STEP * rng.random()
    high, steps = low + STEP, rng.integers(STEPS)
    left, right = steps, STEPS - 1 - steps
    while left > 0 and at(low) > level:
        low, left = low - STEP, left - 1
    while right > 0 and at(high) > level:
        high, right = high + STEP, right - 1
    while (reached := at(value := rng.uniform(low, high))) <= level:
        low, high = (value, high) if value < start else (low, value)
    return tried, reached
