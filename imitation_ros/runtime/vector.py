# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A policy.onnx run on bare observation vectors, in anybody's environment.

    from imitation_ros.runtime import VectorPolicy

    policy = VectorPolicy('policy.onnx')
    print(policy.observation_names, policy.action_names)
    observation, _ = env.reset()
    policy.reset()
    while not done:
        observation, reward, terminated, truncated, _ = env.step(policy.act(observation))

Nothing stands between it and the actions: on a robot use the policy node, which the safety node
filters.
"""

from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, ModelError
from . import bundle
from .graph import open_model

Array = NDArray[np.float64]

NAMED = 12
"""Entries that an error names."""


class VectorPolicy:
    """From observation vectors to actions: history, chunks and noise are kept inside.

    Attributes:
        bundle: What the policy says of itself.
        observation_names: Names of the D entries of an observation.
        action_names: Names of the k entries of an action.
        rate_hz: How often `act` should be called [Hz].
    """

    def __init__(self, path: str | Path, seed: int | None = 0, threads: int = 1) -> None:
        """Load a policy.

        Args:
            path: The policy.onnx.
            seed: Seed of the noise that a generative policy begins with; None takes zeros.
            threads: Threads of one inference.

        Raises:
            ModelError: If it cannot be loaded, or sees cameras.
        """
        self.bundle = bundle.load(path)
        spec = self.bundle.observation
        if spec.cameras:
            names = ', '.join(camera.name for camera in spec.cameras)
            raise ModelError(f'{path} sees {names}: a vector is not enough for it')
        self.observation_names = spec.layout
        self.action_names = spec.actions
        self.rate_hz = spec.policy_hz
        self._spec, self._seed = spec, seed
        self._session = open_model(Path(path), threads)
        self.reset()

    def reset(self) -> None:
        """Begin an episode: forget what was seen, and what is left of the chunk."""
        self._seen: deque[NDArray[np.float32]] = deque(maxlen=self._spec.history)
        self._left: deque[Array] = deque()
        self._rng = np.random.default_rng(self._seed)

    def act(self, observation: Any) -> Array:
        """Next action.

        Args:
            observation: Shape (D,), in the order of `observation_names`.

        Returns:
            Shape (k,), in the order of `action_names`.

        Raises:
            DataError: If the observation has another shape, or is not finite.
            ModelError: If the policy gives NaN or infinity.
        """
        state = np.asarray(observation, dtype=np.float32)
        if state.shape != (self._spec.size,) or not np.isfinite(state).all():
            names = self.observation_names
            named = ', '.join(names[:NAMED]) + (', ...' if len(names) > NAMED else '')
            raise DataError(
                f'an observation of shape {state.shape}, or not finite; the policy sees '
                f'{self._spec.size} entries: {named}'
            )
        self._seen.append(state)
        if not self._left:
            self._left.extend(self._chunk()[: self._spec.execute])
        return self._left.popleft()

    def _chunk(self) -> Array:
        """Actions of a whole chunk, shape (Ta, k)."""
        spec = self._spec
        frames = [*[self._seen[0]] * (spec.history - len(self._seen)), *self._seen]
        feed: dict[str, NDArray[np.float32]] = {bundle.STATE: np.stack(frames)[None]}
        if self.bundle.noise:
            shape = (1, spec.chunk, len(spec.actions))
            feed[bundle.NOISE] = (
                np.zeros(shape, np.float32)
                if self._seed is None
                else self._rng.standard_normal(shape, dtype=np.float32)
            )
        (actions,) = self._session.run([bundle.ACTIONS], feed)
        result: Array = np.asarray(actions[0], dtype=np.float64)
        if not np.isfinite(result).all():
            raise ModelError(f'{self.bundle.path} gives NaN or infinity')
        return result
