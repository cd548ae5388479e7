# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Real-time scheduling: claimed where it is permitted, refused in words where it is not."""

import os
import threading
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from imitation_ros.errors import ImitationError
from imitation_ros.nodes.safety import realtime as _realtime
from imitation_ros.nodes.safety.node import Parameters

pytestmark = pytest.mark.ros


def forbid(*_: Any) -> None:
    raise PermissionError(1, 'Operation not permitted')


def test_never_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, 'sched_setscheduler', forbid)
    assert _realtime.claim('never', pytest.fail) is False


def test_what_is_not_permitted_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, 'sched_setscheduler', forbid)
    said: list[str] = []
    assert _realtime.claim('auto', said.append) is False
    assert 'not permitted' in said[0] and 'rtprio' in said[0]
    with pytest.raises(ImitationError, match='rtprio'):
        _realtime.claim('required', said.append)


def test_it_is_claimed_for_one_thread() -> None:
    found: list[tuple[bool, int]] = []
    here = os.sched_getscheduler(0)

    def work() -> None:
        claimed = _realtime.claim('auto', lambda _: None)
        found.append((claimed, os.sched_getscheduler(0)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    ((claimed, policy),) = found
    assert (policy == os.SCHED_FIFO) is claimed
    assert os.sched_getscheduler(0) == here


def test_a_mode_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match='never, auto, required'):
        Parameters(realtime='always')
