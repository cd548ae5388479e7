# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Foxglove's own JavaScript reader opens our bags and decodes every message.

npm install @mcap/core @foxglove/rosmsg @foxglove/rosmsg2-serialization
IMITATION_ROS_NODE_MODULES=$PWD/node_modules pytest test/bags/test_npm_reader.py
"""

import json
import os
from pathlib import Path
import shutil
import subprocess

import numpy as np
import pytest
from rosbags.typesys import get_typestore, Stores

VARIABLE = 'IMITATION_ROS_NODE_MODULES'
MODULES = os.environ.get(VARIABLE, '')
NODE = shutil.which('node')
pytestmark = pytest.mark.skipif(
    not (NODE and MODULES),
    reason=f'node is missing, or {VARIABLE} names no folder with @mcap/core',
)

READ = """
const { open } = require('node:fs/promises');
const { McapIndexedReader } = require('@mcap/core');
const { parse } = require('@foxglove/rosmsg');
const { MessageReader } = require('@foxglove/rosmsg2-serialization');

(async () => {
  const file = await open(process.argv[1]);
  const { size } = await file.stat();
  const readable = {
    size: async () => BigInt(size),
    read: async (offset, length) => {
      const data = new Uint8Array(Number(length));
      await file.read(data, 0, Number(length), Number(offset));
      return data;
    },
  };
  const reader = await McapIndexedReader.Initialize({ readable });
  const decoders = new Map();
  const found = [];
  for await (const message of reader.readMessages()) {
    const channel = reader.channelsById.get(message.channelId);
    if (!decoders.has(channel.id)) {
      const schema = reader.schemasById.get(channel.schemaId);
      const text = new TextDecoder().decode(schema.data);
      decoders.set(channel.id, new MessageReader(parse(text, { ros2: true })));
    }
    const values = decoders.get(channel.id).readMessage(message.data);
    found.push({
      topic: channel.topic,
      log: String(message.logTime),
      stamp: [values.header.stamp.sec, values.header.stamp.nanosec ?? values.header.stamp.nsec],
      position: Array.from(values.position ?? []),
      bytes: values.data?.length ?? 0,
    });
  }
  console.log(JSON.stringify({ profile: reader.header.profile, found }));
})();
"""


def test_npm_reader_decodes_every_message(good_bag: Path, good_script) -> None:
    assert NODE is not None
    done = subprocess.run(
        [NODE, '-e', READ, str(good_bag / 'pick_0001_0.mcap')],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, 'NODE_PATH': MODULES, 'LD_LIBRARY_PATH': ''},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told['profile'] == 'ros2'
    types = get_typestore(Stores.ROS2_KILTED)
    kinds = {
        '/joint_states': 'sensor_msgs/msg/JointState',
        '/safety/command': 'sensor_msgs/msg/JointState',
        '/object_pose': 'geometry_msgs/msg/PoseStamped',
        '/head_camera/image_raw/compressed': 'sensor_msgs/msg/CompressedImage',
        '/left_wrist_camera/image_raw': 'sensor_msgs/msg/Image',
    }
    assert len(told['found']) == len(good_script)
    expected = sorted(good_script, key=lambda entry: entry[0])
    for (log_ns, topic, data), read in zip(expected, told['found'], strict=True):
        message = types.deserialize_cdr(data, kinds[topic])
        stamp = message.header.stamp
        assert (read['topic'], int(read['log'])) == (topic, log_ns)
        assert read['stamp'] == [stamp.sec, stamp.nanosec]
        np.testing.assert_array_equal(read['position'], getattr(message, 'position', []))
        assert read['bytes'] == len(getattr(message, 'data', []))
