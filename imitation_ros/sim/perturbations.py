# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Perturbations: what may go wrong in an episode, in seeded levels from 0 (nothing) to 3.

Each has a random generator of its own, made from the seed of the episode, so that adding one
leaves the others as they were. Some change the world (push, pull, slip, mass, friction, start),
some only what a policy is shown of it (delay, noise, dropout, camera). What is shown goes through
`Senses`; the safety filter keeps seeing the truth, so that it is the policy that is tested.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
import math
from typing import Any, Protocol
import zlib

import mujoco
import numpy as np

from ..data.frame import Array, Image
from ..errors import DataError
from ..plugins import own_name, Registry
from .action_noise import noise_scale
from .robot import SimRobot

LEVELS = 3
"""Highest level."""

PUSH_S = (0.4, 1.2)
"""When a push or pull begins [s since the start]."""

PULL_S = 0.2
"""How long a pull lasts [s]."""

SLIP_S = (0.8, 1.6)
"""When a hand is knocked aside [s since the start]."""

SLIP_RISE = 1500.0
SLIP_LONGEST_S = 0.4
"""A knock grows by this much [N/s] until the hand has gone its way, or this long."""

VELOCITY_NOISE = 10.0
"""Noise on a velocity, per noise on the position [1/s]."""


@dataclass(frozen=True)
class Perturbation:
    """One thing that may go wrong.

    What comes with the package is done by `Disturbed`. Another one is a subclass that overrides
    one or more of `change_world`, `act` and `look`; at level 0 none of them is called. Randomness
    comes from `rng` alone, which is its own and begins anew with each episode.

    Attributes:
        name: Its name.
        amounts: Strength at level 0, 1, 2 and 3.
        unit: Unit of the strength.
        text: What happens.
    """

    name: str
    amounts: tuple[float, float, float, float]
    unit: str
    text: str

    def __post_init__(self) -> None:
        """Check that the levels rise."""
        if any(high <= low for low, high in pairwise(self.amounts)):
            raise DataError(f'{self.name}: the levels {self.amounts} do not rise')

    def change_world(self, sim: SimRobot, amount: float, rng: np.random.Generator) -> None:
        """Change the model before an episode.

        Masses, inertias, friction and the places of cameras are put back before the next one.
        """

    def act(self, sim: SimRobot, amount: float, rng: np.random.Generator) -> None:
        """Push or pull, once in each command period."""

    def look(
        self, seen: dict[str, Array], amount: float, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Change what a policy is shown: `q` and `v`, shape (n,), and `object`, shape (7,)."""
        return seen


PERTURBATIONS: Registry[Perturbation] = Registry(
    'perturbations',
    'perturbation',
    {
        each.name: each
        for each in (
            Perturbation('push', (0.0, 0.2, 0.4, 0.6), 'm/s', 'the object is hit sideways, once'),
            Perturbation('pull', (0.0, 20.0, 40.0, 80.0), 'N', 'a hand is pulled aside for 0.2 s'),
            Perturbation('slip', (0.0, 0.03, 0.06, 0.1), 'm', 'a hand is knocked aside, this far'),
            Perturbation('start', (1.0, 1.3, 1.6, 2.0), 'x', 'the object starts further away'),
            Perturbation('delay', (0.0, 0.02, 0.06, 0.1), 's', 'all that is seen is old'),
            Perturbation('noise', (0.0, 2e-3, 5e-3, 1e-2), 'rad', 'noise on measured joints'),
            Perturbation(
                'mass', (0.0, 0.2, 0.4, 0.6), 'share', 'the object is lighter or heavier'
            ),
            Perturbation('friction', (0.0, 0.2, 0.4, 0.6), 'share', 'everything is more slippery'),
            Perturbation('dropout', (0.0, 0.05, 0.15, 0.3), 'share', 'frames are lost'),
            Perturbation('camera', (0.0, 1.0, 2.0, 4.0), 'cm', 'cameras are moved, and turned'),
        )
    },
    Perturbation,
    own_name,
)
"""Every perturbation by name."""

CAMERA_TURN = math.radians(2.5)
"""Turn of a camera [rad] per centimetre that it is moved."""


@dataclass(frozen=True)
class Setting:
    """A perturbation at a level.

    Attributes:
        name: Key of `PERTURBATIONS`.
        level: 0 to 3.
    """

    name: str
    level: int

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        PERTURBATIONS.find(self.name)
        if not 0 <= self.level <= LEVELS:
            raise DataError(f'{self.name}: level {self.level} is not from 0 to {LEVELS}')

    def __str__(self) -> str:
        """Print as `push:2`, which `parse` reads."""
        return f'{self.name}:{self.level}'

    @property
    def amount(self) -> float:
        """Strength at this level, in the perturbation's unit."""
        return PERTURBATIONS[self.name].amounts[self.level]


def parse(text: str) -> Setting:
    """Read `name:level`, such as `push:2`.

    Raises:
        DataError: If there is no such perturbation or level.
    """
    name, _, level = text.partition(':')
    if not level.isdigit():
        raise DataError(f'"{text}" is not a perturbation with its level: write name:0 to name:3')
    return Setting(name, int(level))


class Sensed(Protocol):
    """What can be seen of a simulated robot."""

    @property
    def q(self) -> Array:
        """Joint positions [rad or m], shape (n,)."""

    @property
    def v(self) -> Array:
        """Joint velocities [rad/s or m/s], shape (n,)."""

    @property
    def object_pose(self) -> Array:
        """Object in the base frame, shape (7,)."""

    def render(self, camera: str) -> Image:
        """Image of one camera."""


class Disturbed:
    """A simulated robot to which things happen; it looks like one that is told the truth.

    Attributes:
        settings: What happens to it.
        initial_state_range: Factor on the range the object starts in, 1 without `start`.
    """

    def __init__(self, sim: SimRobot, settings: Iterable[Setting]) -> None:
        """Remember the unperturbed world.

        Raises:
            DataError: If a perturbation stands twice.
        """
        self.settings = tuple(settings)
        names = [setting.name for setting in self.settings]
        if len(set(names)) < len(names):
            raise DataError(f'a perturbation stands twice: {", ".join(names)}')
        self._amounts = {setting.name: setting.amount for setting in self.settings}
        self._others = [
            (PERTURBATIONS[setting.name], setting.amount)
            for setting in self.settings
            if setting.level and setting.name not in PERTURBATIONS.built_in
        ]
        self.initial_state_range = self._amounts.get('start', 1.0)
        self._sim = sim
        model = sim.scene.model
        self._truth = {
            name: getattr(model, name).copy()
            for name in ('body_mass', 'body_inertia', 'geom_friction', 'cam_pos', 'cam_quat')
        }
        self._period = 1.0 / sim.contract.rates.command_hz
        self._noise_scale = noise_scale(sim.contract, model)
        self._knock: _Knock | None = None
        self._actions: list[tuple[float, str, Array]] = []
        self._clear(0)

    def reset(self, seed: int, initial_state_range: float = 1.0) -> None:
        """Start an episode as `SimRobot.reset`, in a world changed by the same seed."""
        self.restore()
        self._clear(seed)
        self._change_world()
        self._sim.reset(seed, initial_state_range * self.initial_state_range)
        self._plan()
        self._look()

    def restore(self) -> None:
        """Put masses, friction and cameras back as they were; `reset` does it by itself."""
        model: Any = self._sim.scene.model
        for name, values in self._truth.items():
            getattr(model, name)[:] = values
        if 'mass' in self._amounts or self._others:
            mujoco.mj_setConst(model, mujoco.MjData(model))

    def advance(self, duration_s: float) -> None:
        """Run the physics as `SimRobot.advance`, and let happen what is due."""
        while self._actions and self._actions[0][0] <= self._sim.time_s + 1e-9:
            _, what, vector = self._actions.pop(0)
            if what == 'push':
                self._sim.push_object(vector)
            elif what.startswith('slip '):
                tool = what.removeprefix('slip ')
                self._knock = _Knock(tool, vector, self._sim.tool_position(tool), self._sim.time_s)
            else:
                self._sim.pull(what, vector)
        if self._knock is not None:
            force = self._knock.force(self._sim.tool_position(self._knock.tool), self._sim.time_s)
            self._sim.pull(self._knock.tool, force)
            if not force.any():
                self._knock = None
        for other, amount in self._others:
            other.act(self._sim, amount, self._generator(other.name))
        self._sim.advance(duration_s)
        self._look()

    @property
    def q(self) -> Array:
        """Joint positions as they are measured [rad or m], shape (n,)."""
        return self._shown['q']

    @property
    def v(self) -> Array:
        """Joint velocities as they are measured [rad/s or m/s], shape (n,)."""
        return self._shown['v']

    @property
    def object_pose(self) -> Array:
        """Object as it is tracked, shape (7,)."""
        return self._shown['object']

    def render(self, camera: str) -> Image:
        """Image of one camera as it arrives: old, lost, or from another place."""
        images = self._cameras.setdefault(camera, [])
        lost = bool(images) and self._lost(camera)
        if not lost:
            images.append((self._sim.time_s, self._sim.render(camera).copy()))
        until = self._sim.time_s - self._amounts.get('delay', 0.0) + 1e-9
        while len(images) > 1 and images[1][0] <= until:
            images.pop(0)
        return images[0][1]

    def _generator(self, name: str) -> np.random.Generator:
        """Generator of one perturbation in one episode."""
        if name not in self._generators:
            key = [self._seed, zlib.crc32(name.encode())]
            self._generators[name] = np.random.default_rng(key)
        return self._generators[name]

    def _clear(self, seed: int) -> None:
        self._seed = seed
        self._generators: dict[str, np.random.Generator] = {}
        self._cameras: dict[str, list[tuple[float, Image]]] = {}
        delay = round(self._amounts.get('delay', 0.0) / self._period)
        self._knock = None
        self._past: deque[dict[str, Array]] = deque(maxlen=delay + 1)
        self._shown: dict[str, Array] = {}

    def _change_world(self) -> None:
        """Mass, friction and cameras of this episode."""
        model, scene = self._sim.scene.model, self._sim.scene
        amount = self._amounts.get('mass', 0.0)
        if amount:
            factor = 1.0 + amount * self._generator('mass').choice([-1.0, 1.0])
            model.body_mass[scene.pushed] *= factor
            model.body_inertia[scene.pushed] *= factor
            # Weights of the solver follow from the masses; its own data is scratch.
            mujoco.mj_setConst(model, mujoco.MjData(model))
        amount = self._amounts.get('friction', 0.0)
        if amount:
            # All of it: of two that touch, the higher friction counts.
            model.geom_friction *= 1.0 - amount
        for other, amount in self._others:
            other.change_world(self._sim, amount, self._generator(other.name))
            mujoco.mj_setConst(model, mujoco.MjData(model))
        amount = self._amounts.get('camera', 0.0)
        if amount:
            rng = self._generator('camera')
            for number in (model.camera(c.name).id for c in self._sim.contract.cameras):
                # Along the image: a camera moved backwards would look into its own mount.
                along = np.append(0.01 * amount * _direction(rng, 2), 0.0)
                shift = np.empty(3)
                mujoco.mju_rotVecQuat(shift, along, self._truth['cam_quat'][number])
                model.cam_pos[number] += shift
                turn = np.empty(4)
                mujoco.mju_axisAngle2Quat(turn, _direction(rng, 3), amount * CAMERA_TURN)
                mujoco.mju_mulQuat(model.cam_quat[number], self._truth['cam_quat'][number], turn)

    def _plan(self) -> None:
        """When the object is pushed, and when a hand is pulled."""
        self._actions = []
        amount = self._amounts.get('push', 0.0)
        if amount:
            rng = self._generator('push')
            at = float(rng.uniform(*PUSH_S))
            self._actions.append((at, 'push', amount * np.append(_direction(rng, 2), 0.0)))
        amount = self._amounts.get('pull', 0.0)
        if amount:
            rng = self._generator('pull')
            at, tool = float(rng.uniform(*PUSH_S)), self._some_tool(rng)
            self._actions.append((at, tool, amount * _direction(rng, 3)))
            self._actions.append((at + PULL_S, tool, np.zeros(3)))
        amount = self._amounts.get('slip', 0.0)
        if amount:
            rng = self._generator('slip')
            at, tool = float(rng.uniform(*SLIP_S)), self._some_tool(rng)
            self._actions.append((at, f'slip {tool}', amount * _direction(rng, 3)))
        self._actions.sort(key=lambda action: action[0])

    def _some_tool(self, rng: np.random.Generator) -> str:
        """One of the tools that the task is about."""
        tools = self._sim.scene.task.tools or tuple(self._sim.scene.tools)
        if not tools:
            raise DataError(f'"{self._sim.contract.name}" has no tool to pull at')
        return str(rng.choice(tools))

    def _lost(self, what: str) -> bool:
        chance = self._amounts.get('dropout', 0.0)
        return bool(chance and self._generator(f'dropout {what}').random() < chance)

    def _look(self) -> None:
        """Measure once per command period; what is shown is the oldest that the delay keeps."""
        sim = self._sim
        q, v, pose = sim.q, sim.v, sim.object_pose
        amount = self._amounts.get('noise', 0.0)
        if amount:
            rng = self._generator('noise')
            scale = amount * self._noise_scale
            q = q + scale * rng.standard_normal(q.shape)
            v = v + VELOCITY_NOISE * scale * rng.standard_normal(v.shape)
        seen = {'q': q, 'v': v, 'object': pose}
        for other, amount in self._others:
            seen = other.look(seen, amount, self._generator(other.name))
        if self._past:
            if self._lost('joints'):
                seen |= {'q': self._past[-1]['q'], 'v': self._past[-1]['v']}
            if self._lost('object'):
                seen['object'] = self._past[-1]['object']
        self._past.append(seen)
        self._shown = self._past[0]


@dataclass(frozen=True)
class _Knock:
    """A hand that is pushed harder and harder until it is a way [m] from where it was.

    The servos are stiff: what moves a hand by a given way is not known beforehand.
    """

    tool: str
    way: Array
    origin: Array
    since_s: float

    def force(self, position: Array, now_s: float) -> Array:
        """Force now [N], shape (3,); zero when it is over."""
        length = float(np.linalg.norm(self.way))
        gone = float((position - self.origin) @ self.way) / length
        spent_s = now_s - self.since_s
        if gone >= length or spent_s > SLIP_LONGEST_S:
            return np.zeros(3)
        result: Array = SLIP_RISE * (spent_s + 1e-3) * self.way / length
        return result


def _direction(rng: np.random.Generator, size: int) -> Array:
    """Random direction, shape (size,)."""
    vector = rng.standard_normal(size)
    result: Array = vector / np.linalg.norm(vector)
    return result
