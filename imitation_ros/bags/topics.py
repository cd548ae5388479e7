# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The topics of a contract that belong in a bag, and what is expected of each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..contract import Contract, Qos
from ..data.frame import JOINT_STATES

DEFAULT = Qos(depth=10)

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
TOPIC_SUFFIX = '/compressed'
"""Of the topic that carries an image topic compressed, as image_transport names it."""

COMMAND = 'command'
"""Modality of the safety node's commands, the actions of a dataset."""

DRIVER = 'std_msgs/msg/Header'
"""Type of the topic that says who drives: `frame_id` is policy, operator or nobody."""


@dataclass(frozen=True)
class Topic:
    """One topic that is recorded.

    Attributes:
        name: Name of the topic.
        type: Message type, such as `sensor_msgs/msg/JointState`.
        modality: Name of the modality it carries, or '' if it carries none.
        rate_hz: Expected rate [Hz]; None if messages come on events.
        required: Whether an episode is worth nothing without it.
        qos: Quality of service asked for until a publisher is found.
        latched: Whether the last message waits for late subscribers.
        stamped: Whether the message starts with a std_msgs/Header.
        described: Whether a contract tells what it should be like.
        steady: Whether too few messages, or a pause, make an episode worthless.
    """

    name: str
    type: str
    modality: str = ''
    rate_hz: float | None = None
    required: bool = False
    qos: Qos = DEFAULT
    latched: bool = False
    stamped: bool = True
    described: bool = True
    steady: bool = True


def recorded(contract: Contract) -> tuple[Topic, ...]:
    """Every topic that is recorded for a contract: what a policy sees, does, and the context."""
    state, observed, acted = contract.joint_states, contract.observed, contract.acted
    joint_state, flag = 'sensor_msgs/msg/JointState', 'std_msgs/msg/Bool'
    topics = [
        Topic(
            state.topic,
            joint_state if observed is None else observed.type,
            JOINT_STATES,
            state.rate_hz,
            True,
            state.qos,
            stamped=observed is None or observed.stamps == 'header',
            steady=observed is None,
        )
    ]
    topics += [
        Topic(camera.topic, camera.type, camera.name, camera.rate_hz, True, camera.qos)
        for camera in contract.cameras
    ]
    topics += [
        Topic(pose.topic, 'geometry_msgs/msg/PoseStamped', pose.name, pose.rate_hz, True, pose.qos)
        for pose in contract.poses
    ]
    names = contract.topics
    if acted is not None:
        # Without a robot there is no grid: every action is one step, at whatever rate.
        action = Topic(
            acted.topic,
            acted.type,
            COMMAND,
            contract.rates.policy_hz,
            True,
            stamped=acted.stamps == 'header',
            steady=False,
        )
        return (*topics, action)
    command_hz = contract.rates.command_hz
    topics += [
        Topic(names.command, joint_state, COMMAND, command_hz, True, Qos(depth=100)),
        Topic(names.proposal, 'trajectory_msgs/msg/JointTrajectory'),
        Topic(names.verdict, 'diagnostic_msgs/msg/DiagnosticArray'),
        Topic(names.estop, flag, stamped=False),
        Topic(names.gate, 'std_msgs/msg/String', stamped=False),
        Topic(names.driver, DRIVER),
        Topic('/safety/state', 'std_msgs/msg/String', latched=True, stamped=False),
        Topic('/leader/joint_states', joint_state, qos=Qos(depth=100)),
        Topic('/leader/deadman', flag, stamped=False),
        Topic('/joy', 'sensor_msgs/msg/Joy'),
        Topic('/sim/success', flag, latched=True, stamped=False),
        Topic('/clock', 'rosgraph_msgs/msg/Clock', qos=Qos(depth=100), stamped=False),
    ]
    unique = {topic.name: topic for topic in reversed(topics)}
    return tuple(topic for topic in topics if unique[topic.name] is topic)


def as_recorded(contract: Contract, types: Mapping[str, str]) -> Contract:
    """The contract with the cameras' topics as a bag has them: compressed on the way, or not.

    Its text and hash stay those of the robot's contract.

    Args:
        contract: The contract.
        types: Message type of each topic of the bag.
    """
    cameras = []
    for camera in contract.cameras:
        other, kind = f'{camera.topic}{TOPIC_SUFFIX}', COMPRESSED
        if camera.type == COMPRESSED:
            other, kind = camera.topic.removesuffix(TOPIC_SUFFIX), IMAGE
        if camera.topic not in types and types.get(other) == kind:
            camera = camera.model_copy(update={'topic': other, 'type': kind})
        cameras.append(camera)
    if tuple(cameras) == contract.cameras:
        return contract
    return replace(contract, cameras=tuple(cameras))
