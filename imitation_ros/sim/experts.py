# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scripted experts: operators that solve the tasks, for demonstrations and for tests."""

from .tasks.expert import Expert, OBJECT
from .tasks.handover import HandoverExpert
from .tasks.lift import LiftExpert
from .tasks.pick_place import PickPlaceExpert, TwoBinsExpert
from .tasks.reach import ReachExpert
from .tasks.stand import StandExpert
from .tasks.tray_balance import TrayBalanceExpert

__all__ = ['EXPERTS', 'OBJECT', 'Expert']

EXPERTS: dict[str, type[Expert]] = {
    'reach': ReachExpert,
    'lift': LiftExpert,
    'pick_place': PickPlaceExpert,
    'two_bins': TwoBinsExpert,
    'handover': HandoverExpert,
    'tray_balance': TrayBalanceExpert,
    'stand': StandExpert,
}
"""The expert of each task."""
