# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""State of a training: all that the next update depends on, and how it goes into a checkpoint."""

from collections.abc import Mapping
import copy
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

import torch
from torch import nn, Tensor

from ..data.observation import ObservationSpec
from ..data.stats import DataStats
from ..data.windows import Sampler
from ..errors import TrainingError
from ..policies.actor import Actor
from . import checkpoint
from .config import METHODS, parse, TrainConfig
from .ranks import Ranks

ALONE = Ranks()


@dataclass(frozen=True)
class Trained:
    """A policy read from a checkpoint, ready to be used.

    Attributes:
        actor: The averaged weights, in evaluation mode.
        config: How it was trained.
        spec: What it sees.
        stats: Statistics of its data.
        values: Everything else in the checkpoint: data, metrics, update.
    """

    actor: Actor
    config: TrainConfig
    spec: ObservationSpec
    stats: DataStats
    values: Mapping[str, Any]


def build_actor(config: TrainConfig, spec: ObservationSpec, stats: DataStats) -> Actor:
    """Build a policy whose first weights follow from the seed alone.

    Raises:
        TrainingError: If its method is unknown, or is configured by another class.
    """
    method = METHODS.find(config.method, TrainingError)
    if method.config is not type(config):
        raise TrainingError(
            f'method {config.method} is configured by {method.config.__name__}, not by '
            f'{type(config).__name__}'
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return Actor(method.build(spec, config.network), stats)


class TrainState:
    """Weights, their average, optimiser, sampler and random numbers.

    Attributes:
        config: The configuration.
        spec: What the policy sees.
        stats: Statistics of the training data.
        actor: The weights that are trained.
        average: Their exponential moving average.
        generator: Source of noise and augmentation.
        sampler: Source of batches.
        update: Number of updates made.
        updates: Number of updates planned.
        best: Least held-out loss so far.
    """

    def __init__(
        self, config: TrainConfig, spec: ObservationSpec, stats: DataStats, count: int
    ) -> None:
        """Begin a training on `count` windows."""
        self.config, self.spec, self.stats = config, spec, stats
        self.actor = build_actor(config, spec, stats)
        self.average = copy.deepcopy(self.actor).eval().requires_grad_(False)
        self._parameters: list[Tensor] = list(self.actor.parameters())
        self._averages: list[Tensor] = list(self.average.parameters())
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=config.lr, weight_decay=config.weight_decay, fused=True
        )
        self.generator = torch.Generator().manual_seed(config.seed)
        self.sampler = Sampler(count, config.seed)
        self.update = 0
        self.updates = config.updates
        self.best = math.inf

    def learning_rate(self) -> float:
        """Learning rate of the next update: linear warm-up, then a cosine to zero."""
        warmup = min(self.config.warmup, self.updates - 1)
        if self.update < warmup:
            return self.config.lr * (self.update + 1) / warmup
        progress = (self.update - warmup) / (self.updates - warmup)
        return self.config.lr * 0.5 * (1 + math.cos(math.pi * progress))

    def step(
        self, loss: Tensor, ranks: Ranks = ALONE, weight: float = 1.0, stop: bool = False
    ) -> bool:
        """Make one update.

        Args:
            loss: Loss of this rank's share of the batch.
            ranks: The processes that train together.
            weight: Weight of this share.
            stop: Whether this process was asked to stop.

        Returns:
            Whether any was.

        Raises:
            TrainingError: If the loss or a gradient is NaN or infinite; nothing is changed then.
        """
        value = float(loss.detach())
        rate = self.learning_rate()
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        stop = ranks.average(self._parameters, weight, stop)
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, 1.0))
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise TrainingError(
                f'update {self.update}: the loss is {value} and the gradient {norm}, at a '
                f'learning rate of {rate:.2g}; lower lr (now {self.config.lr:g}) or raise warmup'
            )
        for group in self.optimizer.param_groups:
            group['lr'] = rate
        self.optimizer.step()
        self.update += 1
        decay = min(self.config.ema, (1 + self.update) / (10 + self.update))
        torch._foreach_lerp_(self._averages, [p.detach() for p in self._parameters], 1 - decay)
        return stop

    def write(self, path: Path, values: Mapping[str, Any]) -> None:
        """Write everything into a checkpoint, with more values for its JSON."""
        tensors = {f'model.{name}': t for name, t in self.actor.state_dict().items()}
        tensors |= {f'average.{name}': t for name, t in self.average.state_dict().items()}
        for index, moments in self.optimizer.state_dict()['state'].items():
            tensors |= {f'optimizer.{index}.{name}': t for name, t in moments.items()}
        tensors['generator'] = self.generator.get_state()
        checkpoint.write(
            path,
            tensors,
            {
                'config': self.config.to_dict(),
                'observation': self.spec.to_dict(),
                'statistics': self.stats.to_dict(),
                'sampler': self.sampler.state_dict(),
                'update': self.update,
                'updates': self.updates,
                'best': self.best if math.isfinite(self.best) else None,
                **values,
            },
        )

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of the same configuration and data."""
        load_part(self.actor, tensors, 'model.')
        load_part(self.average, tensors, 'average.')
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith('optimizer.'):
                _, index, moment = name.split('.')
                moments.setdefault(int(index), {})[moment] = tensor
        groups = self.optimizer.state_dict()['param_groups']
        self.optimizer.load_state_dict({'state': moments, 'param_groups': groups})
        self.generator.set_state(tensors['generator'])
        self.sampler = Sampler.from_state_dict(values['sampler'])
        self.update, self.updates = int(values['update']), int(values['updates'])
        self.best = math.inf if values['best'] is None else float(values['best'])


def load_part(module: nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Load the tensors of a checkpoint whose names begin with a prefix.

    Raises:
        TrainingError: If they are not those of the module.
    """
    own = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
    try:
        module.load_state_dict(own)
    except RuntimeError as error:
        raise TrainingError(f'the checkpoint does not fit the network: {error}') from error


def method_of(values: Mapping[str, Any]) -> str:
    """Method that a checkpoint was trained by; IRL is told beside the configuration of its BC."""
    irl = values.get('irl') or {}
    return str(values.get('method') or irl.get('method') or values['config'].get('method', 'bc'))


def load_trained(path: Path) -> Trained:
    """Read the policy of a checkpoint (a file, or a run folder: its result).

    Raises:
        TrainingError: If it is missing or damaged.
    """
    file = checkpoint.find(path)
    tensors, values = checkpoint.read(file)
    config = parse(values['config'], file)
    spec = ObservationSpec.from_dict(values['observation'])
    stats = DataStats.from_dict(values['statistics'])
    actor = build_actor(config, spec, stats)
    load_part(actor, tensors, 'average.')
    return Trained(actor.eval().requires_grad_(False), config, spec, stats, values)
