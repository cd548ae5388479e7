# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth, 16 bits a pixel, is the same in the camera, the bag, the dataset and LeRobot's format."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.reader import Bag
from imitation_ros.contract import loads
from imitation_ros.conversion.convert import convert, Options
from imitation_ros.data.images import displayable, resize
from imitation_ros.data.observation import CameraInput, ObservationSpec
from imitation_ros.data.store import Dataset
from imitation_ros.data.windows import Windows
from imitation_ros.errors import DataError
from imitation_ros.lerobot.exporter import export
from imitation_ros.lerobot.importer import import_
from imitation_ros.messages.definitions import typestore
from imitation_ros.messages.pictures import picture_size

HEAD = '/head_camera/image_raw/compressed'
WRIST = '/left_wrist_camera/image_raw'
KINDS = {HEAD: 'sensor_msgs/msg/CompressedImage', WRIST: 'sensor_msgs/msg/Image'}


def depth(ns: int) -> np.ndarray:
    """Depth that tells of when it is [mm]."""
    return np.random.default_rng(ns % 2**32).integers(0, 65536, (12, 16), dtype=np.uint16)


@pytest.fixture(scope='module')
def deep(maker, robot, messages, good_script, tmp_path_factory):
    """Contract and bag of a robot whose two cameras see depth, one compressed, one raw."""
    text = robot.text.replace('height: 12', 'height: 12, depth: true')
    contract = loads(text, Path('deep.yaml'), robot.urdf_text)
    entries = []
    for log_ns, topic, data in good_script:
        if topic in KINDS:
            message = typestore().deserialize_cdr(data, KINDS[topic])
            stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            if topic == HEAD:
                message.format = '16UC1; compressedDepth png'
                png = cv2.imencode('.png', depth(stamp))[1].reshape(-1)
                message.data = np.concatenate([np.zeros(12, np.uint8), png])
            else:
                message.encoding, message.step = '16UC1', 32
                message.data = depth(stamp).view(np.uint8).reshape(-1)
            data = messages.serialize(message, KINDS[topic])
        entries.append((log_ns, topic, data))
    path = type(maker)(contract, messages)(tmp_path_factory.mktemp('deep') / 'pick_0001', entries)
    return contract, path, entries


@pytest.fixture(scope='module')
def dataset(deep, tmp_path_factory):
    root = tmp_path_factory.mktemp('depth') / 'set'
    convert([deep[1]], root)
    return Dataset(root)


def test_every_pixel_of_the_dataset_is_the_cameras(deep, dataset):
    episode = dataset.episode(0)
    assert len(episode) > 40
    for name in ('head_camera', 'left_wrist_camera'):
        images = episode.images[name]
        assert images.dtype == np.uint16
        assert images.shape[1:] == (12, 16, 1)
        for image, tick, age in zip(images, episode.tick_ns, episode.age_ns[name], strict=True):
            np.testing.assert_array_equal(image[:, :, 0], depth(int(tick - age)))


def test_the_audit_takes_depth_for_a_picture(deep):
    _, path, entries = deep
    with Bag(path) as bag:
        assert audit(bag).verdict == 'ok'
    for topic in KINDS:
        data = next(data for _, where, data in entries if where == topic)
        assert picture_size(KINDS[topic], data)[:2] == (16, 12)


def test_what_the_contract_says_must_come(deep, robot, maker, messages, good_script, tmp_path):
    """Colour where depth is declared leaves the episode out, and the other way about."""
    contract, _, entries = deep
    bag = type(maker)(contract, messages)(tmp_path / 'a', good_script)
    with pytest.raises(DataError, match='the contract says depth, the image is colour'):
        convert([bag], tmp_path / 'colour', Options(rejected=True))
    bag = maker(tmp_path / 'b', entries)
    with pytest.raises(DataError, match='the contract says colour, the image is depth'):
        convert([bag], tmp_path / 'depth', Options(rejected=True))


def test_smaller_depth_is_the_nearest_never_a_mean(deep, tmp_path):
    convert([deep[1]], tmp_path / 'set', Options(cameras={'head_camera': (6, 8)}))
    episode = Dataset(tmp_path / 'set').episode(0)
    whole = depth(int(episode.tick_ns[3] - episode.age_ns['head_camera'][3]))
    np.testing.assert_array_equal(episode.images['head_camera'][3, :, :, 0], whole[1::2, 1::2])
    colour = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    assert resize(colour, 2, 2)[0, 0, 0] == 3


def test_a_policy_does_not_take_depth_for_colour(dataset):
    spec = ObservationSpec(
        dataset.manifest.joints, False, (), (CameraInput('head_camera', 12, 16),), 1, 25.0, 4, 4
    )
    with pytest.raises(DataError, match='"head_camera" gives depth; a policy sees colour only'):
        Windows(dataset, [0], spec)


def test_depth_goes_to_lerobot_and_back_exactly(dataset, tmp_path):
    info = export(dataset, tmp_path / 'lerobot', 'av1')
    assert info['features']['observation.images.head_camera']['dtype'] == 'image'
    assert info['video_path'] is None
    manifest = import_(tmp_path / 'lerobot', tmp_path / 'back')
    # The script's joints leave their limits, which is said; nothing was derived or left out.
    assert all("outside the contract's limits" in note for note in manifest.provenance.notes)
    before, after = (d.episode(0) for d in (dataset, Dataset(tmp_path / 'back')))
    for name in ('head_camera', 'left_wrist_camera'):
        assert after.images[name].dtype == np.uint16
        np.testing.assert_array_equal(after.images[name], before.images[name])


def test_depth_is_shown_in_grey():
    image = np.array([[[0], [1000]], [[2000], [4000]]], np.uint16)
    shown = displayable(image)
    assert shown.shape == (2, 2, 3) and shown.dtype == np.uint8
    assert list(shown[:, :, 0].reshape(-1)) == sorted(shown[:, :, 0].reshape(-1))
    assert shown[0, 0, 0] == 0 and shown[1, 1, 2] == 255
