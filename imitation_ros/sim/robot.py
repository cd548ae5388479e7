# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated robot: physics behind the same q, v and commands as a real one."""

import math

import mujoco
import numpy as np

from ..contract import Contract
from ..data.frame import Array, Image
from ..errors import ContractError, DataError
from . import scene as scenes
from .renderers import Cameras
from .task import Task
from .tasks import TASKS

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
CHECK_S = 0.02
"""How often the success rule is looked at [s]."""
MOVES = 1e-3
"""A command this far from home is the first motion [rad or m]."""
SETTLE_S = 0.2
"""How long objects come to rest after a reset [s]."""


class SimRobot:
    """The contract's robot in MuJoCo, with the table and the objects of one task.

    Not thread-safe. `render` must always be called by the same thread; a render thread makes a
    `Cameras` of its own from `scene` and feeds it `snapshot()`.

    Attributes:
        contract: The contract.
        scene: The compiled scene.
    """

    def __init__(
        self,
        contract: Contract,
        task: str | Task = 'lift',
        *,
        renderer: str | None = 'auto',
        timestep_s: float = 0.002,
    ) -> None:
        """Build the scene and reset it with seed 0.

        Args:
            contract: The robot.
            task: The task, or its name.
            renderer: `auto`, `egl`, `osmesa`, `ray`, or None for a robot without cameras.
            timestep_s: Step of the physics [s].

        Raises:
            ContractError: If the task is unknown or the URDF does not fit.
        """
        self.contract = contract
        if isinstance(task, str):
            task = TASKS.find(task, ContractError)
        self.scene = scenes.build(contract, task, timestep_s)
        self._model = self.scene.model
        self._data = mujoco.MjData(self._model)
        self._renderer = renderer
        self._cameras: Cameras | None = None
        self._settled = 0.0
        self._held_s = 0.0
        self._remainder_s = 0.0
        self._start = np.zeros(7)
        self.reset(0)

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.scene.task.name

    @property
    def base(self) -> str:
        """Name of the root link; poses are in its frame."""
        return str(self._model.body(self.scene.base).name)

    @property
    def time_s(self) -> float:
        """Simulated time since the reset [s]."""
        return float(self._data.time) - self._settled

    @property
    def q(self) -> Array:
        """Joint positions [rad or m], shape (n,), contract order."""
        result: Array = self._data.qpos[self.scene.q_index]
        return result

    @property
    def v(self) -> Array:
        """Joint velocities [rad/s or m/s], shape (n,)."""
        result: Array = self._data.qvel[self.scene.v_index]
        return result

    @property
    def object_pose(self) -> Array:
        """Object in the base frame: x y z [m], quaternion x y z w, shape (7,)."""
        pose = self._in_base(self.scene.object)
        if not self.scene.task.turns:
            pose[3:] = (0.0, 0.0, 0.0, 1.0)
        return pose

    @property
    def success(self) -> bool:
        """Whether the success rule of the task has held for its `hold_s`."""
        return self._held_s >= self.scene.task.hold_s - 1e-9

    def tool_position(self, name: str) -> Array:
        """Position of a tool frame in the base frame [m], shape (3,)."""
        return self._in_base(self.scene.tools[name])[:3]

    def reset(self, seed: int, initial_state_range: float = 1.0) -> None:
        """Start an episode: home position, object at a random place, everything at rest.

        Args:
            seed: Seed of the object's place; the same seed gives the same episode.
            initial_state_range: Factor on the range the object starts in.

        Raises:
            DataError: If that is no factor.
        """
        if not (math.isfinite(initial_state_range) and initial_state_range >= 0):
            raise DataError(
                f'spread is {initial_state_range}, not a factor on the range of initial states'
            )
        model, data, scene = self._model, self._data, self.scene
        mujoco.mj_resetData(model, data)
        self._write_q(self.contract.home)
        data.ctrl[scene.actuator] = self.contract.home
        rng = np.random.default_rng(seed)
        start = scene.task.place(rng, initial_state_range)
        mujoco.mj_kinematics(model, data)
        self._write_object(start)
        mujoco.mj_forward(model, data)
        mujoco.mj_step(model, data, round(SETTLE_S / model.opt.timestep))
        # Whatever the settling did to the joints, the episode starts exactly at home.
        self._write_q(self.contract.home)
        data.qvel[scene.v_index] = 0.0
        mujoco.mj_forward(model, data)
        self._settled = float(data.time)
        self._held_s = self._remainder_s = 0.0
        self._start = self.object_pose
        self._shoves = scene.task.shoves(rng)
        self._begun_s: float | None = None

    def command(self, q: Array) -> None:
        """Set the positions the servos hold from now on.

        Args:
            q: Joint positions [rad or m], shape (n,), contract order.

        Raises:
            DataError: If the shape is wrong or a value is not finite.
        """
        if q.shape != (self.contract.n,) or not np.isfinite(q).all():
            raise DataError(f'a command is {self.contract.n} finite positions, not {q}')
        if self._begun_s is None and np.abs(q - self.contract.home).max() > MOVES:
            self._begun_s = self.time_s
            if self.scene.gantry >= 0:
                self._data.eq_active[self.scene.gantry] = False
        self._data.ctrl[self.scene.actuator] = q

    def advance(self, duration_s: float) -> None:
        """Run the physics for some time [s]; what is less than one step is kept for later."""
        step = float(self._model.opt.timestep)
        steps = int((duration_s + self._remainder_s) / step + 1e-6)
        self._remainder_s += duration_s - steps * step
        check = max(1, round(CHECK_S / step))
        from_s = self.scene.task.from_s
        while steps > 0:
            now = min(steps, check)
            begun_s = -1.0 if self._begun_s is None else self.time_s - self._begun_s
            while self._shoves and self._shoves[0][0] <= begun_s + 1e-9:
                self.push_object(self._shoves.pop(0)[1])
            mujoco.mj_step(self._model, self._data, now)
            steps -= now
            tools = {name: self.tool_position(name) for name in self.scene.tools}
            met = self.scene.task.rule(self.object_pose, self._start, tools)
            counts = met and (begun_s >= from_s - 1e-9 or not from_s)
            self._held_s = self._held_s + now * step if counts else 0.0

    def render(self, camera: str) -> Image:
        """Image of one camera of the contract, uint8, shape (height, width, 3), RGB."""
        size = self.contract.camera(camera)
        return self.render_view(camera, size.width, size.height)

    def render_view(self, camera: str, width: int, height: int) -> Image:
        """Image of any camera of the scene (also `front`) in any size."""
        if self._cameras is None:
            if self._renderer is None:
                raise DataError('this robot was made without cameras (renderer=None)')
            self._cameras = Cameras(self.scene, self._renderer)
        return self._cameras.render(self.snapshot(), camera, width, height)

    def push_object(self, velocity: Array) -> None:
        """Hit the object: change its velocity at once.

        What cannot be moved by contact (the target of reach) goes at once to where it would be
        after 0.1 s. A robot on its own feet is hit itself, as a whole.

        Args:
            velocity: Change of the velocity in the base frame [m/s], shape (3,).
        """
        data, scene = self._data, self.scene
        change = data.xmat[scene.base].reshape(3, 3) @ velocity
        mocap = int(self._model.body_mocapid[scene.pushed])
        if mocap >= 0:
            data.mocap_pos[mocap] += 0.1 * change
        else:
            address = int(self._model.body_dofadr[scene.pushed])
            data.qvel[address : address + 3] += change

    def pull(self, tool: str, force: Array) -> None:
        """Pull a tool with a force in the base frame [N], shape (3,), until told otherwise."""
        rotation = self._data.xmat[self.scene.base].reshape(3, 3)
        self._data.xfrc_applied[self.scene.tools[tool], :3] = rotation @ force

    def snapshot(self) -> Array:
        """Whole state of the physics, for `restore` or for `Cameras.render`."""
        state = np.empty(mujoco.mj_stateSize(self._model, STATE))
        mujoco.mj_getState(self._model, self._data, state, STATE)
        return state

    def restore(self, state: Array) -> None:
        """Go back to a snapshot; the clock of the success rule starts anew."""
        mujoco.mj_setState(self._model, self._data, state, STATE)
        mujoco.mj_forward(self._model, self._data)
        self._held_s = 0.0

    def close(self) -> None:
        """Free the renderer; call it in the thread that rendered."""
        if self._cameras is not None:
            self._cameras.close()
            self._cameras = None

    def _write_q(self, q: Array) -> None:
        """Put the joints, and the mimic joints behind them, somewhere at once."""
        self._data.qpos[self.scene.q_index] = q
        for index, leader in self.scene.mimic:
            self._data.qpos[index] = q[leader]

    def _write_object(self, pose: Array) -> None:
        """Put the object at a pose in the base frame."""
        data, scene = self._data, self.scene
        rotation = data.xmat[scene.base].reshape(3, 3)
        position = data.xpos[scene.base] + rotation @ pose[:3]
        quaternion = np.empty(4)
        mujoco.mju_mulQuat(quaternion, data.xquat[scene.base], pose[[6, 3, 4, 5]])
        mocap = int(self._model.body_mocapid[scene.object])
        if mocap >= 0:
            data.mocap_pos[mocap], data.mocap_quat[mocap] = position, quaternion
            return
        if self._model.body_jntnum[scene.object] == 0:
            return  # a mark on the floor: it is the robot that moves
        address = int(self._model.jnt_qposadr[self._model.body_jntadr[scene.object]])
        data.qpos[address : address + 3] = position
        data.qpos[address + 3 : address + 7] = quaternion

    def _in_base(self, body: int) -> Array:
        """Pose of a body in the base frame, shape (7,)."""
        data, base = self._data, self.scene.base
        inverse, quaternion, pose = np.empty(4), np.empty(4), np.empty(7)
        mujoco.mju_negQuat(inverse, data.xquat[base])
        mujoco.mju_mulQuat(quaternion, inverse, data.xquat[body])
        mujoco.mju_rotVecQuat(pose[:3], data.xpos[body] - data.xpos[base], inverse)
        pose[3:] = quaternion[[1, 2, 3, 0]]
        # q and -q are one rotation; a policy should see one number for it.
        return pose if pose[6] >= 0 else np.concatenate([pose[:3], -pose[3:]])
