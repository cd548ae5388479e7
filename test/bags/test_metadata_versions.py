# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A distribution opens the bags that were recorded on it: QoS as text before version 9."""

import pytest
import yaml

from imitation_ros.bags.layout import Channel, offered_text, qos_profile, read_information
from imitation_ros.bags.reader import Bag
from imitation_ros.bags.writer import BagWriter
from imitation_ros.data.episode import EpisodeMeta


@pytest.mark.parametrize(
    ('distro', 'version'), [('humble', 5), ('iron', 8), ('jazzy', 9), ('kilted', 9)]
)
def test_what_a_distribution_reads(robot, tmp_path, distro, version):
    path, meta = tmp_path / 'ep', EpisodeMeta('ep')
    channels = [('/joint_states', 'sensor_msgs/msg/JointState', (qos_profile(True, True),))]
    BagWriter(path, channels, meta, robot, 0, distro=distro).close(meta)
    information = read_information(path)
    assert information['version'] == version
    (topic,) = information['topics_with_message_count']
    offered = topic['topic_metadata']['offered_qos_profiles']
    with Bag(path) as bag:
        assert bag.publishers == {'/joint_states': 1}
    if version == 9:
        assert offered[0]['durability'] == 'transient_local'
        return
    (profile,) = yaml.safe_load(offered)
    wanted = {'history': 3, 'reliability': 1, 'durability': 1, 'liveliness': 1}
    assert wanted.items() <= profile.items()


def test_a_topic_without_publishers_has_no_profile():
    assert offered_text(Channel('/a', 'std_msgs/msg/Bool'), 5) == ''
