# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a bag shows: pictures, commands and latencies of a recorded, simulated episode."""

from pathlib import Path

import numpy as np
import pytest

from imitation_ros.bags.reader import Bag
from imitation_ros.contract import Contract
from imitation_ros.errors import ContractError
from imitation_ros.reports.recordings import latencies_of_bag, strip_of_bag, trace_of_bag

pytestmark = pytest.mark.sim


@pytest.fixture
def bag(run_folder: Path) -> Bag:
    return Bag(run_folder / 'bags' / 'reach_0001')


def test_a_strip_shows_the_largest_camera_from_start_to_end(bag: Bag, contract: Contract) -> None:
    strip = strip_of_bag(bag, frames=5)
    camera = contract.camera('head_camera')
    assert strip.camera == 'head_camera'
    assert strip.images.shape == (5, camera.height, camera.width, 3)
    assert strip.times_s[0] == 0.0
    assert strip.times_s[-1] == pytest.approx((bag.end_ns - bag.start_ns) / 1e9, abs=0.06)
    moved = np.abs(strip.images[0].astype(int) - strip.images[-1].astype(int)).max(axis=2) > 40
    assert moved.mean() > 0.01, 'the arm that moved must be seen to have moved'


def test_a_strip_of_a_camera_by_name(bag: Bag) -> None:
    assert strip_of_bag(bag, 'left_wrist_camera').camera == 'left_wrist_camera'
    with pytest.raises(ContractError, match='head_camera'):
        strip_of_bag(bag, 'head')


def test_a_trace_holds_what_was_asked_and_sent(bag: Bag, contract: Contract) -> None:
    trace = trace_of_bag(bag)
    assert trace.joints == contract.joints
    assert len(trace.times_s) == bag.counts[contract.topics.command]
    np.testing.assert_allclose(np.diff(trace.times_s), 0.01, atol=1e-6)
    elbow = contract.index('right_elbow_joint')
    # The expert is never altered, so what was sent follows what was asked, one fade later.
    both = np.isfinite(trace.asked[:, elbow])
    assert both[5:].all()
    assert np.ptp(trace.sent[:, elbow]) > 0.05
    assert np.abs(trace.asked - trace.sent)[both].max() < 0.1
    assert np.abs(trace.measured - trace.sent).max() < 0.25


def test_latency_is_from_the_observation_to_the_command_that_follows(bag: Bag) -> None:
    latencies = latencies_of_bag(bag)
    # The fixture publishes each command 3 ms after the newest observation.
    assert len(latencies) == bag.counts[bag.contract.topics.proposal]
    assert latencies == pytest.approx([3.0] * len(latencies))
