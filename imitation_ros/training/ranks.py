# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ranks: one training in several processes, on one machine or many, under `torchrun`.

    torchrun --nproc_per_node 2 -m imitation_ros train --data data --out runs/bc

Every rank holds the same weights, draws the same batch and takes its share of it; gradients are
averaged, weighted by the real steps in each share, before every update (data-parallel synchronous
SGD; Goyal et al. 2017, sec. 2.3). So the batch of a configuration is the batch of all ranks
together, and a training is the same, to rounding, however many there are. Rank 0 alone evaluates
and writes. `torch.distributed` does the transport; `torchrun` sets the environment it reads.
"""

from collections.abc import Sequence
import os

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
import torch.distributed as dist

from ..errors import TrainingError


class Ranks:
    """This process among those that train together; alone there is nothing to share.

    Attributes:
        rank: Number of this process, from 0.
        world: Number of all.
    """

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        """Take a place among the ranks."""
        self.rank, self.world = rank, world

    @classmethod
    def join(cls) -> 'Ranks':
        """Join the ranks that `torchrun` started; alone where it started none.

        Raises:
            TrainingError: If its environment is incomplete, or the ranks do not find each other.
        """
        world = int(os.environ.get('WORLD_SIZE', '1'))
        if world == 1:
            return cls()
        try:
            if not dist.is_initialized():
                dist.init_process_group('gloo')
        except (ValueError, RuntimeError) as error:
            raise TrainingError(
                f'WORLD_SIZE is {world}, but the ranks cannot join: {error}; start them with '
                '"torchrun --nproc_per_node N -m imitation_ros train ..."'
            ) from error
        return cls(dist.get_rank(), world)

    @property
    def first(self) -> bool:
        """Whether this is the rank that evaluates, writes and shows."""
        return self.rank == 0

    def share(self, indices: NDArray[np.intp]) -> NDArray[np.intp]:
        """This rank's share of a batch.

        Raises:
            TrainingError: If there are fewer windows than ranks.
        """
        if len(indices) < self.world:
            raise TrainingError(f'a batch of {len(indices)} is too small for {self.world} ranks')
        return indices[self.rank :: self.world]

    def seed(self, generator: torch.Generator, seed: int, update: int) -> None:
        """Give each rank noise of its own, which a resumed training draws again."""
        if self.world > 1:
            generator.manual_seed((seed * 1_000_003 + update) * self.world + self.rank)

    def average(self, parameters: Sequence[Tensor], weight: float, stop: bool) -> bool:
        """Average gradients over the ranks, in place.

        Args:
            parameters: Parameters, in the same order on every rank.
            weight: Weight of this rank's gradients: the real steps in its share.
            stop: Whether this rank was asked to stop.

        Returns:
            Whether any rank was asked to stop, so that all stop after the same update.
        """
        if self.world == 1:
            return stop
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([weight * g.flatten() for g in gradients])
        ends = torch.tensor([weight, float(stop)], dtype=flat.dtype)
        flat = torch.cat([flat, ends])
        dist.all_reduce(flat)
        mean = flat[:-2] / flat[-2]
        at = 0
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = mean[at : at + gradient.numel()].view_as(gradient)
            at += gradient.numel()
        return bool(flat[-1] > 0)

    def agree(self, value: int) -> int:
        """Number that rank 0 chose."""
        if self.world == 1:
            return value
        tensor = torch.tensor([value])
        dist.broadcast(tensor, 0)
        return int(tensor)

    def leave(self) -> None:
        """Leave the others, once all have come this far."""
        if self.world > 1 and dist.is_initialized():
            dist.barrier()
            dist.destroy_process_group()
