# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Each fault that must keep a take from starting has its row, and says what to do."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from imitation_ros.bags.reader import header_stamp_ns
from imitation_ros.bags.topics import recorded
from imitation_ros.errors import BagError
from imitation_ros.messages.pictures import picture_size
from imitation_ros.recording.flow import Flow
from imitation_ros.recording.preflight import ERROR, Offer, OK, Preflight, Seen, WARN

NS = 1_000_000_000
T0 = 1_700_000_000 * NS
HEAD = '/head_camera/image_raw/compressed'


def test_flow_measures_rate_jitter_and_gaps():
    flow = Flow(100.0)
    assert flow.measure(T0).silent_s is None
    for k in range(400):
        if not 300 <= k < 320:
            flow.push(T0 + k * NS // 100 + 2_000_000, T0 + k * NS // 100)
    now = T0 + 4 * NS
    found = flow.measure(now)
    assert found.hz == pytest.approx(90.0, rel=0.02), 'two seconds with a gap of 0.2 s'
    assert (found.count, found.gaps) == (380, 1)
    assert found.longest_gap_s == pytest.approx(0.21)
    assert found.offset_s == pytest.approx(0.002) and found.age_s == pytest.approx(0.01)
    flow.mark()
    assert flow.measure(now).gaps == 0
    for k in range(420, 500):
        flow.push(T0 + k * NS // 100, T0 + k * NS // 100)
    assert flow.measure(T0 + 5 * NS).gaps == 0, 'the time before the mark is no gap of the take'
    assert flow.measure(T0 + 9 * NS).hz == 0.0
    # Anew after a pause: the silence does not count against the rate.
    for k in range(100):
        flow.push(T0 + 10 * NS + k * NS // 100, T0 + 10 * NS + k * NS // 100)
    assert flow.measure(T0 + 11 * NS).hz == pytest.approx(100.0, rel=0.02)


@pytest.mark.parametrize('kind', ['.jpg', '.png'])
def test_size_of_a_compressed_picture(messages, kind):
    pixels = np.random.default_rng(0).integers(0, 255, (37, 53, 3), dtype=np.uint8)
    types = messages._make
    data = cv2.imencode(kind, pixels)[1].reshape(-1)
    for frame in ('', 'a', 'camera_optical'):
        message = types(
            'sensor_msgs/msg/CompressedImage',
            header=messages.header(T0, frame),
            format='x' * len(frame),
            data=data,
        )
        raw = messages.serialize(message, 'sensor_msgs/msg/CompressedImage')
        width, height, encoding = picture_size('sensor_msgs/msg/CompressedImage', raw)
        assert (width, height) == (53, 37) and encoding in ('jpeg', 'png')
        with pytest.raises(BagError):
            picture_size('sensor_msgs/msg/CompressedImage', raw[:40])


def test_size_of_a_raw_picture(messages):
    raw = messages.image(T0, np.zeros((37, 53, 3), np.uint8))
    assert picture_size('sensor_msgs/msg/Image', raw) == (53, 37, 'rgb8')
    with pytest.raises(BagError):
        picture_size('sensor_msgs/msg/Image', raw[:20])


class Bench:
    """A robot whose topics all come in for two seconds; each fault is put in by hand."""

    def __init__(self, robot, maker):
        self.robot = robot
        self.topics = {topic.name: topic for topic in recorded(robot)}
        self.flows = {name: Flow(topic.rate_hz) for name, topic in self.topics.items()}
        self.data: dict[str, bytes] = {}
        self.offers = {
            name: (Offer(topic.type, True, topic.latched, 'driver'),)
            for name, topic in self.topics.items()
            if topic.required
        }
        self.entries = maker.script(seconds=2.0)
        self.now = self.entries[-1][0] + 1_000_000
        self.preflight = Preflight(robot)

    def play(self, change=lambda entry: entry):
        for entry in self.entries:
            changed = change(entry)
            if changed is not None:
                log_ns, topic, data = changed
                self.flows[topic].push(log_ns, header_stamp_ns(data))
                self.data[topic] = data
        return self

    def rows(self, now=None):
        seen = [
            Seen(topic, self.flows[name], self.offers.get(name, ()), self.data.get(name))
            for name, topic in self.topics.items()
        ]
        return {row.topic.name: row for row in self.preflight.rows(now or self.now, seen)}


@pytest.fixture
def bench(robot, maker):
    return Bench(robot, maker)


def test_a_healthy_robot_has_green_rows(bench):
    rows = bench.play().rows()
    assert {row.level for row in rows.values()} == {OK}
    assert rows['/joint_states'].content == f'{bench.robot.n} joints'
    assert rows[HEAD].content == '16x12 png'
    assert rows[HEAD].qos == 'reliable'
    assert rows[HEAD].flow.hz == pytest.approx(30.0, rel=0.05)
    assert rows[HEAD].flow.offset_s == pytest.approx(0.02, abs=0.002)


def refused(bench, topic, problem, remedy):
    """The topic's row refuses a take, and says what is wrong and what to do."""
    row = bench.rows()[topic]
    assert (row.level, row.refuses) == (ERROR, True)
    assert problem in row.problem and remedy in row.remedy
    assert topic in str(row)
    others = [r for r in bench.rows().values() if r.refuses and r.topic.name != topic]
    assert others == []


def test_a_topic_without_publisher(bench):
    bench.play(lambda e: None if e[1] == HEAD else e)
    bench.offers[HEAD] = ()
    refused(bench, HEAD, 'has no publisher', 'start its driver')


def test_a_topic_of_another_type(bench):
    bench.play(lambda e: None if e[1] == HEAD else e)
    bench.offers[HEAD] = (Offer('sensor_msgs/msg/Image', True, False, 'driver'),)
    refused(bench, HEAD, 'is published as sensor_msgs/msg/Image', 'correct the type')


def test_commands_that_wait_for_arming(bench):
    bench.play(lambda e: None if e[1] == '/safety/command' else e)
    refused(bench, '/safety/command', 'nothing arrived yet', 'arm the robot')


def test_a_camera_of_another_size(bench, messages):
    other = messages.compressed(T0, np.zeros((24, 32, 3), np.uint8))
    bench.play()
    bench.data[HEAD] = other
    refused(bench, HEAD, 'images are 32x24, the contract says 16x12', 'correct the driver')


def test_joint_names_that_are_missing(bench, messages, robot):
    names = ('left_elbow', *robot.joints[1:])
    bench.play()
    bench.data['/joint_states'] = messages.joint_state(T0, robot.home, names)
    refused(bench, '/joint_states', 'joints missing from the message', 'correct the driver')


def test_a_header_without_stamp(bench, messages, robot):
    bench.play()
    bench.data['/joint_states'] = messages.joint_state(0, robot.home)
    refused(bench, '/joint_states', 'the header has no stamp', 'correct the driver')


def test_a_rate_below_half(bench):
    kept = iter(range(10**6))
    bench.play(lambda e: e if e[1] != HEAD or next(kept) % 3 == 0 else None)
    refused(bench, HEAD, '10.', 'relieve the machine')
    bench.preflight = Preflight(bench.robot, minimum_rate=0.2)
    assert bench.rows()[HEAD].level == WARN


def test_a_clock_that_differs_from_the_other_sensors(bench, messages):
    def shift(entry):
        if entry[1] != '/object_pose':
            return entry
        return (entry[0], entry[1], messages.pose(entry[0] - 3 * NS, np.zeros(3)))

    bench.play(shift)
    refused(bench, '/object_pose', 'its clock is 2.98 s behind the other sensors', 'chrony')


def test_a_clock_that_all_sensors_share_only_warns(bench):
    """Everything is stamped by another machine: what belongs together stays together."""
    bench.entries = [(ns + 2 * NS, topic, data) for ns, topic, data in bench.entries]
    bench.now += 2 * NS
    rows = bench.play().rows()
    assert {rows[name].level for name, topic in bench.topics.items() if topic.required} == {WARN}
    assert rows[HEAD].problem == "its clock is 2.02 s behind this machine's"
    # With simulated time, stamps have nothing to do with our clock.
    bench.flows['/clock'].push(bench.now, bench.now)
    assert {row.level for row in bench.rows().values()} == {OK}


def test_silence_is_told_with_its_length(bench):
    bench.play()
    row = bench.rows(bench.now + 3 * NS)[HEAD]
    assert row.refuses and 'has been silent for 3.0 s' in row.problem


def test_two_publishers_warn(bench):
    bench.offers[HEAD] = (*bench.offers[HEAD], replace(bench.offers[HEAD][0], node='second'))
    row = bench.play().rows()[HEAD]
    assert row.level == WARN and row.problem == 'has 2 publishers: driver, second'


def test_a_frozen_picture_is_told_once_the_robot_has_moved(bench, messages, robot):
    bench.play()
    bench.rows()
    still = bench.now + 2 * NS

    def again(q):
        for topic in ('/joint_states', '/safety/command'):
            bench.data[topic] = messages.joint_state(still, q)
        for flow in bench.flows.values():
            if flow.count:
                for k in range(300):
                    flow.push(still - (300 - k) * NS // 150, still - (300 - k) * NS // 150)
        return bench.rows(still)

    q = bench.preflight._q
    assert again(q)[HEAD].frozen_s == 0.0, 'a robot at rest may see the same picture'
    row = again(q + 0.1)[HEAD]
    assert row.frozen_s == pytest.approx(2.0)
    assert row.level == WARN and 'the same picture for 2.0 s' in row.problem
