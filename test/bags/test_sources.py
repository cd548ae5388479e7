# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two sources on one topic are found, whatever their phase; one source never is."""

import numpy as np
import pytest

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.audit.checks import Notes
from imitation_ros.bags.audit.sources import Alternation, JointSources
from imitation_ros.bags.layout import qos_profile
from imitation_ros.bags.reader import Bag
from imitation_ros.bags.topics import recorded
from imitation_ros.bags.writer import BagWriter
from imitation_ros.data.episode import EpisodeMeta

NS = 1_000_000_000
T0 = 1_700_000_000 * NS
WRIST = '/left_wrist_camera/image_raw'


def judge(maker, path, entries):
    with Bag(maker(path / 'pick_0001', sorted(entries, key=lambda e: e[0]))) as bag:
        return audit(bag)


def intruders(entries, topic, after_ns, make, every=2):
    """One more message beside each n-th of a topic."""
    chosen = [e for e in entries if e[1] == topic][::every]
    return [(log_ns + max(after_ns, 0), topic, make(log_ns, after_ns)) for log_ns, *_ in chosen]


@pytest.mark.parametrize('topic', ['/joint_states', '/safety/command'])
@pytest.mark.parametrize('after_ns', [0, 500_000, -500_000])
def test_zeros_of_another_node_reject_with_the_row(
    maker, messages, robot, good_script, tmp_path, topic, after_ns
):
    def zeros(log_ns, after):
        return messages.joint_state(log_ns - 500_000 + after, np.zeros(robot.n))

    result = judge(maker, tmp_path, good_script + intruders(good_script, topic, after_ns, zeros))
    assert result.verdict == 'reject'
    (reason,) = [r for r in result.reasons if 'leap' in r]
    assert reason.startswith(f'{topic}: ') and 'two sources' in reason
    assert '(message ' in reason and ' s ' in reason


def test_another_node_that_says_the_same_numbers_in_another_order(
    maker, messages, robot, good_script, tmp_path
):
    q, names = robot.home[::-1].copy(), robot.joints[::-1]

    def make(log_ns, after):
        return messages.joint_state(log_ns + after, q, names)

    entries = good_script + intruders(good_script, '/joint_states', 700_000, make, every=40)
    result = judge(maker, tmp_path, entries)
    assert result.verdict == 'reject'
    assert any('change the order of their joints 20 times' in r for r in result.reasons)


def test_two_cameras_of_half_the_rate_are_told_by_their_pictures(
    maker, messages, good_script, tmp_path
):
    """The rate is right, as each fills the gaps of the other."""
    entries, number = [], 0
    for log_ns, topic, data in good_script:
        if topic == WRIST:
            number += 1
            noise = np.random.default_rng(number).integers(0, 20, (12, 16, 3), dtype=np.uint8)
            data = messages.image(log_ns - 15_500_000, noise + np.uint8(200 * (number % 2)))
        entries.append((log_ns, topic, data))
    result = judge(maker, tmp_path, entries)
    assert result.verdict == 'warn'
    (reason,) = result.reasons
    assert reason.startswith(f'{WRIST}: ') and 'like the last but one' in reason


def test_too_high_a_rate_warns(maker, messages, good_script, tmp_path):
    def again(log_ns, after):
        return messages.image(log_ns - 15_500_000 + after, picture)

    picture = np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    entries = good_script + intruders(good_script, WRIST, 12_000_000, again, every=1)
    result = judge(maker, tmp_path, entries)
    assert result.verdict == 'warn'
    assert any(f'{WRIST}: 60' in r and 'instead of 30; do two nodes' in r for r in result.reasons)


@pytest.mark.parametrize(('offers', 'verdict'), [(1, 'ok'), (2, 'warn')])
def test_publishers_that_the_bag_knows_of(maker, robot, good_script, tmp_path, offers, verdict):
    """Recorders write one QoS profile for every publisher that was there."""
    path = tmp_path / 'pick_0001'
    channels = [
        (t.name, t.type, (qos_profile(True),) * (offers if t.modality else 3))
        for t in recorded(robot)
    ]
    meta = EpisodeMeta(path.name, outcome='success', contract_hash=robot.hash)
    writer = BagWriter(path, channels, meta, robot, T0)
    maker.write(writer, good_script)
    with Bag(writer.close(meta)) as bag:
        result = audit(bag)
    assert result.verdict == verdict
    told = [r for r in result.reasons if '2 publishers were on it' in r]
    assert len(told) == (5 if offers == 2 else 0)


def found(stamps, values, speed=2.0):
    notes, sources = Notes(), JointSources(('elbow',), np.array([speed]))
    for stamp, value in zip(stamps, values, strict=True):
        sources.push(int(stamp), np.array([float(value)]))
    sources.judge('/joint_states', int(stamps[0]), 0, notes)
    return notes


def test_leaps_are_counted_across_blocks():
    t = np.arange(2000)
    values = np.where(t % 100 == 50, 0.0, 1.0)
    notes = found(t * NS // 200, values)
    (reason,) = notes.reject
    assert '/joint_states: elbow leaps by 1 at 0.250 s (message 50)' in reason
    assert '40 such leaps' in reason


@pytest.mark.parametrize(
    'values',
    [
        2.0 * np.arange(2000) / 200,  # at the limit of its speed
        np.random.default_rng(0).normal(0.0, 0.01, 2000),  # noise
        (np.arange(2000) / 200 + np.pi) % (2 * np.pi) - np.pi,  # wraps around
    ],
)
def test_what_a_joint_can_do_is_no_leap(values):
    notes = found(np.arange(2000) * NS // 200, values)
    assert notes.reject == notes.warn == []


def test_one_leap_is_a_fault_of_an_encoder():
    values = np.ones(600)
    values[300] = 0.0
    notes = found(np.arange(600) * NS // 200, values)
    assert notes.reject == []
    (warning,) = notes.warn
    assert 'elbow leaps by 1 at 1.500 s (message 300)' in warning and '2 such leaps' in warning


@pytest.mark.parametrize('others', [1, 2])
def test_commands_of_two_nodes_alternate(others):
    """Without a robot there are no limits: each is like the last of its own source."""
    rng, notes, alternation = np.random.default_rng(0), Notes(), Alternation()
    for step in range(120):
        own = step % (others + 1) == 0
        alternation.push(np.array([0.5, -0.2]) * own + 0.001 * rng.normal(size=2))
    alternation.judge('/action', 'messages', notes)
    (warning,) = notes.warn
    assert warning.startswith('/action: ') and 'like the last but one' in warning


@pytest.mark.parametrize('entries', [1, 2, 6])
def test_noise_does_not_alternate(entries):
    rng, notes, alternation = np.random.default_rng(0), Notes(), Alternation()
    for _ in range(1000):
        alternation.push(rng.normal(size=entries))
    alternation.judge('/action', 'messages', notes)
    assert notes.warn == []
