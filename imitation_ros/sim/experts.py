# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scripted experts: operators that solve the tasks, for demonstrations and for tests."""

from collections.abc import Callable
from typing import Any

from ..contract import Contract
from ..plugins import Registry
from .tasks.expert import Expert, OBJECT
from .tasks.handover import HandoverExpert
from .tasks.lift import LiftExpert
from .tasks.pick_place import PickPlaceExpert, TwoBinsExpert
from .tasks.reach import ReachExpert
from .tasks.stand import StandExpert
from .tasks.tray_balance import TrayBalanceExpert

__all__ = ['EXPERTS', 'OBJECT', 'Expert']


def _callable(name: str, thing: Any) -> str:
    return '' if callable(thing) else f'it makes no expert: a {type(thing).__name__}'


EXPERTS: Registry[Callable[[Contract], Expert]] = Registry(
    'experts',
    'task with an expert',
    {
        'reach': ReachExpert,
        'lift': LiftExpert,
        'pick_place': PickPlaceExpert,
        'two_bins': TwoBinsExpert,
        'handover': HandoverExpert,
        'tray_balance': TrayBalanceExpert,
        'stand': StandExpert,
    },
    fits=_callable,
)
"""The expert of each task: from the robot to an operator."""
