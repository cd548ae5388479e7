# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The sim node: the contract's robot in MuJoCo, with the topics of the real one.

Three threads: physics on an absolute schedule, cameras (a slow image must not delay a joint
state), and the executor, whose callbacks only hand over.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
import json
import sys
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
import numpy as np
from rcl_interfaces.msg import SetParametersResult
from rclpy.context import Context
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from ...contract import Group, load
from ...errors import DataError, ImitationError
from ...messages.codec import joint_vector, NS, stamp_ns
from ...sim.action_noise import noise_scale, OrnsteinUhlenbeckNoise
from ...sim.experts import OBJECT
from ...sim.robot import SimRobot
from ...sim.setpoints import Setpoints
from ..ros.messages import status, to_joint_state, to_pose, to_time
from ..ros.parameters import declare
from ..ros.qos import LATCHED, profile
from ..ros.spin import run
from .camera_thread import CameraThread

COMMANDS: dict[str, Any] = {
    'trajectory_msgs/msg/JointTrajectory': JointTrajectory,
    'std_msgs/msg/Float64MultiArray': Float64MultiArray,
}
BEHIND_S = 0.05
"""How far the physics may lag behind the wall clock before it gives up catching up [s]."""
ERROR_PERIOD_S = 1.0


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node; `seed`, `spread` and `noise` may be set while it runs.

    Attributes:
        contract: Name or path of the contract.
        task: Name of the task.
        seed: Seed of the next reset; each reset without a new one counts up.
        spread: Factor on the region the object starts in.
        noise: Shake the servos by this much [rad] behind the safety node, a tenth of it on sliding
            joints [m]: a demonstration then shows the way back, with clean commands (DART).
        renderer: `auto`, `egl`, `osmesa`, `ray` or `none`.
        speed: Simulated seconds per second.
        publish_clock: Publish /clock and stamp with simulated time, also at speed 1.
    """

    contract: str = 'imi_humanoid'
    task: str = 'lift'
    seed: int = 0
    spread: float = 1.0
    noise: float = 0.0
    renderer: str = 'auto'
    speed: float = 1.0
    publish_clock: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot run."""
        if not 0.01 <= self.speed <= 100.0:
            raise ValueError(f'speed must be between 0.01 and 100, not {self.speed}')
        if self.spread < 0.0:
            raise ValueError(f'spread must not be negative, but is {self.spread}')
        if not 0.0 <= self.noise < 1.0:
            raise ValueError(f'noise must be from 0 to 1 rad, but is {self.noise}')
        if self.seed < 0:
            raise ValueError(f'seed must not be negative, but is {self.seed}')


class SimNode(Node):
    """The simulated robot."""

    def __init__(self, context: Context, **kwargs: Any) -> None:
        """Build the scene, draw the first pictures, then let time run."""
        super().__init__('sim', context=context, **kwargs)
        self._p = declare(self, Parameters)
        self._contract = contract = load(self._p.contract)
        self._robot = SimRobot(contract, self._p.task, renderer=None)
        self._setpoints = Setpoints(contract)
        self._seed, self._spread, self._noise = self._p.seed, self._p.spread, self._p.noise
        self._noise_scale = noise_scale(contract, self._robot.scene.model)
        self._virtual = self._p.publish_clock or self._p.speed != 1.0
        self._elapsed_ns = self._stamp_ns = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._ticks: deque[float] = deque(maxlen=round(contract.joint_states.rate_hz))
        self._success: bool | None = None
        self._make_topics()
        self._reset_robot()
        self._cameras: CameraThread | None = None
        if contract.cameras and self._p.renderer != 'none':
            self._cameras = CameraThread(self, contract, self._robot, self._p.renderer)
            self._cameras.start()
        self._thread = threading.Thread(target=self._guard, daemon=True)
        self._thread.start()

    def _make_topics(self) -> None:
        """Create every publisher, subscription and service."""
        contract = self._contract
        self._joint_pub = self.create_publisher(
            JointState, contract.joint_states.topic, profile(contract.joint_states.qos)
        )
        self._pose_pubs = []
        for pose in contract.poses:
            if pose.name == OBJECT:
                pub = self.create_publisher(PoseStamped, pose.topic, profile(pose.qos))
                self._pose_pubs.append((pub, pose.rate_hz))
            else:
                self.get_logger().warning(f'the sim tracks "{OBJECT}", not "{pose.name}"')
        self._success_pub = self.create_publisher(Bool, '/sim/success', LATCHED)
        self._diagnostics_pub = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._clock_pub = self.create_publisher(Clock, '/clock', 10) if self._virtual else None
        for group in contract.groups:
            self.create_subscription(
                COMMANDS[group.output.type],
                group.output.topic,
                lambda message, group=group: self._on_command(group, message),
                10,
            )
        self.create_service(Trigger, '/sim/reset', self._on_reset)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_timer(0.1, self._check)

    def _due(self, count: int, rate_hz: float) -> bool:
        """Whether a topic of this rate has its turn at a tick of the physics."""
        share = min(1.0, rate_hz / self._contract.joint_states.rate_hz)
        return int((count + 1) * share) > int(count * share)

    # Callbacks of the executor.

    def _on_command(self, group: Group, message: Any) -> None:
        """Take over a command of one group; a malformed one is ignored, and reported."""
        try:
            if group.output.type == 'std_msgs/msg/Float64MultiArray':
                times = np.zeros(1)
                rows = np.asarray(message.data, dtype=np.float64)[None]
            else:
                names = message.joint_names
                times = np.array([stamp_ns(p.time_from_start) / NS for p in message.points])
                rows = np.array(
                    [joint_vector(group.joints, names, p.positions) for p in message.points]
                )
            with self._lock:
                self._setpoints.follow(group, self._elapsed_ns / NS, times, rows)
        except DataError as error:
            self.get_logger().error(
                f'command ignored: {error}', throttle_duration_sec=ERROR_PERIOD_S
            )

    def _on_parameters(self, parameters: Sequence[Any]) -> SetParametersResult:
        """Accept a new seed, spread or noise for the next reset, and nothing else."""
        for parameter in parameters:
            if parameter.name not in ('seed', 'spread', 'noise'):
                return SetParametersResult(
                    successful=False, reason=f'"{parameter.name}" is fixed once the sim runs'
                )
            if parameter.value < 0:
                return SetParametersResult(
                    successful=False, reason=f'{parameter.name} must not be negative'
                )
        with self._lock:
            for parameter in parameters:
                if parameter.name == 'seed':
                    self._seed = parameter.value
                elif parameter.name == 'noise':
                    self._noise = float(parameter.value)
                else:
                    self._spread = float(parameter.value)
        return SetParametersResult(successful=True)

    def _on_reset(self, request: Any, response: Any) -> Any:
        """Start a new episode."""
        with self._lock:
            seed = self._reset_robot()
        response.success = True
        response.message = json.dumps({'seed': seed, 'task': self._robot.task})
        return response

    def _check(self) -> None:
        """End the process, loudly, when a thread has failed."""
        failure = self._failure or (self._cameras.failure if self._cameras else None)
        if failure is not None:
            raise ImitationError(f'the simulation stopped: {failure}')

    # The physics thread.

    def _reset_robot(self) -> int:
        """Reset robot, set-points and success; returns the seed used. Needs the lock."""
        seed = self._seed
        self._seed += 1
        self._robot.reset(seed, self._spread)
        self._setpoints.reset(self._contract.home)
        self._action_noise = OrnsteinUhlenbeckNoise(
            self._contract,
            self._noise * self._noise_scale,
            np.random.default_rng([seed, 1]),
            self._contract.joint_states.rate_hz,
        )
        self._say_success(force=True)
        return seed

    def _say_success(self, force: bool = False) -> None:
        """Publish success when it changes."""
        if force or self._robot.success != self._success:
            self._success = self._robot.success
            self._success_pub.publish(Bool(data=self._success))

    def _physics(self) -> None:
        """Run the physics on an absolute schedule."""
        period_s = 1.0 / self._contract.joint_states.rate_hz
        wall_s = period_s / self._p.speed
        due = last = time.perf_counter()
        late = count = 0
        said_wall, said_ns = due, 0
        while not self._stop.is_set():
            with self._lock:
                self._tick(count, period_s)
            count += 1
            due += wall_s
            now = time.perf_counter()
            if now - due > BEHIND_S:
                late, due = late + 1, now
            elif due > now:
                time.sleep(due - now)
            now = time.perf_counter()
            self._ticks.append(now - last)
            last = now
            if now - said_wall >= 1.0:
                factor = (self._elapsed_ns - said_ns) / NS / (now - said_wall)
                self._diagnose(factor, late)
                said_wall, said_ns, late = now, self._elapsed_ns, 0

    def _tick(self, count: int, period_s: float) -> None:
        """One period of physics and the messages that are due."""
        robot = self._robot
        self._elapsed_ns += round(period_s * NS)
        setpoint = self._setpoints.at(self._elapsed_ns / NS)
        # Behind the safety node, so that what it commanded, and what is recorded, stays clean.
        robot.command(setpoint + self._action_noise.step(setpoint, self._contract.home))
        robot.advance(period_s)
        now_ns = self._elapsed_ns if self._virtual else self.get_clock().now().nanoseconds
        self._stamp_ns = now_ns = max(now_ns, self._stamp_ns + 1)
        if self._clock_pub is not None:
            self._clock_pub.publish(Clock(clock=to_time(now_ns)))
        joints = self._contract.joints
        self._joint_pub.publish(to_joint_state(now_ns, joints, robot.q, robot.v))
        for pub, rate_hz in self._pose_pubs:
            if self._due(count, rate_hz):
                pub.publish(to_pose(now_ns, robot.base, robot.object_pose))
        self._say_success()
        if self._cameras is not None:
            due = [c for c in self._contract.cameras if self._due(count, c.rate_hz)]
            self._cameras.draw(now_ns, due)

    def _diagnose(self, factor: float, late: int) -> None:
        """Publish how well the simulation keeps up."""
        slow = factor < 0.95 * self._p.speed
        ticks = 1e3 * np.array(self._ticks)
        cameras = self._cameras
        message = DiagnosticArray()
        message.header.stamp = to_time(self._stamp_ns)
        message.status = [
            status(
                ord(DiagnosticStatus.WARN if slow else DiagnosticStatus.OK),
                'sim',
                'slower than asked' if slow else 'running',
                {
                    'task': self._robot.task,
                    'real_time_factor': f'{factor:.3f}',
                    'tick_p50_ms': f'{np.percentile(ticks, 50):.2f}',
                    'tick_p99_ms': f'{np.percentile(ticks, 99):.2f}',
                    'tick_max_ms': f'{ticks.max():.2f}',
                    'late_ticks': late,
                    'images': cameras.drawn if cameras else 0,
                    'renderer': cameras.renderer if cameras else 'none',
                },
            )
        ]
        self._diagnostics_pub.publish(message)

    def _guard(self) -> None:
        """Run the physics; keep what ended it for `_check`."""
        try:
            self._physics()
        except Exception as error:  # noqa: BLE001  # any failure must end the process, not a thread
            if not self._stop.is_set():
                self._failure = error

    def close(self) -> None:
        """Stop the threads."""
        self._stop.set()
        self._thread.join(timeout=5.0)
        if self._cameras is not None:
            self._cameras.close()


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; see `imitation_ros.nodes.ros.spin.run`."""
    return run(SimNode, args)


if __name__ == '__main__':
    sys.exit(main())
