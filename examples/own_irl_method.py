# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An IRL method of one's own: GAIL's practice with a least-squares reward (AMP; Peng et al. 2021).

A method is one row: its configuration, how it begins to learn, how its reward is read. Practice,
the choice of the best policy, checkpoints and export are those of every adversarial method.

    python examples/own_irl_method.py DATASET RUN_OF_BC NEW_FOLDER
"""

from pathlib import Path
import sys

import torch
from torch import Tensor

import imitation_ros
from imitation_ros.irl.adversarial.discriminator import Adversary, Transitions
from imitation_ros.irl.adversarial.methods import adversarial, classified
from imitation_ros.irl.config import AdversarialConfig, Guard
from imitation_ros.irl.methods import Method, METHODS
from imitation_ros.policies.encoders import mlp


class AmpConfig(AdversarialConfig):
    """Configuration of the method `irl-amp`."""

    method: str = 'irl-amp'


class Amp(Adversary):
    """One network; the policy is paid for what looks demonstrated, at most 1."""

    def __init__(self, config: AmpConfig, states: int, actions: int) -> None:
        super().__init__()
        self.layers = mlp([states + actions, config.discriminator.width, 1])

    def logit(self, one: Transitions) -> Tensor:
        """Log odds of being demonstrated, shape (N,)."""
        return self.layers(torch.cat([one.state, one.action], dim=1)).squeeze(1)

    def reward(self, one: Transitions) -> Tensor:
        """max(0, 1 - (d - 1)^2 / 4) with the score d in [-1, 1], shape (N,)."""
        return (1 - (self.logit(one).tanh() - 1) ** 2 / 4).clamp(min=0)


AMP = Method(AmpConfig, learner=adversarial(Amp), reward=classified(Amp))
METHODS.register('irl-amp', AMP)


def main(data: str, bc: str, out: str) -> None:
    """Practise for one short iteration; a real run takes 24 of 1800 steps."""
    config = AmpConfig(iterations=1, critic_only=0, steps=20, guard=Guard(every=1, episodes=2))
    result = imitation_ros.train(data, Path(out), config, init=bc)
    print(f'{config.method}: finished {result.finished}; curves: {result.curves}')


if __name__ == '__main__':
    main(*sys.argv[1:])
