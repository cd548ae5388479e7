# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""imitation_ros: teach a humanoid by showing it.

The public names, each imported when it is first used (docs/library.md):

- the robot: `Contract`, `load_contract`
- recordings and datasets: `Bag`, `audit`, `convert`, `collect`, `Dataset`
- a policy: `train`, `export`, and its one file as a function, `Policy`
- between every proposal and the robot: `SafetyFilter`
- what a policy is worth: `rollout`, `evaluate`, `compare`
- what can go wrong: `errors`

A map of the package, from the bottom up; a layer imports only layers below it.

    errors, resources     what can go wrong; where our files are
    plugins               what other distributions add, by entry points
    files, documents      files replaced whole; the gate for YAML, JSON, XML of others
    names                 plain path components out of what files say
    files, documents      one place each that writes a file, and that reads one of others
    version               the version, which imports nothing
    lifetime, domain      when a process of ours ends; the ROS graph it joins
    linkage, urdf         a URDF: one tree of links, its joints and limits
    contract              one YAML per robot, checked against its URDF
    data                  frames, the one resampler, episodes, datasets (numpy only)
    kinematics            Pinocchio models in contract order, inverse kinematics
    messages              ROS message bytes to arrays and back, live and from bags
    bags                  rosbag2 bags: reader, writer, audit, repair, edit
    lerobot               LeRobot datasets, written and read without lerobot
    runtime               policy.onnx: load, check against the robot, run (no torch)
    safety                the filter between every proposal and the robot
    teleop                leader arms, keyboard, gamepad to proposals
    sim                   MuJoCo humanoid, tasks, scripted experts, perturbations, cameras
    recording             sessions, takes, compression, the check before the first take
    conversion            bags to a dataset; the contract of a bag without a robot
    gazebo                the contract's robot in Gazebo: URDF, controllers, bridges, world
    policies, training    Behavioural Cloning, ACT, flow matching, diffusion (torch)
    rollout               the closed loop of robot, command filter and agent, without ROS
    irl                   inverse RL: GAIL, AIRL, IQ-Learn, CSIL, MaxEnt; bags or simulation
    learning              one call from a dataset to a policy, by any method
    export                checkpoint to policy.onnx, with proof of parity
    evaluation            closed loop, offline error, comparisons, safety streams: measures
    reports               pages, plots and templates: reads results, measures nothing
    api                   the public functions, of plain arguments
    nodes                 the ROS 2 nodes, the only rclpy
    cli                   `imitation_ros record | audit | convert | train | ...`
"""

from importlib import import_module
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from . import errors
    from .api.learned import export, train
    from .api.measured import compare, evaluate, rollout
    from .api.recorded import audit, collect, convert
    from .bags.reader import Bag
    from .contract.loading import load as load_contract
    from .contract.robot import Contract
    from .data.store import Dataset
    from .runtime.policy import Policy
    from .safety.filter import SafetyFilter

__all__ = [
    'Bag',
    'Contract',
    'Dataset',
    'Policy',
    'SafetyFilter',
    '__version__',
    'audit',
    'collect',
    'compare',
    'convert',
    'errors',
    'evaluate',
    'export',
    'load_contract',
    'rollout',
    'train',
]

_WHERE = {
    'Bag': 'bags.reader',
    'Contract': 'contract.robot',
    'Dataset': 'data.store',
    'Policy': 'runtime.policy',
    'SafetyFilter': 'safety.filter',
    'audit': 'api.recorded',
    'collect': 'api.recorded',
    'compare': 'api.measured',
    'convert': 'api.recorded',
    'evaluate': 'api.measured',
    'export': 'api.learned',
    'load_contract': 'contract.loading',
    'rollout': 'api.measured',
    'train': 'api.learned',
}
"""Module that each public name is imported from."""

_SAME = {'load_contract': 'load'}
"""Public names that are called otherwise where they live."""


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used (PEP 562)."""
        if name == 'errors':
            return import_module(f'{__name__}.errors')
        if name not in _WHERE:
            raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
        module = import_module(f'{__name__}.{_WHERE[name]}')
        value = getattr(module, _SAME.get(name, name))
        setattr(sys.modules[__name__], name, value)
        return value


def __dir__() -> list[str]:
    """List the public names, and whatever was imported of the package."""
    return sorted({*__all__, *globals()})


class _Package(ModuleType):
    """This package, in which two rooms share their names with public functions."""

    def __setattr__(self, name: str, value: object) -> None:
        """Keep `export` and `rollout` the functions: an import would bind the rooms there."""
        if not (name in _WHERE and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
