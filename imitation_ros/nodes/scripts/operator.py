# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A scripted operator: moves a leader and works the recorder as a person would.

It uses the topics and services of a person's station and nothing else: it reads the joint states
and the object's pose, moves a leader (`/leader/joint_states`, `/leader/deadman`), and starts,
marks and stops the recorder. The leader starts where the robot stands when the dead-man is
pressed, as a person brings it there.

`python -m imitation_ros.nodes.scripts.operator --ros-args -p task:=lift -p episodes:=20`
"""

from collections.abc import Sequence
from dataclasses import dataclass
import json
import sys

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from ... import contract as contracts
from ...sim.experts import EXPERTS
from ...sim.tasks import TASKS
from ..ros.messages import to_joint_state
from ..ros.parameters import declare
from .clients import Clients, run_script
from .episode_harness import Stage

NS = 1_000_000_000
RATE_HZ = 50.0
"""Rate of the leader [Hz]."""
LATE_NS = 100_000_000
LINGER_S = 0.3
"""How long the operator keeps still after success, so that the end is in the recording [s]."""


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node.

    Attributes:
        contract: Name or path of the contract.
        task: Task to demonstrate.
        episodes: Good episodes wanted.
        seed: Seed of the first attempt; each further one takes the next.
        noise: Shake the simulated servos by this much [rad] while demonstrating; the commands that
            are recorded stay clean (DART).
        max_attempts: Attempts before giving up; 0 is twice the episodes.
        time_limit_s: Time after which an attempt has failed [s]; 0 is the task's.
        timeout_s: Longest wait for a node or a service [s].
    """

    contract: str = 'imi_humanoid'
    task: str = 'lift'
    episodes: int = 20
    seed: int = 0
    noise: float = 0.0
    max_attempts: int = 0
    time_limit_s: float = 0.0
    timeout_s: float = 20.0

    def __post_init__(self) -> None:
        """Check the task and the counts."""
        TASKS.find(self.task, ValueError)
        if self.episodes < 1 or self.max_attempts < 0 or self.seed < 0:
            raise ValueError(
                f'episodes {self.episodes} >= 1, max_attempts {self.max_attempts} >= 0 and seed '
                f'{self.seed} >= 0 must hold'
            )
        if not 0.0 <= self.noise < 1.0:
            raise ValueError(f'noise {self.noise} must be from 0 to 1 rad')
        if self.time_limit_s < 0 or self.timeout_s <= 0:
            raise ValueError('time_limit_s must not be negative, timeout_s must be positive')


@dataclass(frozen=True)
class Take:
    """How one attempt went.

    Attributes:
        seed: Seed of the scene.
        success: Whether the task's rule held.
        duration_s: Time of the motion [s].
        verdict: The audit's verdict of the bag.
        episode: Name of the bag.
        reasons: Why the verdict is not ok.
        interventions: Interventions of the safety node, by rule.
    """

    seed: int
    success: bool
    duration_s: float
    verdict: str
    episode: str
    reasons: tuple[str, ...]
    interventions: dict[str, int]

    @property
    def good(self) -> bool:
        """Whether it counts as a demonstration."""
        return self.success and self.verdict in ('ok', 'warn')


class Operator:
    """Demonstrates a task again and again."""

    def __init__(self, node: Node, clients: Clients) -> None:
        """Read the parameters and subscribe."""
        self.parameters = declare(node, Parameters)
        self.contract = contracts.load(self.parameters.contract)
        self._clients = clients
        self._stage = Stage(node, self.contract, clients)
        self._leader = node.create_publisher(JointState, '/leader/joint_states', 10)
        self._deadman = node.create_publisher(Bool, '/leader/deadman', 10)
        self._expert = EXPERTS.find(self.parameters.task)(self.contract)
        clients.expect(*(f'/recorder/{verb}' for verb in ('start', 'stop', 'success', 'failure')))

    def run(self) -> int:
        """Record the episodes; return the exit code."""
        parameters = self.parameters
        most = parameters.max_attempts or 2 * parameters.episodes
        self._clients.wait_for_reader('/leader/joint_states', parameters.timeout_s)
        self._clients.set_parameter('/recorder', 'task', parameters.task, parameters.timeout_s)
        self._clients.set_parameter('/sim', 'noise', parameters.noise, parameters.timeout_s)
        with self._stage.leaving(parameters.timeout_s):
            return self._record(most)

    def _record(self, most: int) -> int:
        """Make attempts until there are enough good episodes; return the exit code."""
        parameters = self.parameters
        good, bad = 0, 0
        for attempt in range(most):
            started_ns = self._stage.now_ns
            take = self._take(parameters.seed + attempt)
            good, bad = good + take.good, bad + (not take.good)
            rules = ', '.join(f'{rule} {count}' for rule, count in take.interventions.items())
            overhead_s = (self._stage.now_ns - started_ns) / NS - take.duration_s
            why = f' ({take.reasons[0]})' if take.reasons else ''
            print(
                f'episode {good}/{parameters.episodes}  {take.episode}  seed {take.seed}  '
                f'{take.duration_s:.1f} s (+{overhead_s:.1f} s)'
                f'  {"success" if take.success else "failure"}  audit {take.verdict}{why}'
                f'  interventions {rules or "0"}',
                flush=True,
            )
            if good == parameters.episodes:
                return 0
        print(
            f'error: operator: {good} of {parameters.episodes} episodes are good after {most} '
            f'attempts ({bad} failed or rejected)',
            file=sys.stderr,
            flush=True,
        )
        return 1

    def _take(self, seed: int) -> Take:
        """Make one attempt, from reset to the recorder's verdict."""
        wait = self.parameters.timeout_s
        call = self._clients.call_trigger
        self._stage.prepare(seed, self.parameters.task, wait)
        self._clients.insist('/recorder/start', wait)
        self._stage.count_interventions()
        try:
            success, duration_s = self._demonstrate(seed)
        except BaseException:
            self._deadman.publish(Bool(data=False))
            # What was recorded is kept, as a failure: discarding is a person's decision.
            self._clients.resume()
            call('/recorder/failure', wait)
            call('/recorder/stop', wait)
            raise
        interventions = self._stage.intervened()
        call('/recorder/success' if success else '/recorder/failure', wait)
        answer = json.loads(call('/recorder/stop', wait))
        self._deadman.publish(Bool(data=False))
        return Take(
            seed=seed,
            success=success,
            duration_s=duration_s,
            verdict=str(answer['verdict']),
            episode=str(answer['episode']),
            reasons=tuple(answer.get('reasons', ())),
            interventions=interventions,
        )

    def _demonstrate(self, seed: int) -> tuple[bool, float]:
        """Move the leader until success or the time limit; return success and duration [s]."""
        stage = self._stage
        limit_s = self.parameters.time_limit_s or TASKS[self.parameters.task].time_limit_s
        period_ns = round(NS / RATE_HZ)
        start = tick = stage.now_ns
        self._expert.reset(stage.command, np.random.default_rng(seed))
        success_ns: int | None = None
        while True:
            self._expert.observe(stage.q)
            q = self._expert.step(stage.command, stage.poses, 1.0 / RATE_HZ)
            self._deadman.publish(Bool(data=True))
            self._leader.publish(to_joint_state(tick, self.contract.joints, q))
            if stage.success and success_ns is None:
                success_ns = tick
            if success_ns is not None and tick - success_ns >= LINGER_S * NS:
                return True, (tick - start) / NS
            if success_ns is None and tick - start > limit_s * NS:
                return False, (tick - start) / NS
            if not stage.check():
                return False, (tick - start) / NS
            tick += period_ns
            if stage.now_ns - tick > LATE_NS:
                tick = stage.now_ns  # a machine that stood still: go on from here
            stage.sleep_until(tick)


def main(args: Sequence[str] | None = None) -> int:
    """Run the operator until its episodes are recorded."""
    return run_script('operator', lambda node, clients: Operator(node, clients).run(), args)


if __name__ == '__main__':
    sys.exit(main())
