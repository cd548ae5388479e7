# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Streams of asked positions: what a safety filter may be asked for, from good to hostile."""

from collections.abc import Callable

import numpy as np

from ...contract import Contract
from ...data.frame import Array
from ...safety.backend import Backend

Asked = tuple[Array | None, Array | None]
Stream = Callable[[int, Array], Asked]
"""Tick and last command -> asked position and, if known, its velocity."""


def realistic(contract: Contract, rng: np.random.Generator) -> Stream:
    """A policy at work: smooth motion of the upper body around home, with a little noise."""
    limits, dt = contract.limits, 1.0 / contract.rates.command_hz
    moves = np.array([not _is_leg(joint) for joint in contract.joints])
    room = np.minimum(limits.upper - contract.home, contract.home - limits.lower)
    frequency = rng.uniform(0.1, 0.35, contract.n)
    amplitude = np.minimum(0.2 * (limits.upper - limits.lower), 0.8 * room)
    # At most 60 % of the allowed speed and acceleration: a policy trained on real demonstrations.
    turn = 2.0 * np.pi * frequency
    amplitude = np.minimum(amplitude, 0.6 * limits.velocity / turn)
    amplitude = np.minimum(amplitude, 0.6 * limits.acceleration / turn**2) * moves
    phase = rng.uniform(0.0, 2.0 * np.pi, contract.n)
    noise = np.zeros(contract.n)
    last = contract.home.copy()

    def ask(tick: int, _: Array) -> Asked:
        nonlocal noise, last
        noise = 0.98 * noise + rng.normal(size=contract.n) * 2e-5 * moves
        start = min(1.0, tick * dt / 2.0)
        ramp = start * start * (3.0 - 2.0 * start)
        swing = np.sin(turn * tick * dt + phase) - np.sin(phase)
        goal = contract.home + 0.5 * ramp * amplitude * swing + noise
        goal = np.clip(goal, limits.lower, limits.upper)
        velocity, last = (goal - last) / dt, goal
        return goal, velocity

    return ask


def _is_leg(joint: str) -> bool:
    return any(part in joint for part in ('hip', 'knee', 'ankle'))


def random(contract: Contract, rng: np.random.Generator) -> Stream:
    """A new target each 0.3 s, anywhere up to 1.3 times the range."""
    limits = contract.limits
    middle, half = 0.5 * (limits.lower + limits.upper), 0.65 * (limits.upper - limits.lower)
    hold = max(1, round(0.3 * contract.rates.command_hz))
    goal = contract.home

    def ask(tick: int, _: Array) -> Asked:
        nonlocal goal
        if tick % hold == 0:
            goal = rng.uniform(middle - half, middle + half)
        return goal, None

    return ask


def attack(contract: Contract, rng: np.random.Generator, backend: Backend) -> Stream:
    """Pushes the closest two links together: steepest descent of their distance."""

    def ask(tick: int, q: Array) -> Asked:
        pair = np.array([int(backend.distances(q).argmin())])
        push = np.sign(backend.gradients(q, pair)[0])
        return q - 1.5 * push + 0.01 * rng.normal(size=contract.n), None

    return ask


def edge(contract: Contract, rng: np.random.Generator) -> Stream:
    """Every joint from one limit to the other and back."""
    limits = contract.limits

    def ask(tick: int, _: Array) -> Asked:
        return (limits.upper + 1.0 if tick // 40 % 2 else limits.lower - 1.0), None

    return ask


def garbage(contract: Contract, rng: np.random.Generator) -> Stream:
    """Noise, NaN, infinity, 1e12, wrong lengths and nothing at all."""

    def ask(tick: int, q: Array) -> Asked:
        kind = int(rng.integers(8))
        if kind == 0:
            return None, None
        if kind == 1:
            return q[: contract.n // 2], None
        goal = q + rng.normal(size=contract.n)
        if kind == 2:
            goal[int(rng.integers(contract.n))] = np.nan
        elif kind == 3:
            goal[:] = np.inf
        elif kind == 4:
            goal *= 1e12
        return goal, None

    return ask


def all_streams(contract: Contract, backend: Backend, seed: int) -> dict[str, Stream]:
    """One of each, seeded."""

    def rng() -> np.random.Generator:
        return np.random.default_rng(seed)

    return {
        'realistic': realistic(contract, rng()),
        'random': random(contract, rng()),
        'attack': attack(contract, rng(), backend),
        'edge': edge(contract, rng()),
        'garbage': garbage(contract, rng()),
    }
