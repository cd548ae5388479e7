# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
r"""Maximum-entropy inverse RL with linear features, solved over sampled trajectories.

Among all distributions of trajectories whose mean features are those of the demonstrations, the
one closest to how the robot moves anyway, q, is (Ziebart et al. 2008, eq. 4; with q, Boularias et
al. 2011, eq. 10)

    p(tau | s0, w) = q(tau | s0) exp(w . f(tau)) / Z(s0, w),   Z(s0, w) = E_q[exp(w . f(tau))]

and its weights maximise the likelihood of the demonstrations, which is concave in w:

    L(w) = w . mean_D f(tau) - mean_s0 log Z(s0, w) - l2/2 |w|^2
    dL/dw = mean_D f - mean_s0 E_p[f] - l2 w

Z is estimated from trajectories that were simulated from each start, by self-normalised importance
weights where they were drawn from something other than q. With q uniform over the actions this is
MaxEnt IRL as published; the tests compare it with dynamic programming there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import TrainingError

Array = NDArray[np.float64]

TOLERANCE = 1e-8
STEPS = 200


@dataclass(frozen=True)
class Solution:
    """Weights of the features, and how well they are known.

    Attributes:
        weights: One per feature, shape (F,).
        error: Their standard errors, from the spread of demonstrations and samples, shape (F,).
        demonstrated: Mean features of the demonstrations, shape (F,).
        expected: Mean features of the samples under the weights, shape (F,).
        before: Mean features of the samples under q, shape (F,).
        sample_size: Effective number of samples under the weights; near the number of starts the
            samples do not support them.
        gain: Mean log-likelihood of the demonstrations over that under q [nat].
    """

    weights: Array
    error: Array
    demonstrated: Array
    expected: Array
    before: Array
    sample_size: float
    gain: float


class _Samples:
    """Sampled trajectories, start by start."""

    def __init__(self, features: Array, start: NDArray[np.intp], log_ratio: Array) -> None:
        # Sorted by start, the sums of a start are those of a slice.
        order = np.argsort(start, kind='stable')
        _, self.begin, counts = np.unique(start[order], return_index=True, return_counts=True)
        self._of = np.repeat(np.arange(len(counts)), counts)
        self.features, self._log = features[order], log_ratio[order]
        self.starts = len(counts)

    def moments(self, weights: Array) -> tuple[float, Array, Array, Array]:
        """Mean log Z, mean features, their covariance and the samples' shares under weights."""
        score = self._log + self.features @ weights
        top = np.maximum.reduceat(score, self.begin)
        base = np.maximum.reduceat(self._log, self.begin)
        mass = np.exp(score - top[self._of])
        z = np.add.reduceat(mass, self.begin)
        q = np.add.reduceat(np.exp(self._log - base[self._of]), self.begin)
        share = mass / z[self._of]
        means = np.add.reduceat(share[:, None] * self.features, self.begin)
        away = self.features - means[self._of]
        covariance = (share[:, None] * away).T @ away / self.starts
        log_z = float((np.log(z) + top - np.log(q) - base).mean())
        return log_z, means.mean(axis=0), covariance, share


def solve(
    demonstrated: Array,
    sampled: Array,
    start: NDArray[np.intp] | None = None,
    log_ratio: Array | None = None,
    l2: float = 1e-2,
) -> Solution:
    """Find the weights by Newton's method.

    Args:
        demonstrated: Features of the demonstrations, shape (D, F); of unit spread, or `l2` means
            something else for each.
        sampled: Features of sampled trajectories, shape (N, F).
        start: Which start each of them began from, shape (N,); None is one for all.
        log_ratio: Log of q over the density it was drawn from, shape (N,); None is 0, drawn
            from q.
        l2: Weight of the prior that keeps weights finite where the samples do not reach the
            demonstrations.

    Raises:
        TrainingError: If shapes do not fit or a feature is not finite.
    """
    count = len(sampled)
    start = np.zeros(count, np.intp) if start is None else start
    log_ratio = np.zeros(count) if log_ratio is None else log_ratio
    if not len(demonstrated) or demonstrated.shape[1:] != sampled.shape[1:] or count < 2:
        raise TrainingError(f'features of shapes {demonstrated.shape} and {sampled.shape}')
    if not len(start) == len(log_ratio) == count:
        raise TrainingError(f'{count} samples, {len(start)} starts, {len(log_ratio)} ratios')
    if not (np.isfinite(demonstrated).all() and np.isfinite(sampled).all()):
        raise TrainingError('a feature is NaN or infinite')
    samples = _Samples(sampled, start, log_ratio)
    target = demonstrated.mean(axis=0)

    def objective(weights: Array) -> float:
        log_z = samples.moments(weights)[0]
        return float(weights @ target - log_z - 0.5 * l2 * weights @ weights)

    weights = np.zeros(len(target))
    value = objective(weights)
    for _ in range(STEPS):
        _, mean, covariance, share = samples.moments(weights)
        gradient = target - mean - l2 * weights
        hessian = covariance + (l2 + 1e-12) * np.eye(len(target))
        step = np.linalg.solve(hessian, gradient)
        if gradient @ step < TOLERANCE**2:
            break
        size = 1.0
        # Concave, so a short enough Newton step always gains.
        while (after := objective(weights + size * step)) < value and size > 1e-6:
            size *= 0.5
        weights, value = weights + size * step, max(after, value)
    log_z, mean, covariance, share = samples.moments(weights)
    hessian = covariance + (l2 + 1e-12) * np.eye(len(target))
    effective = float((1.0 / np.add.reduceat(share**2, samples.begin)).sum())
    spread = np.cov(demonstrated.T).reshape(covariance.shape) if len(demonstrated) > 1 else 0.0
    noise = spread / len(demonstrated) + covariance / effective
    inverse = np.linalg.inv(hessian)
    return Solution(
        weights=weights,
        error=np.sqrt(np.diag(inverse @ noise @ inverse)),
        demonstrated=target,
        expected=mean,
        before=samples.moments(np.zeros(len(target)))[1],
        sample_size=effective,
        gain=float(weights @ target - log_z),
    )
