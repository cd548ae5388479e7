# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A small run folder: bags of simulated episodes, a dataset, metrics, a policy and trials."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx_models import hold_weights, make_metadata, make_spec, write_policy
import pytest

from imitation_ros.bags.writer import BagWriter
from imitation_ros.contract import Contract
from imitation_ros.conversion.convert import convert
from imitation_ros.data.episode import EpisodeMeta
from imitation_ros.data.proposal import Proposal
from imitation_ros.messages.codec import encode_jpeg
from imitation_ros.messages.definitions import typestore
from imitation_ros.rollout.agents import due, ExpertAgent
from imitation_ros.rollout.command_filters import SafetyCommandFilter
from imitation_ros.rollout.trials import Trial, Trials
from imitation_ros.sim.robot import SimRobot

NS = 1_000_000_000
T0 = 1_700_000_000 * NS
COMMAND_DELAY_NS = 3_000_000
"""How long after the newest observation a command is published."""


class BagRecorder:
    """Serializes what a robot publishes into a bag, with the writer the recorder uses."""

    def __init__(self, path: Path, contract: Contract, meta: EpisodeMeta) -> None:
        self.contract = contract
        kinds = {
            contract.joint_states.topic: 'sensor_msgs/msg/JointState',
            contract.topics.command: 'sensor_msgs/msg/JointState',
            contract.topics.proposal: 'trajectory_msgs/msg/JointTrajectory',
        }
        kinds |= {camera.topic: camera.type for camera in contract.cameras}
        kinds |= {pose.topic: 'geometry_msgs/msg/PoseStamped' for pose in contract.poses}
        self._kinds = kinds
        self._index = {topic: i for i, topic in enumerate(kinds)}
        channels = [(topic, kind, ()) for topic, kind in kinds.items()]
        self._meta = meta
        self._writer = BagWriter(path, channels, meta, contract, T0)

    def close(self) -> Path:
        return self._writer.close(self._meta)

    def make(self, kind: str, **values: Any) -> Any:
        return typestore().types[kind](**values)

    def time(self, ns: int, kind: str = 'Time') -> Any:
        return self.make(f'builtin_interfaces/msg/{kind}', sec=ns // NS, nanosec=ns % NS)

    def write(self, topic: str, stamp_ns: int, sent_ns: int, **values: Any) -> None:
        header = self.make('std_msgs/msg/Header', stamp=self.time(stamp_ns), frame_id='')
        message = self.make(self._kinds[topic], header=header, **values)
        data = bytes(typestore().serialize_cdr(message, self._kinds[topic]))
        self._writer.write(self._index[topic], sent_ns + 200_000, sent_ns, data)

    def joints(self, topic: str, stamp_ns: int, sent_ns: int, q: Any, v: Any) -> None:
        names = list(self.contract.joints)
        self.write(
            topic, stamp_ns, sent_ns, name=names, position=q, velocity=v, effort=np.zeros(0)
        )

    def pose(self, topic: str, ns: int, pose: Any) -> None:
        point = self.make('geometry_msgs/msg/Point', x=pose[0], y=pose[1], z=pose[2])
        turn = self.make(
            'geometry_msgs/msg/Quaternion', x=pose[3], y=pose[4], z=pose[5], w=pose[6]
        )
        both = self.make('geometry_msgs/msg/Pose', position=point, orientation=turn)
        self.write(topic, ns, ns, pose=both)

    def proposal(self, proposal: Proposal, sent_ns: int) -> None:
        points = [
            self.make(
                'trajectory_msgs/msg/JointTrajectoryPoint',
                positions=row,
                velocities=np.zeros(0),
                accelerations=np.zeros(0),
                effort=np.zeros(0),
                time_from_start=self.time(time - proposal.stamp_ns, 'Duration'),
            )
            for time, row in zip(proposal.times_ns, proposal.positions, strict=True)
        ]
        self.write(
            self.contract.topics.proposal,
            proposal.stamp_ns,
            sent_ns,
            joint_names=list(proposal.joints),
            points=points,
        )


def record_expert(
    path: Path, contract: Contract, sim: SimRobot, seed: int, outcome: Any = 'success'
) -> Path:
    """Record an expert who teleoperates the simulated robot through the safety supervisor."""
    meta = EpisodeMeta(
        path.name, sim.task, 'scripted', outcome, contract.name, contract.hash, 'ok'
    )
    bag = BagRecorder(path, contract, meta)
    command_filter, expert = SafetyCommandFilter(contract), ExpertAgent(contract, sim.task)
    sim.reset(seed)
    command_filter.start(T0, sim)
    expert.start(T0, seed, sim)
    command, hz = sim.q, contract.rates.command_hz
    tick = 0
    while not sim.success and tick < 400:
        now = T0 + round(tick * NS / hz)
        bag.joints(contract.joint_states.topic, now, now, sim.q, sim.v)
        if due(tick, 50.0, hz):
            bag.pose(contract.poses[0].topic, now, sim.object_pose)
        if due(tick, 30.0, hz):
            for camera in contract.cameras:
                data = np.frombuffer(encode_jpeg(sim.render(camera.name)), np.uint8)
                bag.write(camera.topic, now, now, format='jpeg', data=data)
        proposal = expert.step(now, tick, sim, command)
        if proposal is not None:
            bag.proposal(proposal, now + 1_000_000)
        command, _, _ = command_filter.step(now, sim, proposal)
        sent = now + COMMAND_DELAY_NS
        bag.joints(contract.topics.command, now, sent, command, np.zeros_like(command))
        sim.command(command)
        sim.advance(1.0 / hz)
        tick += 1
    return bag.close()


@pytest.fixture(scope='session')
def run_folder(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as the demo leaves it, in small: two demonstrations, three trials, two with bags."""
    run = tmp_path_factory.mktemp('runs') / 'small'
    sim = SimRobot(contract, 'reach')
    try:
        demos = [record_expert(run / f'bags/reach_000{i}', contract, sim, i) for i in (1, 2)]
        record_expert(run / 'trial_bags/reach_trial_0001', contract, sim, 100)
        record_expert(run / 'trial_bags/reach_trial_0002', contract, sim, 101, 'failure')
    finally:
        sim.close()
    convert(demos, run / 'dataset')
    (run / 'train').mkdir()
    rows = [
        {
            'update': update,
            'seconds': 0.01 * update,
            'loss': 1.0 / update,
            'held_out_loss': 1.5 / update,
            'held_out_mae': 0.5 / update,
            'hold_mae': 0.08,
            'lr': 1e-3,
            'data_ms': 0.5,
            'step_ms': 4.0,
        }
        for update in (50, 100, 150, 200)
    ]
    text = ''.join(json.dumps(row) + '\n' for row in rows)
    (run / 'train/metrics.jsonl').write_text(text)
    spec = make_spec()
    metadata = make_metadata(contract, spec)
    metadata['parity'] = {'max_abs_difference': 6.5e-7, 'recorded': 256, 'random': 99}
    write_policy(run / 'policy.onnx', spec, metadata, [hold_weights(spec)])
    Trials(
        'reach',
        'nodes',
        (
            Trial(100, True, 1.1, 1.1, {'velocity': 3}, 'ACTIVE', bag='reach_trial_0001'),
            Trial(101, False, 4.0, None, {}, 'ACTIVE', 'time over', 'reach_trial_0002'),
            Trial(102, True, 0.9, 0.9, {'velocity': 1, 'collision': 2}, 'ACTIVE'),
        ),
        horizon_s=4.0,
    ).write(run / 'trials.json')
    findings = [
        {'episode': 'reach_0001', 'verdict': 'ok', 'reasons': []},
        {
            'episode': 'reach_0002',
            'verdict': 'warn',
            'reasons': ['/joint_states: 100 Hz, not 200'],
        },
        {'episode': 'reach_0003', 'verdict': 'reject', 'reasons': ['cut off']},
    ]
    (run / 'audit.json').write_text(json.dumps(findings))
    (run / 'timing.json').write_text(json.dumps({'record': 61.5, 'train': 42.0, 'deploy': 80.25}))
    return run
