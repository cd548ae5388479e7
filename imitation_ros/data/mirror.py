# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Mirror: an episode as it would have been with left and right exchanged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .episode import Episode

Float = TypeVar('Float', bound=np.floating[Any])

SIDES = (('left', 'right'), ('right', 'left'))

POSE = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0], dtype=np.float32)
"""Signs of x y z qx qy qz qw: for M = diag(1, -1, 1) the rotation M R M has these."""


@dataclass(frozen=True)
class Mirror:
    """Reflection at the robot's plane y = 0.

    Attributes:
        joints: Names of the joints.
        partner: Which joint plays the part of each, shape (n,).
        sign: With which sign, shape (n,).
    """

    joints: tuple[str, ...]
    partner: NDArray[np.intp]
    sign: NDArray[np.float64]

    def joint_values(self, q: NDArray[Float]) -> NDArray[Float]:
        """Positions, velocities or commands of the mirrored robot, shape (..., n)."""
        result: NDArray[Float] = q[..., self.partner] * self.sign.astype(q.dtype)
        return result

    def closed(self, joints: Iterable[str]) -> set[str]:
        """Joints and their partners."""
        wanted = set(joints)
        return wanted | {
            self.joints[self.partner[i]] for i, name in enumerate(self.joints) if name in wanted
        }

    def episode(self, episode: Episode) -> Episode:
        """Mirror an episode; images stay views, nothing is read.

        Objects are taken to be their own mirror images, as a box, a bottle and a tray are.

        Raises:
            DataError: If a camera or a pose of one side has no partner on the other.
        """
        images, poses = _sides(episode.images), _sides(episode.poses)
        return replace(
            episode,
            meta=replace(episode.meta, episode=f'{episode.meta.episode} (mirrored)'),
            q=self.joint_values(episode.q),
            v=self.joint_values(episode.v),
            action=self.joint_values(episode.action),
            images={name: episode.images[other][:, :, ::-1] for name, other in images.items()},
            poses={name: episode.poses[other] * POSE for name, other in poses.items()},
            age_ns={
                name: episode.age_ns[{**images, **poses}.get(name, name)]
                for name in episode.age_ns
            },
        )


def _sides(names: Mapping[str, object]) -> dict[str, str]:
    """Name on the other side of each camera or pose: left and right exchanged in it."""
    found = {}
    for name in names:
        other = next((name.replace(a, b) for a, b in SIDES if a in name), name)
        if other not in names:
            raise DataError(f'mirroring: "{name}" has no partner "{other}" in the data')
        found[name] = other
    return found
