# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Policy: a policy.onnx as a function from an observation to a chunk of actions."""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..contract import Contract, loads
from ..data.frame import Array, Frame
from ..data.observation import CameraInput
from ..errors import DataError, unknown
from . import bundle
from .network import Network

NAMED = 12
"""Entries that an error names."""

POSITIONS, VELOCITIES = 'q', 'v'
"""Names of the joints' positions and velocities in an observation that is a mapping."""

Observation = Frame | Mapping[str, ArrayLike] | ArrayLike
"""What a policy is asked with; see `Policy`."""

_Seen = tuple[NDArray[np.float32], dict[str, NDArray[np.uint8]]]


class Policy:
    """A trained policy, run without ROS and without torch.

        >>> policy = Policy.load('policy.onnx')
        >>> q = policy.contract.home                       # measured joint positions, shape (n,)
        >>> thing = [0.4, -0.2, 0.2, 0.0, 0.0, 0.0, 1.0]   # x y z and quaternion x y z w
        >>> chunk = policy({'q': q, 'object': thing})      # the next Ta actions
        >>> chunk.shape == (policy.chunk, len(policy.action_names))
        True

    An observation of a robot is a `Frame`, or a mapping with these names, whatever the policy
    sees of them: `q` and `v`, the positions [rad or m] and velocities [rad/s or m/s] of all
    joints of the robot in contract order, shape (n,); each pose, x y z [m] and a quaternion
    x y z w, shape (7,); each camera, RGB, uint8, shape (height, width, 3), of any size. An
    observation of data without a robot is a vector in the order of `observation_names`, shape
    (D,), or a mapping of those names to numbers. A policy that sees no camera takes the vector
    of a robot as well.

    The history of a policy that sees several frames is kept here: give it one observation every
    `1 / rate_hz` seconds (by `observe`, `act` or a call), and `reset` it when an episode begins.
    Nothing stands between it and the actions: move a robot through `SafetyFilter` or the nodes.

    Attributes:
        bundle: What the policy says of itself.
        contract: The robot; of data without a robot, its contract.
        observation_names: Names of the D entries of a state vector.
        action_names: Names of the k columns of a chunk.
        rate_hz: Rate of its observations, and of the steps of a chunk [Hz].
        chunk: Actions in a chunk, Ta.
        execute: How many of them `act` plays before it asks for the next chunk.
        warnings: What differs from the contract it was trained with, harmlessly.
    """

    def __init__(
        self,
        path: str | Path,
        contract: Contract | None = None,
        *,
        seed: int | None = 0,
        threads: int = 1,
    ) -> None:
        """Load a policy; the same as `load`."""
        self.bundle = found = bundle.load(path)
        spec = found.observation
        self._spec = spec
        own = loads(found.contract_text, found.path, found.urdf_text)
        self.contract = own if contract is None else contract
        self.warnings = () if spec.bare else bundle.check_against(found, self.contract)
        self.observation_names, self.action_names = spec.layout, spec.actions
        self.rate_hz, self.chunk, self.execute = spec.policy_hz, spec.chunk, spec.execute
        self._indices = spec.indices(self.contract)
        self._seed = seed
        self._network = Network(found, threads, seed)
        self.reset()

    @classmethod
    def load(
        cls,
        path: str | Path,
        contract: Contract | None = None,
        *,
        seed: int | None = 0,
        threads: int = 1,
    ) -> 'Policy':
        """Load a policy.

        Args:
            path: The policy.onnx.
            contract: The robot it is to move, which must fit; None takes the one inside the file.
            seed: Seed of the noise that a generative policy begins with; None takes zeros.
            threads: Threads of one inference.

        Raises:
            ModelError: If the file cannot be loaded.
            MismatchError: If it was made for another robot, with every difference.
        """
        return cls(path, contract, seed=seed, threads=threads)

    def reset(self) -> None:
        """Begin an episode: forget what was seen, and what is left of the chunk."""
        self._frames: deque[_Seen] = deque(maxlen=self._spec.history)
        self._left: deque[Array] = deque()
        self._network.seed_noise(self._seed)

    def observe(self, observation: Observation) -> None:
        """See an observation, and act later: a step of the history.

        Args:
            observation: See `Policy`.

        Raises:
            DataError: If something is missing, has another shape, or is not finite.
        """
        if isinstance(observation, Frame):
            self._frames.append(self._frame(observation))
        elif isinstance(observation, Mapping):
            named = self._numbers if self._spec.bare else self._named
            self._frames.append(named(observation))
        else:
            self._frames.append((self._vector(observation), {}))

    def __call__(self, observation: Observation) -> Array:
        """See an observation and give the chunk that follows it.

        Args:
            observation: See `Policy`.

        Returns:
            Actions: joint positions [rad or m] of a robot, else in the data's own unit; shape
            (Ta, k), columns as `action_names`. Action i is for `(i + 1) / rate_hz` seconds after
            the observation.

        Raises:
            DataError: As `observe`.
            ModelError: If the model fails, or gives NaN or infinity.
        """
        self.observe(observation)
        frames = [*[self._frames[0]] * (self._spec.history - len(self._frames)), *self._frames]
        for i, (state, images) in enumerate(frames):
            self._network.state[i] = state
            for name, image in images.items():
                self._network.images[name][i] = image
        return self._network.infer()

    def act(self, observation: Observation) -> Array:
        """See an observation and give the next action, of a chunk where one is running.

        Args:
            observation: See `Policy`; to be given `rate_hz` times a second.

        Returns:
            One action, as a row of a chunk, shape (k,).

        Raises:
            DataError: As `observe`.
            ModelError: As a call.
        """
        if self._left:
            self.observe(observation)
        else:
            self._left.extend(self(observation)[: self.execute])
        return self._left.popleft()

    def _frame(self, frame: Frame) -> _Seen:
        spec = self._spec
        if spec.bare:
            raise DataError(
                f'{self.bundle.path} was trained on data without a robot: give it a vector of '
                f'{spec.size} entries, not a Frame'
            )
        held = {*frame.images, *frame.poses}
        for name in (*(camera.name for camera in spec.cameras), *spec.poses):
            if name not in held:
                raise DataError(f'the observation lacks "{name}"; {self._needs()}')
        if frame.q.shape != (self.contract.n,):
            raise DataError(self._wrong(POSITIONS, frame.q.shape, (self.contract.n,)))
        images = {camera.name: self._image(frame, camera) for camera in spec.cameras}
        return self._finite(spec.state(frame, self._indices)), images

    def _image(self, frame: Frame, camera: CameraInput) -> NDArray[np.uint8]:
        image = frame.images[camera.name]
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise DataError(
                f'"{camera.name}" is {image.dtype} of shape {image.shape}; an image is RGB, '
                'uint8, of shape (height, width, 3)'
            )
        return np.asarray(self._spec.image(frame, camera), dtype=np.uint8)

    def _named(self, observation: Mapping[str, ArrayLike]) -> _Seen:
        """Frame of what a mapping holds; what the policy does not see may be left out."""
        n, contract = self.contract.n, self.contract
        poses = [pose.name for pose in contract.poses]
        cameras = [camera.name for camera in contract.cameras]
        known = (POSITIONS, VELOCITIES, *poses, *cameras)
        for name in observation:
            if name not in known:
                raise DataError(unknown(str(name), 'part of an observation', known))
        wanted = [POSITIONS, *([VELOCITIES] if self._spec.velocity else [])]
        for name in wanted:
            if name not in observation:
                raise DataError(f'the observation lacks "{name}"; {self._needs()}')
        q = self._array(POSITIONS, observation[POSITIONS], (n,))
        v = self._array(VELOCITIES, observation.get(VELOCITIES, np.zeros(n)), (n,))
        seen = {
            name: self._array(name, observation[name], (7,))
            for name in poses
            if name in observation
        }
        images = {name: np.asarray(observation[name]) for name in cameras if name in observation}
        return self._frame(Frame(0, q, v, images, seen))

    def _numbers(self, observation: Mapping[str, ArrayLike]) -> _Seen:
        """State of data without a robot from the values of its entries."""
        for name in (*observation, *self.observation_names):
            if name not in self.observation_names:
                raise DataError(unknown(name, 'entry of the observation', self.observation_names))
            if name not in observation:
                raise DataError(f'the observation lacks "{name}"; {self._needs()}')
        values = [self._array(name, observation[name], ()) for name in self.observation_names]
        return self._vector(values), {}

    def _vector(self, observation: Any) -> NDArray[np.float32]:
        spec = self._spec
        if spec.cameras:
            names = ', '.join(camera.name for camera in spec.cameras)
            raise DataError(
                f'{self.bundle.path} sees {names}: a vector is not enough for it; {self._needs()}'
            )
        try:
            state = np.asarray(observation, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise DataError(f'the observation is no array of numbers; {self._needs()}') from error
        if state.shape != (spec.size,):
            raise DataError(
                f'an observation of shape {state.shape}; the policy sees '
                f'{spec.size} entries: {self._entries()}'
            )
        return self._finite(state)

    def _array(self, name: str, value: Any, shape: tuple[int, ...]) -> Array:
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f'"{name}" is no array of numbers; {self._needs()}') from error
        if array.shape != shape:
            raise DataError(self._wrong(name, array.shape, shape))
        return array

    def _wrong(self, name: str, given: tuple[int, ...], shape: tuple[int, ...]) -> str:
        order = ' (all joints of the robot, in contract order)' if shape != (7,) and shape else ''
        return f'"{name}" has shape {given}, not {shape}{order}; {self._needs()}'

    def _finite(self, state: NDArray[np.float32]) -> NDArray[np.float32]:
        wrong = np.flatnonzero(~np.isfinite(state))
        if len(wrong):
            name = self.observation_names[wrong[0]]
            raise DataError(f'the observation is not finite: {name} is {state[wrong[0]]}')
        return state

    def _entries(self) -> str:
        names = self.observation_names
        return ', '.join(names[:NAMED]) + (', ...' if len(names) > NAMED else '')

    def _needs(self) -> str:
        """What an observation has to hold, with shapes."""
        spec, n = self._spec, self.contract.n
        if spec.bare:
            return f'the policy sees {spec.size} entries: {self._entries()}'
        parts = [f'{POSITIONS} ({n},)', *([f'{VELOCITIES} ({n},)'] if spec.velocity else [])]
        parts += [f'{name} (7,)' for name in spec.poses]
        parts += [f'{camera.name} (height, width, 3)' for camera in spec.cameras]
        return f'the policy sees {", ".join(parts)}'
