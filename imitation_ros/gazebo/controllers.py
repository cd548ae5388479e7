# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ros2_control's side of the contract: one controller per output group.

https://control.ros.org: a joint_trajectory_controller listens on
/<controller>/joint_trajectory, a forward_command_controller on /<controller>/commands.
"""

import re
from typing import Any

from ..contract import Contract, Group
from ..errors import ContractError

BROADCASTER = 'joint_state_broadcaster'

KINDS = {
    'trajectory_msgs/msg/JointTrajectory': (
        'joint_trajectory',
        'joint_trajectory_controller/JointTrajectoryController',
    ),
    'std_msgs/msg/Float64MultiArray': (
        'commands',
        'forward_command_controller/ForwardCommandController',
    ),
}
"""Last part of a controller's topic, and its type, by the message it takes."""


def controller_name(group: Group) -> str:
    """Name of the controller that listens on a group's topic.

    Raises:
        ContractError: If no controller of ros2_control could listen there.
    """
    ending, _ = KINDS[group.output.type]
    found = re.fullmatch(rf'/(\w+)/{ending}', group.output.topic)
    if found is None:
        raise ContractError(
            f'groups.{group.name}.output.topic: ros2_control listens for {group.output.type} on '
            f'/<controller>/{ending}, not on {group.output.topic}'
        )
    return found[1]


def controllers(contract: Contract) -> dict[str, Any]:
    """Parameters of the controller manager and its controllers, as their YAML file holds them.

    Args:
        contract: The robot. Its joint states' rate is the rate of the controllers, too.
    """
    manager: dict[str, Any] = {
        'update_rate': round(contract.joint_states.rate_hz),
        'use_sim_time': True,
        BROADCASTER: {'type': 'joint_state_broadcaster/JointStateBroadcaster'},
    }
    result: dict[str, Any] = {'controller_manager': {'ros__parameters': manager}}
    for group in contract.groups:
        name = controller_name(group)
        ending, kind = KINDS[group.output.type]
        manager[name] = {'type': kind}
        parameters: dict[str, Any] = {'type': kind, 'joints': list(group.joints)}
        if ending == 'joint_trajectory':
            parameters |= {
                'command_interfaces': ['position'],
                'state_interfaces': ['position', 'velocity'],
                # Set-points are streamed: a trajectory may end in motion, for the next one is
                # on its way (or its brake tail is in it).
                'allow_nonzero_velocity_at_trajectory_end': True,
                'allow_partial_joints_goal': True,
            }
        else:
            parameters['interface_name'] = 'position'
        result[name] = {'ros__parameters': parameters}
    return result
