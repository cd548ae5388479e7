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

from pathlib import Path

from ..errors import ModelError
from .policy import Policy


class VectorPolicy(Policy):
    """A `Policy` that a vector is enough for: one without cameras."""

    def __init__(self, path: str | Path, seed: int | None = 0, threads: int = 1) -> None:
        """Load a policy.

        Args:
            path: The policy.onnx.
            seed: Seed of the noise that a generative policy begins with; None takes zeros.
            threads: Threads of one inference.

        Raises:
            ModelError: If it cannot be loaded, or sees cameras.
        """
        super().__init__(path, seed=seed, threads=threads)
        if cameras := self.bundle.observation.cameras:
            names = ', '.join(camera.name for camera in cameras)
            raise ModelError(f'{path} sees {names}: a vector is not enough for it')
