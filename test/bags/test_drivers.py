# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who drove in a bag: what the audit tells, and which frames of the dataset are marked."""

from dataclasses import replace

import numpy as np
import pytest

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.authority import Drivers
from imitation_ros.bags.reader import Bag
from imitation_ros.conversion.convert import convert
from imitation_ros.data.store import Dataset
from imitation_ros.errors import DataError

NS = 1_000_000_000
T0 = 1_700_000_000 * NS
STEP = 40_000_000


def who(t: float) -> str:
    """The operator takes over at 0.6 s and at 1.4 s; in between the teleoperation is lost."""
    if t < 0.6:
        return 'policy'
    if t < 1.0:
        return 'operator'
    if t < 1.2:
        return 'nobody'
    return 'policy' if t < 1.4 else 'operator'


@pytest.fixture(scope='module')
def bag(maker, good_script, tmp_path_factory):
    ticks = [
        (T0 + k * STEP + 1_000_000, '/driver', maker.messages.driver(T0 + k * STEP, who(k * 0.04)))
        for k in range(50)
    ]
    entries = sorted([*good_script, *ticks], key=lambda entry: entry[0])
    return maker(tmp_path_factory.mktemp('session') / 'lift_0001', entries)


def test_the_audit_counts_takeovers(bag, good_bag):
    with Bag(bag) as opened:
        found = audit(opened)
    assert found.verdict == 'ok', found.reasons
    assert found.takeovers == 2
    assert found.operator_share == pytest.approx((10 + 15) / 50)
    assert found.to_dict()['takeovers'] == 2
    with Bag(good_bag) as opened:
        found = audit(opened)
    assert (found.takeovers, found.operator_share) == (0, None)


def test_frames_say_who_drove_until_the_action(bag, good_bag, tmp_path):
    manifest = convert([bag, good_bag], tmp_path / 'set')
    corrected, shown = Dataset(tmp_path / 'set').episodes()
    since = (corrected.tick_ns - T0) / NS
    # From the tick to one step later it must have been the operator throughout.
    expected = [who(t) == 'operator' == who(t + 0.04) and t + 0.04 < 2.08 for t in since]
    np.testing.assert_array_equal(corrected.by_operator, expected)
    assert shown.by_operator is None
    first, second = manifest.provenance.episodes
    assert first['by_operator'] == sum(expected) > 15
    assert 'by_operator' not in second


def test_a_word_on_who_drives_grows_stale():
    drivers = Drivers([0, STEP, 2 * STEP], ['policy', 'operator', 'operator'])
    times = np.arange(-1, 8) * STEP
    np.testing.assert_array_equal(
        drivers.at(times, 3 * STEP), [False, False, True, True, True, True, True, False, False]
    )
    assert Drivers().share is None


def test_marks_of_another_length_are_refused(bag, tmp_path):
    convert([bag], tmp_path / 'set')
    episode = Dataset(tmp_path / 'set').episode(0)
    with pytest.raises(DataError, match='by_operator has 3 steps, the episode'):
        replace(episode, by_operator=np.ones(3, dtype=bool))
