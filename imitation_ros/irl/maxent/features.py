# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Named features of a motion: what a linear reward can say about it, in units a person knows.

They are read from what the policy sees and commands, so they are the same for a bag, for a
dataset and for a simulated rollout. Each is a cost-like number of one decision; a trajectory's
features are the means over its decisions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract import Contract
from ...data.observation import ObservationSpec
from ...errors import TrainingError
from ...kinematics.model import RobotModel
from ...safety import backends

Array = NDArray[np.float64]
Values = NDArray[np.floating[Any]]

NEAR = 0.05
"""Closer than this to itself, the robot is near a self-collision [m]."""

SURE = 3.0
"""Standard errors from which on a weight is called a preference."""

POSE = 9
"""Entries of a pose in the state vector: x y z and two columns of the rotation."""


@dataclass(frozen=True)
class Feature:
    """A named feature.

    Attributes:
        name: Its name.
        unit: Its unit.
        meaning: What a large value of it means, as the end of "the operator avoids ...".
    """

    name: str
    unit: str
    meaning: str


REACH = Feature('reach', 'm', 'hands far from the object')
GOAL = Feature('goal', 'm', 'the object being far from where demonstrations leave it')
TILT = Feature('tilt', 'rad', 'a tilted object')
EFFORT = Feature('effort', 'rad', 'commands far ahead of the joints, which servos turn into force')
SPEED = Feature('speed', 'rad/s', 'fast joints')
JERKINESS = Feature('jerkiness', 'rad/s^2', 'sudden changes of the commanded speed')
CLEARANCE = Feature('closeness', '1', 'arms nearer than 5 cm to the body or to each other')


@dataclass(frozen=True)
class Place:
    """Where demonstrations leave the object.

    Attributes:
        position: Mean position at the end [m], shape (3,).
        relative: Whether it is meant relative to where the object began: so it is where this
            varies less from one demonstration to the next (a box is lifted, a cube goes to a bin).
    """

    position: Array
    relative: bool

    @classmethod
    def of(cls, begins: Array, ends: Array) -> 'Place':
        """Find it from the object's first and last positions, each of shape (D, 3)."""
        moved = ends - begins
        relative = float(moved.std(axis=0).sum()) < float(ends.std(axis=0).sum()) + 1e-9
        return cls((moved if relative else ends).mean(axis=0), relative)

    def distance(self, positions: Array) -> Array:
        """Distance of an object from there along a trajectory [m], shape (T,)."""
        target = self.position + (positions[0] if self.relative else 0.0)
        result: Array = np.linalg.norm(positions - target, axis=1)
        return result


class Features:
    """Features of trajectories of one policy's observations.

    Attributes:
        names: The features, in order.
        place: Where demonstrations leave the object; None without one.
    """

    def __init__(self, contract: Contract, spec: ObservationSpec, place: Place | None) -> None:
        """Build the robot's model.

        Args:
            contract: The robot.
            spec: What is observed; features of an object need its pose.
            place: Where demonstrations leave the object; None without one.
        """
        if place is not None and not spec.poses:
            raise TrainingError('features of an object need a pose, and the policy sees none')
        self._spec, self.place = spec, place
        self._columns = spec.indices(contract)
        self._home = np.array(contract.home)
        robot = RobotModel(contract)
        self._robot, self._backend = robot, backends.build(robot)
        moved = self._backend.geometry.rate_bounds[:, self._columns].max(axis=1) > 0
        self._pairs: NDArray[np.intp] = np.flatnonzero(moved)
        self._tools = self._moving_tools(contract)
        objects = (REACH, GOAL, TILT) if place is not None else ()
        self.names: tuple[Feature, ...] = (*objects, EFFORT, SPEED, JERKINESS, CLEARANCE)

    def _moving_tools(self, contract: Contract) -> list[str]:
        """Tools that the policy's joints move."""
        home, tools = self._home, []
        other = home.copy()
        other[self._columns] += 0.1
        for name in contract.tools:
            before = self._robot.placement(home, name).translation
            if np.linalg.norm(self._robot.placement(other, name).translation - before) > 1e-4:
                tools.append(name)
        return tools

    def __call__(self, states: Values, actions: Values) -> Array:
        """Features of every decision, shape (T, F).

        Args:
            states: Raw state histories at the decisions, shape (T, To, D).
            actions: Mean command played after each, from the measured position [rad], (T, k).
        """
        spec = self._spec
        k = len(spec.joints)
        newest = np.asarray(states[:, -1], dtype=np.float64)
        q = newest[:, :k]
        offsets = np.asarray(actions, dtype=np.float64)
        period = spec.execute / spec.policy_hz
        parts: list[Array] = []
        if self.place is not None:
            pose = newest[:, -POSE * len(spec.poses) :][:, :POSE]
            upright = pose[:, 3] * pose[:, 7] - pose[:, 4] * pose[:, 6]
            parts += [
                self._reach(q, pose[:, :3]),
                self.place.distance(pose[:, :3]),
                np.arccos(np.clip(upright, -1.0, 1.0)),
            ]
        speed = np.gradient(q, period, axis=0) if len(q) > 1 else np.zeros_like(q)
        second = np.zeros_like(q)
        second[1:-1] = np.diff(q + offsets, n=2, axis=0) / period**2
        parts += [
            _rms(offsets),
            _rms(speed),
            _rms(second),
            self._closeness(q),
        ]
        return np.stack(parts, axis=1)

    def _whole(self, q: Array) -> Array:
        """All joints of the robot, those that the policy does not see at home."""
        result = np.tile(self._home, (len(q), 1))
        result[:, self._columns] = q
        return result

    def _reach(self, q: Array, positions: Array) -> Array:
        """Mean distance from the object of the tools that move [m], shape (T,)."""
        far = np.array(
            [
                [
                    np.linalg.norm(self._robot.placement(row, tool).translation - position)
                    for tool in self._tools
                ]
                for row, position in zip(self._whole(q), positions, strict=True)
            ]
        )
        result: Array = far.mean(axis=1)
        return result

    def _closeness(self, q: Array) -> Array:
        """How far the nearest pair of links is inside `NEAR`, as a share of it."""
        nearest = np.array(
            [self._backend.distances(row)[self._pairs].min() for row in self._whole(q)]
        )
        return np.clip(1.0 - nearest / NEAR, 0.0, None)


def _rms(values: Array) -> Array:
    """Root mean square over the joints, shape (T,)."""
    result: Array = np.sqrt((values**2).mean(axis=1))
    return result


def sentences(
    features: Sequence[Feature], weights: Array, error: Array, scale: Array
) -> tuple[str, ...]:
    """Say what each weight means.

    Args:
        features: The features.
        weights: Weights per standard deviation of each feature, shape (F,).
        error: Their standard errors, shape (F,).
        scale: That standard deviation, in the feature's unit, shape (F,).
    """
    found = []
    for feature, weight, doubt, unit in zip(features, weights, error, scale, strict=True):
        unit_name = '' if feature.unit == '1' else f' {feature.unit}'
        step = f'{unit:.2g}{unit_name} more of it'
        if abs(weight) < SURE * doubt:
            found.append(
                f'{feature.name}: no preference can be told about {feature.meaning} '
                f'({weight:+.2f} +- {doubt:.2f} nat for {step}).'
            )
            continue
        verb = 'avoids' if weight < 0 else 'accepts or seeks'
        times = np.exp(min(abs(weight), 20.0))
        rarer = 'rarer' if weight < 0 else 'likelier'
        found.append(
            f'{feature.name}: the operator {verb} {feature.meaning}; '
            f'{step} on average makes a motion {times:.3g} times {rarer} '
            f'({weight:+.2f} +- {doubt:.2f} nat).'
        )
    return tuple(found)
