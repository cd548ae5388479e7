# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Network: the graph of a policy.onnx, on arrays that stay where they are."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..data.frame import Array
from ..errors import ModelError
from .bundle import ACTIONS, Bundle, NOISE, STATE
from .graph import BYTES, open_model, ORT_ERRORS


class Network:
    """A policy's graph, loaded, with its inputs as arrays to write into.

    Attributes:
        bundle: What the policy says of itself.
        state: State vectors, float32, shape (To, D), the newest last.
        images: Images of each camera, uint8, shape (To, height, width, 3).
    """

    def __init__(self, bundle: Bundle, threads: int = 1, noise_seed: int | None = 0) -> None:
        """Load the graph.

        Args:
            bundle: The policy.
            threads: Threads of one inference; one is best for small networks.
            noise_seed: See `seed_noise`.

        Raises:
            ModelError: If it cannot be loaded.
        """
        self.bundle = bundle
        self._session = open_model(bundle.path, threads)
        self._inputs: dict[str, NDArray[Any]] = {
            name: np.zeros(
                cast(tuple[int, ...], tensor.shape),
                dtype=np.uint8 if tensor.type == BYTES else np.float32,
            )
            for name, tensor in bundle.expected_inputs.items()
        }
        self.state: NDArray[np.float32] = self._inputs[STATE][0]
        self.images: dict[str, NDArray[np.uint8]] = {
            camera.name: self._inputs[camera.name][0] for camera in bundle.observation.cameras
        }
        self.seed_noise(noise_seed)

    def seed_noise(self, seed: int | None) -> None:
        """Choose the noise that a generative policy begins with; others take none.

        Args:
            seed: Seed of the noise, which is new at every inference; None begins each with
                zeros, so that the same frames always get the same actions.
        """
        draws = self.bundle.noise and seed is not None
        self._rng = np.random.default_rng(seed) if draws else None

    def infer(self) -> Array:
        """Actions for what stands in `state` and `images`.

        Returns:
            Raw units, shape (Ta, k), columns as `bundle.observation.actions`.

        Raises:
            ModelError: If the model fails, or gives anything but finite numbers.
        """
        if self._rng is not None:
            noise = self._inputs[NOISE]
            self._rng.standard_normal(noise.shape, dtype=np.float32, out=noise)
        elif self.bundle.noise:
            self._inputs[NOISE].fill(0)
        return self._run()

    def warm_up(self, runs: int) -> None:
        """Run on zeros; no noise is drawn. Raises ModelError as `infer`."""
        for array in self._inputs.values():
            array.fill(0)
        for _ in range(runs):
            self._run()

    def _run(self) -> Array:
        path = self.bundle.path
        try:
            (actions,) = self._session.run([ACTIONS], self._inputs)
        except ORT_ERRORS as error:
            raise ModelError(f'{path} fails: {error}') from error
        if actions.shape != self.bundle.expected_output.shape:
            raise ModelError(
                f'{path} gives actions of shape {actions.shape}, '
                f'not {self.bundle.expected_output.shape}'
            )
        result: Array = actions[0].astype(np.float64)
        if not np.isfinite(result).all():
            raise ModelError(f'{path} gives NaN or infinity')
        return result
