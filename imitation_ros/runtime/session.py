# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Session: a policy that fits the robot, loaded and warm, from frames to actions."""

from collections.abc import Sequence
from typing import Protocol

from ..contract import Contract
from ..data.frame import Array, Frame
from ..data.observation import ObservationSpec
from ..errors import DataError
from .bundle import Bundle, check_against
from .network import Network


class Inference(Protocol):
    """What a loop asks for actions: a session, or whoever answers as one."""

    spec: ObservationSpec

    def seed_noise(self, seed: int | None) -> None:
        """See `Session`."""

    def infer(self, frames: Sequence[Frame]) -> Array:
        """See `Session`."""


class Session:
    """A policy.onnx that was checked against the robot and can be run.

    Attributes:
        bundle: What the policy says of itself.
        spec: What it sees and moves.
        warnings: What differs from the contract it was trained with, harmlessly.
    """

    def __init__(
        self,
        bundle: Bundle,
        contract: Contract,
        threads: int = 1,
        noise_seed: int | None = 0,
    ) -> None:
        """Check the policy against the robot and load it.

        Args:
            bundle: The policy.
            contract: The robot it is to move.
            threads: Threads of one inference; one is best for small networks.
            noise_seed: See `seed_noise`.

        Raises:
            MismatchError: If it was made for another robot, with every difference.
            ModelError: If it cannot be loaded.
        """
        self.bundle = bundle
        self.spec = bundle.observation
        self.warnings = check_against(bundle, contract)
        self._network = Network(bundle, threads, noise_seed)
        self._indices = self.spec.indices(contract)

    def seed_noise(self, seed: int | None) -> None:
        """Choose the noise that a generative policy begins with; others take none.

        Args:
            seed: Seed of the noise, which is new at every inference; None begins each with
                zeros, so that the same frames always get the same actions.
        """
        self._network.seed_noise(seed)

    def infer(self, frames: Sequence[Frame]) -> Array:
        """Actions for a history of frames.

        Args:
            frames: `spec.history` frames, the newest last.

        Returns:
            Joint positions [rad or m], shape (Ta, k), columns as `spec.actions`.

        Raises:
            DataError: If the number of frames is wrong.
            ModelError: If the model fails, or gives anything but finite numbers.
        """
        if len(frames) != self.spec.history:
            raise DataError(f'{len(frames)} frames, the policy sees {self.spec.history}')
        network = self._network
        for i, frame in enumerate(frames):
            network.state[i] = self.spec.state(frame, self._indices)
            for camera in self.spec.cameras:
                network.images[camera.name][i] = self.spec.image(frame, camera)
        return network.infer()

    def warm_up(self, runs: int = 20) -> None:
        """Run on zeros, so that the first real inference is not the slow one.

        The first runs allocate memory and page the weights in; they are several times slower
        than the rest and belong neither to the robot nor into the statistics.

        Raises:
            ModelError: As `infer`.
        """
        self._network.warm_up(runs)
