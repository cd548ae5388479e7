# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A policy of one's own: a linear map from what is seen to the chunk, trained and exported as any.

A method is a configuration and a policy under one name; all else is as for those that ship.

    python examples/own_policy.py DATASET NEW_FOLDER [UPDATES]
"""

import sys

import torch
from torch import nn, Tensor

import imitation_ros
from imitation_ros.data.observation import ObservationSpec
from imitation_ros.policies.base import Batch, masked_mean, Network, Observation, Policy
from imitation_ros.training.config import METHODS, PolicyMethod, TrainConfig


class LinearConfig(TrainConfig):
    """Configuration of the method `linear`: the common keys."""

    method: str = 'linear'


class Linear(Policy):
    """Chunk = W * state + b, in normalised units."""

    def __init__(self, spec: ObservationSpec, network: Network) -> None:
        super().__init__(spec)
        self.map = nn.Linear(spec.history * spec.size, spec.chunk * len(spec.actions))

    def sample(self, observation: Observation, noise: Tensor | None = None) -> Tensor:
        """The chunk, shape (B, Ta, k)."""
        flat = self.map(observation.state.flatten(1))
        return flat.reshape(-1, self.spec.chunk, len(self.spec.actions))

    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Mean squared error over the steps that are no padding."""
        square = (self.sample(batch.observation) - batch.action) ** 2
        return {'loss': masked_mean(square, batch.mask)}


METHODS.register('linear', PolicyMethod(LinearConfig, Linear))


def main(data: str, out: str, updates: int = 200) -> None:
    """Train it, export it, measure it."""
    config = LinearConfig(updates=updates, warmup=updates // 5, lr=3e-3)
    run = imitation_ros.train(data, f'{out}/run', config).folder
    policy = imitation_ros.export(run, data, f'{out}/linear.onnx').path
    error = imitation_ros.evaluate(policy, data=data)
    print(f'linear: {error.mean_mae:.4f} rad; holding still: {error.hold_mae:.4f} rad')


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
