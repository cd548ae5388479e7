# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A loss of one's own: Behavioural Cloning that cares more for the near future.

The first actions of a chunk are played, the last are only predicted. Here the weight of action i
falls as decay ** i.

    python examples/custom_loss.py DATASET NEW_FOLDER [UPDATES]
"""

from pathlib import Path
import sys

import torch
from torch import Tensor

import imitation_ros
from imitation_ros.policies.base import Batch, masked_mean
from imitation_ros.policies.bc import BC
from imitation_ros.training.config import BCConfig, METHODS, PolicyMethod

DECAY = 0.8


class NearConfig(BCConfig):
    """Configuration of the method `bc-near`: every key of `bc`."""

    method: str = 'bc-near'


class NearSighted(BC):
    """BC whose loss is weighted along the chunk."""

    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Weighted absolute error."""
        chunks = self._chunks(batch.observation, generator)  # (members, B, Ta, k)
        each = (chunks - batch.action).abs().mean(dim=0)
        weight = DECAY ** torch.arange(self.spec.chunk, dtype=each.dtype)
        weighted = each * (weight / weight.mean())[None, :, None]
        return {'loss': masked_mean(weighted, batch.mask)}


METHODS.register('bc-near', PolicyMethod(NearConfig, NearSighted))


def main(data: str, out: str, updates: int = 200) -> None:
    """Compare the error of the first and the last action with those of plain BC."""
    network = {'width': 64, 'depth': 2}
    for method in (BCConfig, NearConfig):
        config = method(updates=updates, warmup=updates // 5, lr=3e-3, network=network)
        run = imitation_ros.train(data, Path(out) / config.method, config).folder
        policy = imitation_ros.export(run, data, Path(out) / f'{config.method}.onnx').path
        steps = imitation_ros.evaluate(policy, data=data).step_mae
        print(f'{config.method}: first action {steps[0]:.4f} rad, last {steps[-1]:.4f} rad')


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
