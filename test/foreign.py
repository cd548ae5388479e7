# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other people's distributions, installed into a folder as pip would leave them."""

from collections.abc import Mapping
from pathlib import Path

MODULE = '''
"""One of each kind, as somebody else would write it."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from imitation_ros.irl.adversarial.discriminator import Adversary, Discriminator
from imitation_ros.irl.adversarial.methods import adversarial, classified
from imitation_ros.irl.config import AdversarialConfig, Guard
from imitation_ros.irl.methods import Method
from imitation_ros.irl.ppo import Ppo
from imitation_ros.policies.base import masked_mean, Network, Policy
from imitation_ros.sim.perturbations import Perturbation
from imitation_ros.sim.tasks.reach import REACH, ReachExpert
from imitation_ros.teleop.devices import Device
from imitation_ros.teleop.twist import Jog
from imitation_ros.training.config import BCConfig, PolicyMethod, TrainConfig


class LinearNetwork(Network):
    scale: float = 1.0


class LinearConfig(TrainConfig):
    method: str = 'foreign-linear'
    updates: int = 30
    warmup: int = 5
    batch: int = 16
    network: LinearNetwork = LinearNetwork()


class Linear(Policy):
    def __init__(self, spec, network):
        super().__init__(spec)
        self.layer = torch.nn.Linear(spec.history * spec.size, spec.chunk * len(spec.actions))
        self.scale = network.scale

    def sample(self, observation, noise=None):
        flat = self.scale * self.layer(observation.state.flatten(1))
        return flat.reshape(-1, self.spec.chunk, len(self.spec.actions))

    def loss(self, batch, generator=None):
        each = (self.sample(batch.observation) - batch.action) ** 2
        return {'loss': masked_mean(each, batch.mask)}


LINEAR = PolicyMethod(LinearConfig, Linear)


class ConstantConfig(AdversarialConfig):
    method: str = 'foreign-irl'
    iterations: int = 1
    steps: int = 20
    horizon_s: float = 0.5
    guard: Guard = Guard(every=1, episodes=1)
    critic_only: int = 0
    ppo: Ppo = Ppo(epochs=1)
    discriminator: Discriminator = Discriminator(updates=2, first_updates=2, width=4)
    bc: BCConfig = BCConfig(updates=20, warmup=5, batch=16)


class Distance(Adversary):
    """Tells by the state alone, with one layer."""

    def __init__(self, config, states, actions):
        super().__init__()
        self.layer = torch.nn.Linear(states, 1)

    def logit(self, one):
        return self.layer(one.state).squeeze(1)

    def reward(self, one):
        return self.logit(one)


IRL = Method(
    ConstantConfig,
    learner=adversarial(Distance),
    reward=classified(Distance),
    notes=('Of somebody else.',),
)

TASK = replace(REACH, name='foreign_touch', centre=(0.38, -0.22, 0.2, 0.0), time_limit_s=3.0)


class TouchExpert(ReachExpert):
    pass


class Stick:
    """Pushes the first tool forward, dead-man pressed."""

    def __init__(self, contract):
        self.contract = contract

    def read(self, now_ns):
        return Jog(held=True, motion=np.array([0.3, 0.0, 0.0, 0.0, 0.0, 0.0]))

    def close(self):
        pass


STICK = Device('a stick that is always pushed', open=Stick)


@dataclass(frozen=True)
class Wind(Perturbation):
    """Blows the same way at every tool."""

    def act(self, sim, amount, rng):
        for tool in sim.scene.tools:
            sim.pull(tool, np.array([0.0, amount, 0.0]))


WIND = Wind('foreign_wind', (0.0, 10.0, 20.0, 60.0), 'N', 'wind from the right')
'''

ENTRIES = {
    'policies': {'foreign-linear': 'foreign_robotics:LINEAR'},
    'irl': {'foreign-irl': 'foreign_robotics:IRL'},
    'tasks': {'foreign_touch': 'foreign_robotics:TASK'},
    'experts': {'foreign_touch': 'foreign_robotics:TouchExpert'},
    'devices': {'foreign_stick': 'foreign_robotics:STICK'},
    'perturbations': {'foreign_wind': 'foreign_robotics:WIND'},
}


def install(
    site: Path, name: str, entries: Mapping[str, Mapping[str, str]], module: str = ''
) -> None:
    """Put a distribution with entry points, and one module, into a folder of the path."""
    site.mkdir(parents=True, exist_ok=True)
    info = site / f'{name.replace("-", "_")}-1.2.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n')
    (info / 'entry_points.txt').write_text(
        ''.join(
            f'[imitation_ros.{group}]\n' + ''.join(f'{k} = {v}\n' for k, v in names.items())
            for group, names in entries.items()
        )
    )
    (info / 'RECORD').write_text('')
    if module:
        (site / f'{name.replace("-", "_")}.py').write_text(module)
