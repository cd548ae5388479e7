# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
r"""CSIL: the reward for which Behavioural Cloning is already optimal, to improve it in simulation.

Read backwards, an entropy-regularised policy q that is optimal relative to a prior p says what it
was rewarded for (Watson, Huang and Heess 2023, "Coherent Soft Imitation Learning", eq. 9):

    r(s, A) = (log q(A | s) - log p(A | s)) / dim A

It is positive where the robot does what was demonstrated in a state like the demonstrated ones,
negative where it does something else there, and must be zero where nothing was demonstrated: else
the reward leads astray. The paper gets this from a stationary last layer ("HETSTAT", sec. 4.1).
Here q is Bayesian linear regression on random Fourier features of a stationary kernel (Rahimi and
Recht 2007), in closed form:

    phi(s) = sqrt(1/M) [cos(Omega s), sin(Omega s)],  Omega ~ N(0, 1 / length^2)
    A = Phi' Phi + ridge I,  W = A^-1 Phi' Y
    q(. | s) = N(phi W, v (1 + phi' A^-1 phi)),   p = N(0, v (1 + 1 / ridge))

Far from the data phi is orthogonal to all of Phi: the mean becomes 0, the variance that of p, and
the reward 0. Length scale and ridge are those of the largest marginal likelihood.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch

from ...data.windows import Windows
from ...errors import TrainingError
from ...policies.actor import Actor
from ..config import CsilConfig

Array = NDArray[np.float64]

LENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Length scales that are tried, as multiples of the median distance of demonstrated states."""

RIDGES = (1e-3, 1e-2, 1e-1)
"""Noise over prior variance of the weights; the prior is 1 + 1 / ridge times as wide as noise."""

FLOOR = 1e-4
"""Least variance of the noise, in normalised units: demonstrations of a script have hardly any."""

PAIRS = 2000
"""Pairs of states whose distances give the median."""


@dataclass(frozen=True)
class Coherent:
    """A conditional density with a stationary kernel, and the coherent reward it implies.

    Attributes:
        omega: Frequencies, shape (F, M).
        weights: Posterior mean W, shape (2 M, A).
        covariance: A^-1, shape (2 M, 2 M).
        noise: Variance v of each action, shape (A,).
        ridge: Noise over prior variance of the weights.
        bound: Rewards are clipped to this, either way.
    """

    omega: Array
    weights: Array
    covariance: Array
    noise: Array
    ridge: float
    bound: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what is not finite."""
        for array in (self.omega, self.weights, self.covariance, self.noise):
            if not np.isfinite(array).all():
                raise TrainingError('the coherent reward is not finite')

    def _features(self, states: Array) -> Array:
        angle = states @ self.omega
        scale = 1.0 / np.sqrt(self.omega.shape[1])
        result: Array = scale * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        return result

    def predict(self, states: Array) -> tuple[Array, Array]:
        """Mean (N, A) and variance (N, A) of the actions in normalised states (N, F)."""
        phi = self._features(states)
        doubt = np.einsum('ni,ij,nj->n', phi, self.covariance, phi)
        return phi @ self.weights, (1.0 + doubt)[:, None] * self.noise

    def familiar(self, states: Array) -> Array:
        """How much of the prior's doubt the demonstrations took away, in [0, 1], shape (N,)."""
        phi = self._features(states)
        doubt = np.einsum('ni,ij,nj->n', phi, self.covariance, phi)
        result: Array = np.clip(1.0 - doubt * self.ridge, 0.0, 1.0)
        return result

    def reward(self, states: Array, actions: Array) -> Array:
        """Coherent reward of normalised states (N, F) and actions (N, A), shape (N,)."""
        mean, variance = self.predict(states)
        prior = self.noise * (1.0 + 1.0 / self.ridge)
        log_q = -0.5 * ((actions - mean) ** 2 / variance + np.log(variance))
        log_p = -0.5 * (actions**2 / prior + np.log(prior))
        result: Array = np.clip((log_q - log_p).mean(axis=1), -self.bound, self.bound)
        return result

    def to_dict(self) -> dict[str, Any]:
        """Arrays and numbers by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'Coherent':
        """Read `to_dict` back."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})


def fit(
    states: Array,
    actions: Array,
    rng: np.random.Generator,
    features: int = 256,
    floor: float | Array = FLOOR,
) -> Coherent:
    """Fit the density to demonstrations, in closed form.

    Args:
        states: Normalised states, shape (N, F).
        actions: Normalised actions, shape (N, A).
        rng: Source of the frequencies.
        features: Number M of frequencies.
        floor: Least variance of the noise, in normalised units.

    Raises:
        TrainingError: If there are fewer than two different states.
    """
    count = len(states)
    pairs = rng.integers(count, size=(PAIRS, 2))
    distance = np.linalg.norm(states[pairs[:, 0]] - states[pairs[:, 1]], axis=1)
    if not (distance > 0).any():
        raise TrainingError('the demonstrations are of one state only')
    median = float(np.median(distance[distance > 0]))
    unit = rng.standard_normal((states.shape[1], features))
    best, found = -np.inf, None
    for length in LENGTHS:
        omega = unit / (length * median)
        blank = Coherent(omega, np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1), 1.0)
        phi = blank._features(states)
        gram = phi.T @ phi
        for ridge in RIDGES:
            covariance = np.asarray(np.linalg.inv(gram + ridge * np.eye(len(gram))), np.float64)
            weights = covariance @ (phi.T @ actions)
            rest = ((actions - phi @ weights) ** 2).sum(axis=0) + ridge * (weights**2).sum(axis=0)
            noise = np.maximum(rest / count, floor)
            # Log marginal likelihood of Bayesian linear regression (Bishop 2006, eq. 3.86).
            log_det = -float(np.linalg.slogdet(covariance)[1]) - len(gram) * np.log(ridge)
            evidence = -0.5 * float(
                (count * np.log(noise) + rest / noise).sum() + log_det * actions.shape[1]
            )
            if evidence > best:
                best = evidence
                found = Coherent(omega, weights, covariance, noise, ridge)
    if found is None:
        raise TrainingError('the demonstrations fit no coherent reward')
    return found


class CoherentReward:
    """The coherent reward of raw states and actions, through a policy's statistics."""

    def __init__(self, actor: Actor, density: Coherent) -> None:
        """Put statistics before a density."""
        self._actor, self.density = actor, density

    def reward(
        self, states: NDArray[np.floating[Any]], actions: NDArray[np.floating[Any]]
    ) -> Array:
        """Reward of every decision, shape (T,); arguments as `reward.Reward`."""
        return self.density.reward(*normalise(self._actor, states[: len(actions)], actions))


@torch.no_grad()
def normalise(
    actor: Actor, states: NDArray[np.floating[Any]], actions: NDArray[np.floating[Any]]
) -> tuple[Array, Array]:
    """Normalised flat states (T, F) and actions (T, k) of raw ones."""
    spec = actor.policy.spec
    k, played = len(spec.joints), slice(0, spec.execute)
    state = torch.from_numpy(np.asarray(states, dtype=np.float32))
    seen = actor.observe(state, {}).state.flatten(1).numpy().astype(np.float64)
    mean = actor.action_mean[played].mean(dim=0).numpy()
    target = actions if actor.residual else actions + states[:, -1, :k]
    scale = actor.action_std[played].mean(dim=0).numpy()
    return seen, np.asarray((target - mean) / scale, dtype=np.float64)


def coherent_reward(
    actor: Actor, windows: Windows, spread: Array, config: CsilConfig
) -> CoherentReward:
    """Fit the coherent reward to every frame of the demonstrations.

    Args:
        actor: The cloned policy; its statistics normalise.
        windows: Windows of the demonstrations.
        spread: Exploration of the policy [rad or m], shape (k,): no action can be known better.
        config: The configuration.
    """
    spec = windows.spec
    batch = windows.batch(np.arange(len(windows)), images=False)
    real = batch.mask[:, : spec.execute].all(axis=1)
    k = len(spec.joints)
    offsets = batch.action[:, : spec.execute].mean(axis=1) - batch.state[:, -1, :k]
    states, actions = normalise(actor, batch.state[real], offsets[real])
    scale = actor.action_std[: spec.execute].mean(dim=0).numpy()
    rng = np.random.default_rng([config.seed, 1])
    density = fit(states, actions, rng, config.features, np.asarray((spread / scale) ** 2))
    return CoherentReward(actor, replace(density, bound=config.bound))
