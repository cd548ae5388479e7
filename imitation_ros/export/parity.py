# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parity: the exported file gives what torch gives, and how fast."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
import platform
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
import onnxruntime as ort

from ..data.stats import Stats
from ..data.windows import Windows
from ..runtime.bundle import NOISE, STATE

TOLERANCE = 1e-5
"""Largest difference between onnxruntime and torch [rad or m]."""

RECORDED, RANDOM = 256, 256
EXTREME_NOISE = np.float32(3.0)
"""Scale of the noise that goes with extreme observations."""

LATENCY_RUNS = 500
WARM_UP_RUNS = 20

Inputs = dict[str, NDArray[Any]]
Torch = Callable[[Inputs], NDArray[np.float32]]


@dataclass(frozen=True)
class Parity:
    """Difference between two runtimes on the same inputs.

    Attributes:
        max_abs_difference: Largest difference of any action [rad or m].
        tolerance: Largest that is accepted.
        recorded: Number of recorded observations compared.
        random: Number of random observations within the range of the data.
        extreme: Number of observations at, and far beyond, the edges of the data.
    """

    max_abs_difference: float
    tolerance: float
    recorded: int
    random: int
    extreme: int

    @property
    def holds(self) -> bool:
        """Whether the two agree; NaN does not."""
        return self.max_abs_difference <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Latency:
    """Duration of one inference on one thread.

    Attributes:
        p50_ms: Median [ms].
        p99_ms: 99th percentile [ms].
        runs: Number of inferences timed.
        machine: Processor they ran on.
    """

    p50_ms: float
    p99_ms: float
    runs: int
    machine: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def compare(
    session: ort.InferenceSession,
    torch_actions: Torch,
    windows: Windows,
    state: Stats,
    rng: np.random.Generator,
    noisy: bool = False,
    scale: float = 1.0,
) -> Parity:
    """Compare a session with torch on recorded, random and extreme observations.

    Args:
        session: The exported graph.
        torch_actions: The same through torch: named inputs to actions [rad].
        windows: Recorded observations.
        state: Statistics of the states.
        rng: Chooses the observations and draws the noise.
        noisy: Whether the policy takes noise.
        scale: Factor on the tolerance, for actions that are no radians.
    """
    worst = 0.0
    counts = {}
    for kind, inputs in (
        ('recorded', _recorded(windows, rng)),
        ('random', _random(windows, state, rng)),
        ('extreme', _extreme(windows, state)),
    ):
        counts[kind] = 0
        for feed in inputs:
            if noisy:
                k = len(windows.spec.actions)
                shape = (1, windows.spec.chunk, k)
                feed[NOISE] = _noise(kind, counts[kind], shape, rng)
            (actions,) = session.run(None, feed)
            difference = np.abs(np.asarray(actions, np.float64) - torch_actions(feed)).max()
            # np.maximum keeps a NaN, where max() may lose it.
            worst = float(np.maximum(worst, difference))
            counts[kind] += 1
    return Parity(
        worst, scale * TOLERANCE, counts['recorded'], counts['random'], counts['extreme']
    )


def _noise(
    kind: str, count: int, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Noise of one comparison: for every other recorded observation zeros, as a run may have."""
    if kind == 'recorded' and count % 2:
        return np.zeros(shape, dtype=np.float32)
    return (EXTREME_NOISE if kind == 'extreme' else np.float32(1.0)) * rng.standard_normal(
        shape, np.float32
    )


def _recorded(windows: Windows, rng: np.random.Generator) -> Iterator[Inputs]:
    chosen = rng.choice(len(windows), min(RECORDED, len(windows)), replace=False)
    for index in np.sort(chosen):
        batch = windows.batch(np.array([index]))
        yield {STATE: batch.state, **batch.images}


def _pictures(windows: Windows, fill: Callable[[tuple[int, ...]], NDArray[np.uint8]]) -> Inputs:
    history = windows.spec.history
    return {c.name: fill((1, history, c.height, c.width, 3)) for c in windows.spec.cameras}


def _random(windows: Windows, state: Stats, rng: np.random.Generator) -> Iterator[Inputs]:
    shape = (1, windows.spec.history, windows.spec.size)
    for _ in range(RANDOM):
        values = rng.uniform(state.min, state.max, shape).astype(np.float32)
        pictures = _pictures(windows, lambda size: rng.integers(0, 256, size, dtype=np.uint8))
        yield {STATE: values, **pictures}


def _extreme(windows: Windows, state: Stats) -> Iterator[Inputs]:
    """All entries at an edge of the data, and three and a hundred ranges beyond it."""
    span = state.max - state.min
    shape = (1, windows.spec.history, windows.spec.size)
    for beyond in (0.0, 3.0, 100.0):
        for edge, colour in ((state.min - beyond * span, 0), (state.max + beyond * span, 255)):
            values = np.broadcast_to(edge, shape).astype(np.float32)
            pictures = _pictures(windows, partial(np.full, fill_value=colour, dtype=np.uint8))
            yield {STATE: values, **pictures}


def measure_latency(session: ort.InferenceSession, feed: Mapping[str, NDArray[Any]]) -> Latency:
    """Time the inferences of one observation, after a warm-up."""
    for _ in range(WARM_UP_RUNS):
        session.run(None, feed)
    times = np.empty(LATENCY_RUNS)
    for i in range(LATENCY_RUNS):
        begin = perf_counter()
        session.run(None, feed)
        times[i] = perf_counter() - begin
    p50, p99 = 1e3 * np.quantile(times, [0.5, 0.99])
    return Latency(float(p50), float(p99), LATENCY_RUNS, machine())


def machine() -> str:
    """Name of this machine's processor."""
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            for line in file:
                if line.startswith('model name'):
                    return line.split(':', 1)[1].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
