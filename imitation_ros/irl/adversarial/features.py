# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the classifier sees of a transition.

With a handful of demonstrations the policy's own observation tells too much: the place of the
object alone says which demonstration it is, and nothing the policy does can look demonstrated
where no demonstration was. Seen from the object, the same motion looks the same wherever the
object stands, so the hands' poses in its frame say how well the task is done at starts that
nobody demonstrated. The policy keeps its own observation; only the reward is seen this way.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from ...contract import Contract
from ...data.observation import ObservationSpec
from ...errors import TrainingError
from ...kinematics.model import RobotModel

Array = NDArray[np.float64]

OBJECT_ENTRIES = 9
"""Entries of a pose in the state vector: x y z and two columns of the rotation."""

View = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From raw state histories (N, To, D) and offsets (N, k) to what is seen of state and action."""


class HandsView:
    """Hands in the frame of the object, the object's height and tilt.

    State: for each hand that the policy moves, position [m] and two columns of the rotation in
    the frame of the first pose; then the object's z [m] and the z entries of its rotation. Action:
    where the commanded offset would bring each hand, in the same frame, less where it is.
    """

    def __init__(self, contract: Contract, spec: ObservationSpec) -> None:
        """Build the robot's model.

        Raises:
            TrainingError: If the policy sees no pose, or moves no tool of the contract.
        """
        if not spec.poses:
            raise TrainingError('view: hands needs an object, and the policy sees no pose')
        self._robot = RobotModel(contract)
        self._columns = spec.indices(contract)
        self._home = np.array(contract.home)
        self._begin = spec.size - OBJECT_ENTRIES * len(spec.poses)
        moved = self._home.copy()
        moved[self._columns] += 0.1
        self._tools = [
            tool
            for tool in contract.tools
            if np.abs(self._hand(moved, tool)[0] - self._hand(self._home, tool)[0]).max() > 1e-4
        ]
        if not self._tools:
            raise TrainingError('view: hands needs a tool of the contract that the policy moves')

    def __call__(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """See the newest state of each history and its action, shapes (N, S) and (N, A)."""
        newest = state[:, -1].double().numpy()
        wanted = newest[:, : len(self._columns)] + action.double().numpy()
        seen = [self._see(row, row[: len(self._columns)]) for row in newest]
        asked = [self._see(row, q) for row, q in zip(newest, wanted, strict=True)]
        object_part = newest[:, self._begin : self._begin + OBJECT_ENTRIES][:, [2, 5, 8]]
        states = np.concatenate([np.array(seen), object_part], axis=1)
        actions = np.array(asked) - np.array(seen)
        return (
            torch.from_numpy(states.astype(np.float32)),
            torch.from_numpy(actions.astype(np.float32)),
        )

    def _see(self, row: Array, q: Array) -> Array:
        """Hands at positions of the policy's joints, as the object of a state sees them."""
        pose = row[self._begin : self._begin + OBJECT_ENTRIES]
        first, second = pose[3:6], pose[6:9]
        rotation = np.stack([first, second, np.cross(first, second)], axis=1)
        whole = self._home.copy()
        whole[self._columns] = q
        parts = []
        for tool in self._tools:
            position, turn = self._hand(whole, tool)
            parts += [rotation.T @ (position - pose[:3]), (rotation.T @ turn[:, :2]).T.ravel()]
        return np.concatenate(parts)

    def _hand(self, q: Array, tool: str) -> tuple[Array, Array]:
        place = self._robot.placement(q, tool)
        return place.translation, place.rotation
