# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Raw images compressed on the way into a bag: what is in it, and that nothing else changes."""

import threading
import time

import cv2
import numpy as np
import pytest

from imitation_ros.bags.reader import Bag, header_stamp_ns
from imitation_ros.bags.topics import as_recorded, COMPRESSED, IMAGE, recorded
from imitation_ros.conversion.convert import convert
from imitation_ros.data.store import Dataset
from imitation_ros.errors import DataError
from imitation_ros.messages import codec
from imitation_ros.messages.definitions import decode, typestore
from imitation_ros.recording.compression import Compression
from imitation_ros.recording.session import Session
from imitation_ros.recording.take import Take

JPEG, PNG = Compression('jpeg', 95), Compression('png')


def image(messages, encoding, data, height, width, step, big=0):
    types = typestore().types
    message = types[IMAGE](
        header=messages.header(1_700_000_000_123_456_789, 'optical'),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=big,
        step=step,
        data=np.frombuffer(data, np.uint8),
    )
    return bytes(typestore().serialize_cdr(message, IMAGE))


@pytest.mark.parametrize('text', ['', 'jpeg', 'jpeg:85', 'png'])
def test_parsed(text):
    found = Compression.parse(text)
    assert (found is None) == (text == '')
    if found is not None:
        assert Compression.parse(str(found)) == found


@pytest.mark.parametrize('text', ['jpg', 'jpeg:0', 'jpeg:101', 'png:3', 'jpeg:high'])
def test_what_cannot_be_parsed_lists_the_choices(text):
    with pytest.raises(DataError, match=r'jpeg.*png'):
        Compression.parse(text)


@pytest.mark.parametrize('how', [JPEG, PNG], ids=str)
@pytest.mark.parametrize('encoding', list(codec.CHANNELS))
def test_colours_survive(messages, rng, encoding, how):
    """A smooth picture in rows with padding, decoded by the decoder that reads bags."""
    channels = codec.CHANNELS[encoding]
    y, x = np.mgrid[0:24, 0:32]
    pixels = np.stack([8 * x, 10 * y, 4 * (x + y), 0 * x + 255], axis=2)[:, :, :channels]
    rows = np.zeros((24, 32 * channels + 5), np.uint8)
    rows[:, : 32 * channels] = pixels.reshape(24, -1)
    raw = image(messages, encoding, rows.tobytes(), 24, 32, rows.shape[1])
    data = how.apply(raw)
    assert data[4:12] == raw[4:12] and header_stamp_ns(data) == 1_700_000_000_123_456_789
    message = decode(COMPRESSED, data)
    assert message.header.frame_id == 'optical'
    assert message.format.startswith(f'{encoding}; {how.kind} compressed')
    expected, found = codec.image(decode(IMAGE, raw)), codec.compressed_image(message)
    assert found[0] == expected[0]
    difference = np.abs(found[1].astype(int) - expected[1])
    assert difference.max() <= (0 if how is PNG else 24) and difference.mean() < 4


@pytest.mark.parametrize('how', [JPEG, PNG], ids=str)
@pytest.mark.parametrize('big', [0, 1])
def test_depth_loses_nothing(messages, rng, how, big):
    depth = rng.integers(0, 2**16, (12, 16), dtype=np.uint16)
    data = depth.astype('>u2' if big else '<u2').tobytes()
    message = decode(COMPRESSED, how.apply(image(messages, '16UC1', data, 12, 16, 32, big)))
    assert message.format == '16UC1; png compressed '
    found = cv2.imdecode(message.data, cv2.IMREAD_UNCHANGED)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, depth)


def test_what_would_lose_something_is_refused(messages):
    raw = image(messages, '32FC1', bytes(16 * 12 * 4), 12, 16, 64)
    assert not JPEG.fits(raw)
    with pytest.raises(DataError, match=r'"32FC1" are not compressed, only rgb8'):
        PNG.apply(raw)
    with pytest.raises(DataError, match='step 10'):
        PNG.apply(image(messages, 'rgb8', bytes(100), 12, 16, 10))


@pytest.fixture(scope='module')
def entries(maker):
    return maker.script()


def record(root, robot, entries, compress):
    """A take of a session, with what is to be compressed by topic."""
    session = Session(root, robot, time.monotonic_ns)
    topics = recorded(robot)
    index = {topic.name: i for i, topic in enumerate(topics)}
    session.start(
        [(topic.name, topic.type, ()) for topic in topics],
        0,
        task='pick',
        compress={index[topic]: how for topic, how in compress.items()},
    )
    for log_ns, topic, data in entries:
        session.take.put((index[topic], log_ns, log_ns, -1, b'a', data))
    session.mark('success')
    return session.stop()


def test_a_take_holds_compressed_images_and_converts_to_the_same_dataset(tmp_path, robot, entries):
    head, wrist = (camera.topic for camera in robot.cameras)
    finished = record(tmp_path / 'small', robot, entries, {wrist: PNG})
    plain = record(tmp_path / 'plain', robot, entries, {})
    assert finished.audit.verdict == plain.audit.verdict == 'ok', finished.audit.reasons
    with Bag(finished.path) as bag, Bag(plain.path) as other:
        assert wrist not in bag.types and bag.types[f'{wrist}/compressed'] == COMPRESSED
        assert bag.counts[f'{wrist}/compressed'] == other.counts[wrist] == 60
        assert bag.contract.hash == robot.hash and bag.contract.text == robot.text
        pairs = zip(bag.messages([f'{wrist}/compressed']), other.messages([wrist]), strict=True)
        for small, raw in pairs:
            assert (small.log_ns, small.publish_ns) == (raw.log_ns, raw.publish_ns)
            assert header_stamp_ns(small.data) == header_stamp_ns(raw.data)
        # What was compressed by its driver is the same to the byte.
        assert [m.data for m in bag.messages([head])] == [
            data for _, topic, data in entries if topic == head
        ]
    # Both kinds of bag in one dataset, and the same pictures.
    convert([plain.path, finished.path], tmp_path / 'data')
    one, two = Dataset(tmp_path / 'data').episodes()
    for camera in robot.cameras:
        np.testing.assert_array_equal(one.images[camera.name], two.images[camera.name])


def test_a_camera_that_freezes_is_found_among_compressed_images(tmp_path, robot, entries):
    _, wrist = (camera.topic for camera in robot.cameras)
    first = next(data for _, topic, data in entries if topic == wrist)
    start = entries[0][0]
    frozen = [
        (ns, topic, data[:12] + first[12:] if topic == wrist and ns - start > 10**9 else data)
        for ns, topic, data in entries
    ]
    finished = record(tmp_path, robot, frozen, {wrist: JPEG})
    assert finished.audit.verdict == 'reject'
    assert f'{wrist}/compressed: the same picture for' in finished.audit.reasons[0]


def test_bound_and_counters_hold_on_the_detour(tmp_path, maker, robot, entries, monkeypatch):
    """The compressor is held up; what does not fit is counted, and so is what is no image."""
    _, wrist = (camera.topic for camera in robot.cameras)
    topics = recorded(robot)
    channel = [topic.name for topic in topics].index(wrist)
    pictures = [data for _, topic, data in entries if topic == wrist]
    held, apply = threading.Event(), Compression.apply

    def slow(self, data):
        held.wait(20)
        return apply(self, data)

    monkeypatch.setattr(Compression, 'apply', slow)
    writer = maker.open(tmp_path / 'pick_0001')
    names = [topic.name for topic in topics]
    limit = 10 * len(pictures[0])
    take = Take(writer, names, limit, time.monotonic_ns, compress={channel: PNG})
    take.put((channel, 1, 1, 1, b'a', pictures[0][:40]))
    for number, data in enumerate(pictures, start=2):
        take.put((channel, number, number, number, b'a', data))
    assert limit - len(pictures[0]) < take.queued_bytes <= limit
    held.set()
    take.stop()
    count = take.counts()[wrist]
    assert count.written == 9
    assert count.dropped == 1 + len(pictures) - 9
    assert (take.queued_bytes, take.error, count.lost) == (0, None, 0)
    writer.discard()


def test_the_contract_as_recorded(robot):
    head, wrist = (camera.topic for camera in robot.cameras)
    assert as_recorded(robot, {head: COMPRESSED, wrist: IMAGE}) is robot
    small = as_recorded(robot, {f'{wrist}/compressed': COMPRESSED})
    assert (small.cameras[1].topic, small.cameras[1].type) == (f'{wrist}/compressed', COMPRESSED)
    assert small.cameras[0] == robot.cameras[0] and small.hash == robot.hash
    assert as_recorded(small, {wrist: IMAGE}).cameras[1] == robot.cameras[1]
    assert as_recorded(robot, {f'{wrist}/compressed': 'std_msgs/msg/String'}) is robot
