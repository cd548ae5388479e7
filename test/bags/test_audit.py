# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Each fault of a take has its verdict and its sentence."""

import json

import numpy as np
import pytest

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.audit.frozen import carriers
from imitation_ros.bags.reader import Bag
from imitation_ros.bags.topics import recorded
from imitation_ros.data.episode import EpisodeMeta
from imitation_ros.errors import DataError
from imitation_ros.messages import codec, joints
from imitation_ros.messages.definitions import decode, typestore
from imitation_ros.messages.joints import JointReader

NS = 1_000_000_000
T0 = 1_700_000_000 * NS
HEAD = '/head_camera/image_raw/compressed'
WRIST = '/left_wrist_camera/image_raw'


def judge(maker, path, entries, meta=None):
    with Bag(maker(path / 'pick_0001', entries, meta)) as bag:
        return audit(bag)


def during(entries, topic, start, end):
    """Entries of a topic received between two times [s]."""
    low, high = T0 + start * NS, T0 + end * NS
    return [e for e in entries if e[1] == topic and low <= e[0] < high]


def test_healthy_bag_is_ok(good_bag):
    with Bag(good_bag) as bag:
        result = audit(bag)
    assert result.verdict == 'ok'
    assert result.reasons == ()
    topics = {topic.name: topic for topic in result.topics}
    assert topics['/joint_states'].rate_hz == pytest.approx(200.0)
    assert topics[HEAD].rate_hz == pytest.approx(30.0)
    assert topics[HEAD].gaps == 0
    assert 0.02 <= topics[HEAD].delay_s < 0.022
    assert json.loads(json.dumps(result.to_dict()))['verdict'] == 'ok'
    rows = list(result.rows())
    assert all(len(row) == len(result.HEADINGS) for row in rows)
    assert rows[0][:3] == ('/joint_states', '400', '200.0')


def test_missing_camera_rejects(maker, good_script, tmp_path):
    result = judge(maker, tmp_path, [e for e in good_script if e[1] != HEAD])
    assert result.verdict == 'reject'
    assert f'{HEAD}: nothing recorded (sensor_msgs/msg/CompressedImage)' in result.reasons


def test_one_gap_warns_five_reject(maker, tmp_path):
    entries = maker.script(seconds=4.0)
    one = set(during(entries, HEAD, 1.0, 1.2))
    result = judge(maker, tmp_path / 'a', [e for e in entries if e not in one])
    assert result.verdict == 'warn'
    assert any('1 gap over 100 ms' in reason for reason in result.reasons)
    five = {e for k in range(5) for e in during(entries, HEAD, 0.5 + 0.6 * k, 0.7 + 0.6 * k)}
    result = judge(maker, tmp_path / 'b', [e for e in entries if e not in five])
    assert result.verdict == 'reject'
    assert any('5 gaps over 100 ms' in reason for reason in result.reasons)


def test_camera_that_dies_rejects(maker, tmp_path):
    entries = maker.script(seconds=4.0)
    dead = set(during(entries, WRIST, 2.0, 9.0))
    result = judge(maker, tmp_path, [e for e in entries if e not in dead])
    assert result.verdict == 'reject'
    assert any(reason.startswith(WRIST) and '1 gap over' in reason for reason in result.reasons)


def test_late_messages_are_no_gap(maker, good_script, tmp_path):
    late = [
        (e[0] + NS // 5 if e[1] == HEAD and e[0] > T0 + NS else e[0], *e[1:]) for e in good_script
    ]
    result = judge(maker, tmp_path, sorted(late, key=lambda e: e[0]))
    assert result.verdict == 'ok'
    head = next(topic for topic in result.topics if topic.name == HEAD)
    assert head.delay_s > 0.2


def test_frozen_camera_rejects(maker, messages, good_script, tmp_path):
    frozen = messages.compressed
    pixels = np.full((12, 16, 3), 7, np.uint8)
    entries, stamps = [], iter(range(10**6))
    for log_ns, topic, data in good_script:
        if topic == HEAD and T0 + 0.8 * NS < log_ns < T0 + 1.6 * NS:
            data = frozen(log_ns - 20_000_000 - next(stamps) % 2, pixels)
        entries.append((log_ns, topic, data))
    result = judge(maker, tmp_path, entries)
    assert result.verdict == 'reject'
    (reason,) = [reason for reason in result.reasons if 'same picture' in reason]
    assert reason.startswith(HEAD)
    assert 'perhaps' not in reason


def test_still_picture_of_a_still_robot_is_fine(maker, messages, robot, tmp_path):
    entries = []
    pixels = np.full((12, 16, 3), 7, np.uint8)
    for log_ns, topic, data in maker.script():
        if topic == HEAD:
            data = messages.compressed(log_ns - 20_000_000, pixels)
        elif topic in ('/joint_states', '/safety/command'):
            data = messages.joint_state(log_ns - 500_000, robot.home)
        entries.append((log_ns, topic, data))
    result = judge(maker, tmp_path, entries)
    assert result.reasons == ('the robot did not move',)
    assert result.verdict == 'warn'


def test_camera_out_of_whose_view_the_robot_moves_only_warns(maker, messages, robot, tmp_path):
    """A simulated wrist camera on an arm at rest sees the same picture, rightly."""
    pixels = np.full((12, 16, 3), 7, np.uint8)
    own = carriers(robot, 'left_wrist_camera')
    assert 'left_wrist_roll_joint' in [robot.joints[i] for i in own]
    assert 'waist_yaw_joint' in [robot.joints[i] for i in own]
    assert 'right_elbow_joint' not in [robot.joints[i] for i in own]

    def make(rest):
        for log_ns, topic, data in maker.script():
            t = (log_ns - T0) / NS
            q = robot.home + 0.1 * np.sin(2.0 * t)
            q[list(rest)] = robot.home[list(rest)]
            if topic == WRIST:
                data = messages.image(log_ns - 15_000_000, pixels)
            elif topic in ('/joint_states', '/safety/command'):
                data = messages.joint_state(log_ns - 500_000, q)
            yield log_ns, topic, data

    result = judge(maker, tmp_path / 'rest', list(make(own)))
    assert result.verdict == 'warn'
    assert 'perhaps out of its view' in ' '.join(result.reasons)
    result = judge(maker, tmp_path / 'carried', list(make(own[1:])))
    assert result.verdict == 'reject'


def test_nan_in_a_joint_state_rejects(maker, messages, robot, good_script, tmp_path):
    q = robot.home.copy()
    q[robot.index('left_elbow_joint')] = np.nan
    entries = list(good_script)
    at = next(i for i, e in enumerate(entries) if e[1] == '/joint_states' and e[0] > T0 + NS)
    entries[at] = (entries[at][0], '/joint_states', messages.joint_state(entries[at][0], q))
    result = judge(maker, tmp_path, entries)
    assert result.verdict == 'reject'
    assert any('NaN or infinity in left_elbow_joint' in reason for reason in result.reasons)
    assert any('at 1.0' in reason for reason in result.reasons)


def test_wrong_joint_names_reject(maker, messages, robot, good_script, tmp_path):
    names = ('left_elbow', *robot.joints[1:])
    entries = [
        (ns, topic, messages.joint_state(ns, robot.home, names) if topic == '/joint_states' else d)
        for ns, topic, d in good_script
    ]
    result = judge(maker, tmp_path, entries)
    assert result.verdict == 'reject'
    assert any('joints missing from the message: waist_yaw_joint' in r for r in result.reasons)


def test_clock_jump_rejects(maker, messages, robot, good_script, tmp_path):
    entries = []
    for log_ns, topic, data in good_script:
        if topic == '/object_pose' and log_ns > T0 + NS:
            data = messages.pose(log_ns + 3 * NS, np.zeros(3))
        entries.append((log_ns, topic, data))
    result = judge(maker, tmp_path, entries)
    assert result.verdict == 'reject'
    assert any('clock of its stamps jumped by 3.0' in reason for reason in result.reasons)


def test_backward_stamps_reject(maker, messages, good_script, tmp_path):
    entries = list(good_script)
    where = [i for i, e in enumerate(entries) if e[1] == '/object_pose']
    for i in where[40:42]:
        entries[i] = (entries[i][0], '/object_pose', messages.pose(T0, np.zeros(3)))
    result = judge(maker, tmp_path, entries)
    assert any('earlier than the one before' in reason for reason in result.reasons)
    assert result.verdict == 'reject'


def test_low_rate(maker, good_script, tmp_path):
    third = {e for i, e in enumerate(e for e in good_script if e[1] == HEAD) if i % 3 == 0}
    result = judge(maker, tmp_path / 'warn', [e for e in good_script if e not in third])
    assert result.verdict == 'warn'
    assert any('Hz instead of 30' in reason for reason in result.reasons)
    most = {e for i, e in enumerate(e for e in good_script if e[1] == HEAD) if i % 3}
    result = judge(maker, tmp_path / 'reject', [e for e in good_script if e not in most])
    assert result.verdict == 'reject'


def test_lost_messages_warn(maker, good_script, robot, tmp_path):
    meta = EpisodeMeta(
        episode='pick_0001',
        contract_hash=robot.hash,
        extra={'lost': json.dumps({'/joint_states': 3})},
    )
    result = judge(maker, tmp_path, good_script, meta)
    assert result.verdict == 'warn'
    assert '/joint_states: 3 messages lost' in result.reasons


def test_unset_stamps_reject(maker, messages, good_script, tmp_path):
    entries = [
        (ns, topic, messages.pose(0, np.zeros(3)) if topic == '/object_pose' else data)
        for ns, topic, data in good_script
    ]
    result = judge(maker, tmp_path, entries)
    assert any('the header has no stamp' in reason for reason in result.reasons)


def test_simulated_time_is_judged_by_the_stamps(maker, messages, tmp_path):
    """Four times real time: stamps advance four times as fast as the recorder's clock."""
    entries = [(T0 + (ns - T0) // 4, topic, data) for ns, topic, data in maker.script()]
    entries += [
        (T0 + k * NS // 400, '/clock', messages.clock(T0 + k * NS // 100)) for k in range(200)
    ]
    result = judge(maker, tmp_path, sorted(entries, key=lambda e: e[0]))
    assert result.reasons == ()
    joints = next(topic for topic in result.topics if topic.name == '/joint_states')
    assert joints.rate_hz == pytest.approx(200.0)


def test_a_bag_without_a_contract_is_judged_by_its_own_medians(maker, good_script, tmp_path):
    late = set(during(good_script, HEAD, 1.0, 1.3))
    path = maker(tmp_path / 'pick_0001', [e for e in good_script if e not in late])
    with Bag(path) as bag:
        bag.contract = None
        result = audit(bag)
    assert result.verdict == 'warn'
    assert result.reasons == (f'{HEAD}: 1 gap over 100 ms, the longest 0.33 s',)
    topics = {topic.name: topic for topic in result.topics}
    assert topics['/joint_states'].expected_hz is None
    assert topics['/joint_states'].rate_hz == pytest.approx(200.0)
    assert 20.0 < result.skew_ms['p50'] < result.skew_ms['max'] < 350.0


def still_outside(maker, messages, robot, start, end, seconds):
    """Entries of a robot that moves between two times only [s]."""
    for log_ns, topic, data in maker.script(seconds=seconds):
        if topic in ('/joint_states', '/safety/command'):
            t = np.clip((log_ns - T0) / NS, start, end) - start
            data = messages.joint_state(log_ns - 500_000, robot.home + 0.2 * t)
        yield log_ns, topic, data


def test_idle_head_and_tail(maker, messages, robot, tmp_path):
    entries = list(still_outside(maker, messages, robot, 1.0, 2.0, 8.0))
    result = judge(maker, tmp_path, entries)
    assert result.moved
    assert result.idle_head_s == pytest.approx(1.0, abs=0.1)
    assert result.idle_tail_s == pytest.approx(6.0, abs=0.1)
    assert result.verdict == 'warn'
    (reason,) = result.reasons
    assert reason.startswith('nothing moves in the last 6.0 s') or reason.startswith(
        'nothing moves in the last 5.9 s'
    )


def test_a_joint_at_its_stop_warns_but_a_gripper_may_be(maker, messages, robot, tmp_path):
    elbow, gripper = robot.index('left_elbow_joint'), robot.index('left_gripper_joint')
    entries = []
    for log_ns, topic, data in maker.script():
        if topic in ('/joint_states', '/safety/command'):
            q = robot.home.copy()
            q[[elbow, gripper]] += 4.0 * (log_ns - T0) / NS
            q = np.minimum(q, robot.limits.upper)
            data = messages.joint_state(log_ns - 500_000, q)
        entries.append((log_ns, topic, data))
    result = judge(maker, tmp_path, entries)
    assert set(result.at_stop) == {'left_elbow_joint', 'left_gripper_joint'}
    travel = (robot.limits.upper[elbow] - robot.home[elbow]) / 4.0
    assert result.at_stop['left_elbow_joint'] == pytest.approx(2.0 - travel, abs=0.05)
    assert result.verdict == 'warn'
    (reason,) = result.reasons
    assert reason.startswith('left_elbow_joint was at its stop for')


def test_jerk_tells_a_rough_hand_from_a_smooth_one(maker, messages, robot, tmp_path):
    def shaky(amplitude):
        for log_ns, topic, data in maker.script(seconds=3.0):
            if topic in ('/joint_states', '/safety/command'):
                t = (log_ns - T0) / NS
                q = robot.home.copy()
                q[3] += 0.1 * np.sin(2.0 * t) + amplitude * np.sin(2 * np.pi * 4.0 * t)
                data = messages.joint_state(log_ns - 500_000, q)
            yield log_ns, topic, data

    smooth = judge(maker, tmp_path / 'a', list(shaky(0.0)))
    rough = judge(maker, tmp_path / 'b', list(shaky(0.02)))
    assert smooth.jerk_joint == rough.jerk_joint == robot.joints[3]
    # The jerk of A sin(wt) has the root mean square A w^3 / sqrt(2).
    assert smooth.jerk == pytest.approx(0.1 * 2.0**3 / np.sqrt(2), rel=0.3)
    assert rough.jerk == pytest.approx(0.02 * (8 * np.pi) ** 3 / np.sqrt(2), rel=0.35)


def test_safety_interventions_are_counted(maker, messages, good_script, tmp_path):
    types = typestore().types

    def verdict(ns, counts):
        status = [
            types['diagnostic_msgs/msg/DiagnosticStatus'](
                level=1,
                name=rule,
                message='',
                hardware_id='',
                values=[
                    types['diagnostic_msgs/msg/KeyValue'](key='rule', value=rule),
                    types['diagnostic_msgs/msg/KeyValue'](key='count', value=str(count)),
                ],
            )
            for rule, count in counts.items()
        ]
        kind = 'diagnostic_msgs/msg/DiagnosticArray'
        return messages.serialize(types[kind](header=messages.header(ns), status=status), kind)

    def with_verdicts(*counts):
        extra = [
            (T0 + NS + k * NS // 10, '/safety/verdict', verdict(T0 + NS, count))
            for k, count in enumerate(counts)
        ]
        return sorted([*good_script, *extra], key=lambda entry: entry[0])

    shaped = judge(maker, tmp_path / 'a', with_verdicts({'velocity': 40, 'acceleration': 2}))
    assert shaped.interventions == {'velocity': 40, 'acceleration': 2}
    assert shaped.verdict == 'ok', 'a command that was slowed down is no fault'
    grave = with_verdicts({'collision': 3, 'velocity': 1}, {'collision': 2, 'braking': 1})
    result = judge(maker, tmp_path / 'b', grave)
    assert result.interventions == {'velocity': 1, 'collision': 5, 'braking': 1}
    assert result.verdict == 'warn'
    assert result.reasons == ('safety intervened: braking 1, collision 5',)


def test_pictures_of_another_size_reject(maker, messages, good_script, tmp_path):
    pixels = np.zeros((24, 32, 3), np.uint8)
    entries = [
        (ns, topic, messages.compressed(ns - 20_000_000, pixels + k % 9) if topic == HEAD else d)
        for k, (ns, topic, d) in enumerate(good_script)
    ]
    result = judge(maker, tmp_path, entries)
    assert result.verdict == 'reject'
    assert f'{HEAD}: images of 32x24, the contract says 16x12' in result.reasons


def test_joint_reader_agrees_with_the_decoder_whatever_the_names(maker, messages, robot):
    """Names in another order, with more joints, without velocities, and changing on the way."""
    rng = np.random.default_rng(5)
    names = [*robot.joints, 'left_wheel']
    reader = JointReader(robot)
    for k in range(60):
        if k % 20 == 0:
            rng.shuffle(names)
        data = messages.joint_state(T0 + k, rng.standard_normal(len(names)), tuple(names))
        message = decode('sensor_msgs/msg/JointState', data)
        for got, meant in zip(reader.read(data), codec.joint_state(robot, message), strict=True):
            assert np.array_equal(got, meant)
    with pytest.raises(DataError, match='joints missing'):
        reader.read(messages.joint_state(T0, np.zeros(2), ('a', 'b')))
    with pytest.raises(DataError):
        reader.read(data[:-200])


def test_joint_reader_decodes_once_though_the_frame_changes_with_every_message(
    messages, robot, monkeypatch
):
    """A driver may count in the frame's name: at 500 Hz, decoding each of them would not do."""
    decoded = []

    def counting(kind, data):
        decoded.append(kind)
        return decode(kind, data)

    monkeypatch.setattr(joints, 'decode', counting)
    rng = np.random.default_rng(6)
    reader = JointReader(robot)
    kind = 'sensor_msgs/msg/JointState'
    for k in range(30):
        q = rng.standard_normal(robot.n)
        message = decode(kind, messages.joint_state(T0 + k, q))
        message.header.frame_id = f'{k:06d}' if k < 20 else f'frame_{k:09d}'
        data = messages.serialize(message, kind)
        stamp, got, _ = reader.read(data)
        assert stamp == T0 + k and np.array_equal(got, q)
    assert len(decoded) == 2, 'the first message, and the first with a longer frame id'


def test_a_repeated_message_that_came_late_is_no_clock_fault(maker, good_script, tmp_path):
    """DDS repeats a lost message: it is received after its successors, but was sent before."""
    entries = list(good_script)
    where = [i for i, e in enumerate(entries) if e[1] == '/joint_states']
    a, b = where[100], where[101]
    entries[a], entries[b] = (
        (entries[a][0], *entries[b][1:]),
        (entries[b][0], *entries[a][1:]),
    )
    writer = maker.open(tmp_path / 'pick_0001')
    names = [topic.name for topic in recorded(maker.robot)]
    numbers = {a: b, b: a}
    for i, (log_ns, topic, data) in enumerate(entries):
        writer.write(names.index(topic), log_ns, log_ns, data, numbers.get(i, i) + 1)
    meta = EpisodeMeta('pick_0001', contract_hash=maker.robot.hash)
    with Bag(writer.close(meta)) as bag:
        assert audit(bag).reasons == ()


def test_resting_camera_that_saw_the_robot_and_froze_rejects(maker, messages, robot, tmp_path):
    """The head is still, the arms move in its view, then the picture stops."""
    rest = list(carriers(robot, 'head_camera'))
    pixels = np.full((12, 16, 3), 7, np.uint8)
    entries = []
    for log_ns, topic, data in maker.script(seconds=3.0):
        t = (log_ns - T0) / NS
        q = robot.home + 0.1 * np.sin(2.0 * t)
        q[rest] = robot.home[rest]
        if topic == HEAD and 1.5 < t < 2.3:
            data = messages.compressed(log_ns - 20_000_000, pixels)
        elif topic in ('/joint_states', '/safety/command'):
            data = messages.joint_state(log_ns - 500_000, q)
        entries.append((log_ns, topic, data))
    result = judge(maker, tmp_path, entries)
    assert result.verdict == 'reject'
    assert 'same picture' in ' '.join(result.reasons)
