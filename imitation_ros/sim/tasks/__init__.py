# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tasks: one file each, with its objects, its success rule and its expert."""

from ...plugins import own_name, Registry
from ..task import Task
from .handover import HANDOVER
from .lift import LIFT
from .pick_place import PICK_PLACE, TWO_BINS
from .reach import REACH
from .stand import STAND
from .tray_balance import TRAY_BALANCE

__all__ = ['TASKS', 'Task']

TASKS: Registry[Task] = Registry(
    'tasks',
    'task',
    {
        task.name: task
        for task in (REACH, LIFT, PICK_PLACE, TWO_BINS, HANDOVER, TRAY_BALANCE, STAND)
    },
    Task,
    own_name,
)
"""Every task by name."""
