# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy sees of a frame: written once, used in training, export and on the robot."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..errors import DataError, unknown
from .frame import Frame, Image, JOINT_STATES
from .images import resize


@dataclass(frozen=True)
class CameraInput:
    """A camera as the policy sees it: name and size [pixels] after the resize."""

    name: str
    height: int
    width: int


@dataclass(frozen=True)
class ObservationSpec:
    """What a policy sees, and which joints it moves.

    The state vector of one frame is: positions of `joints` [rad], their velocities [rad/s] if
    `velocity`, then for each pose x y z [m] and the first two columns of its rotation matrix
    (continuous, unlike a quaternion; Zhou et al. 2019, sec. 4).

    Attributes:
        joints: Joints the policy sees and moves, in contract order.
        velocity: Whether velocities are seen.
        poses: Names of the poses that are seen.
        cameras: Cameras that are seen.
        history: Number of frames seen, To; the newest last.
        policy_hz: Rate of those frames, and of the chunk's steps [Hz].
        chunk: Number of future actions, Ta.
        execute: How many of them run before the next inference.
        actions: Names of what it commands; the joints if none are given. Data without a robot
            may have others, and then `joints` are the entries that are seen.
        bare: Whether these are data without a robot, in units nobody told.
    """

    joints: tuple[str, ...]
    velocity: bool
    poses: tuple[str, ...]
    cameras: tuple[CameraInput, ...]
    history: int
    policy_hz: float
    chunk: int
    execute: int
    actions: tuple[str, ...] = ()
    bare: bool = False

    def __post_init__(self) -> None:
        """Check the counts."""
        if not self.actions:
            object.__setattr__(self, 'actions', self.joints)
        if not self.joints:
            raise DataError('a policy needs at least one joint')
        if self.history < 1 or not 1 <= self.execute <= self.chunk:
            raise DataError(
                f'history {self.history} >= 1 and 1 <= execute {self.execute} <= chunk '
                f'{self.chunk} must hold'
            )

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities a frame must hold for this policy."""
        return (JOINT_STATES, *(camera.name for camera in self.cameras), *self.poses)

    @property
    def layout(self) -> tuple[str, ...]:
        """Name of every entry of the state vector."""
        names = [
            joint if joint.endswith(('.velocity', '.effort')) else f'{joint}.position'
            for joint in self.joints
        ]
        if self.velocity:
            names += [f'{joint}.velocity' for joint in self.joints]
        entries = ('x', 'y', 'z', 'r00', 'r10', 'r20', 'r01', 'r11', 'r21')
        return tuple([*names, *(f'{pose}.{entry}' for pose in self.poses for entry in entries)])

    @property
    def size(self) -> int:
        """Length D of the state vector."""
        return len(self.joints) * (2 if self.velocity else 1) + 9 * len(self.poses)

    @property
    def measured(self) -> tuple[int, ...] | None:
        """Where each action's position stands in the state vector; None if one is not seen."""
        if not set(self.actions) <= set(self.joints):
            return None
        return tuple(self.joints.index(name) for name in self.actions)

    def rest(self, state: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """What doing nothing is: the measured positions, or zeros where none are seen.

        Args:
            state: State vectors, shape (..., D).

        Returns:
            Shape (..., k).
        """
        if self.measured is None:
            return np.zeros((*state.shape[:-1], len(self.actions)), dtype=state.dtype)
        return state[..., list(self.measured)]

    @property
    def unit(self) -> str:
        """Unit of the actions, with a space before it; nothing where nobody told it."""
        return '' if self.bare else ' rad'

    @property
    def step_ns(self) -> int:
        """Time between two frames, and between two actions of a chunk [ns]."""
        return round(1e9 / self.policy_hz)

    def indices(self, contract: Contract) -> NDArray[np.intp]:
        """Where this policy's joints stand in contract order, shape (k,)."""
        return np.array([contract.index(joint) for joint in self.joints], dtype=np.intp)

    def states(
        self,
        q: NDArray[np.floating[Any]],
        v: NDArray[np.floating[Any]],
        poses: Mapping[str, NDArray[np.floating[Any]]],
    ) -> NDArray[np.float32]:
        """State vectors, shape (T, D), from arrays over time.

        Args:
            q: Positions of `joints` [rad], shape (T, k).
            v: Velocities of `joints` [rad/s], shape (T, k).
            poses: Poses by name, each of shape (T, 7).
        """
        parts = [q, v] if self.velocity else [q]
        for name in self.poses:
            if name not in poses:
                raise DataError(unknown(name, 'pose of the data', poses))
            parts.append(pose_features(poses[name]))
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def state(self, frame: Frame, indices: NDArray[np.intp]) -> NDArray[np.float32]:
        """State vector of one frame, shape (D,)."""
        poses = {name: frame.poses[name][None] for name in self.poses}
        result: NDArray[np.float32] = self.states(
            frame.q[None, indices], frame.v[None, indices], poses
        )[0]
        return result

    def image(self, frame: Frame, camera: CameraInput) -> Image:
        """Image of one camera at the policy's size, uint8, shape (height, width, 3)."""
        return resize(frame.images[camera.name], camera.height, camera.width)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> 'ObservationSpec':
        """Read `to_dict` back."""
        return cls(
            joints=tuple(values['joints']),
            velocity=bool(values['velocity']),
            poses=tuple(values['poses']),
            cameras=tuple(CameraInput(**camera) for camera in values['cameras']),
            history=int(values['history']),
            policy_hz=float(values['policy_hz']),
            chunk=int(values['chunk']),
            execute=int(values['execute']),
            actions=tuple(values.get('actions', ())),
            bare=bool(values.get('bare', False)),
        )


def pose_features(pose: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Position and first two columns of the rotation matrix, shape (T, 9), of poses (T, 7)."""
    pose = np.asarray(pose, dtype=np.float64)
    x, y, z, w = (pose[:, 3:] / np.linalg.norm(pose[:, 3:], axis=1, keepdims=True)).T
    first = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)], axis=1)
    second = np.stack([2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)], axis=1)
    return np.concatenate([pose[:, :3], first, second], axis=1)
