# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags of other recorders: what can be read is, what cannot is named, nothing is silently ok."""

from pathlib import Path
import struct

from mcap.writer import Writer
import numpy as np
import pytest
from typer.testing import CliRunner
import vectors
import zstandard

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.reader import Bag
from imitation_ros.cli.app import app
from imitation_ros.contract import loads
from imitation_ros.conversion.convert import convert
from imitation_ros.conversion.describe import describe
from imitation_ros.data.store import Dataset
from imitation_ros.errors import BagError, DataError

NS = vectors.NS
LINE = '=' * 80 + '\n'
IDL = f"""{LINE}IDL: demo_msgs/msg/Count
module demo_msgs {{ module msg {{ struct Count {{ long n; }}; }}; }};
"""
KEYED = IDL.replace('long n;', '@key long n; sequence<double, 8> window;')
BROKEN = 'module { nothing of this is IDL'


def messages(count=80):
    """(topic, type, time, bytes) of two joints and their commands at 50 Hz."""
    for i in range(count):
        ns, x = 5 * NS + i * 20_000_000, np.array([np.sin(i / 10), np.cos(i / 10)])
        for topic, values in (('/joint_states', x), ('/command', x + 0.1)):
            made = vectors.state(ns, ['a', 'b'], values, vectors.EMPTY, vectors.EMPTY)
            data = bytes(vectors.STORE.serialize_cdr(made, vectors.STATE))
            yield topic, vectors.STATE, ns, data


def write(path: Path, entries, schemas=None, encoding='cdr', pack=bytes) -> Path:
    """A single MCAP file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'wb') as file:
        writer = Writer(file)
        writer.start(profile='ros2')
        channels: dict[str, int] = {}
        for topic, kind, ns, data in entries:
            if topic not in channels:
                known = vectors.STORE.fielddefs
                text = vectors.STORE.generate_msgdef(kind)[0] if kind in known else ''
                form, text = (schemas or {}).get(kind, ('ros2msg', text))
                schema = writer.register_schema(kind, form, text.encode())
                channels[topic] = writer.register_channel(topic, encoding, schema)
            writer.add_message(channels[topic], ns, pack(data), ns)
        writer.finish()
    return path


def test_messages_that_were_compressed_one_by_one(tmp_path):
    packed = write(tmp_path / 'a.mcap', messages(), pack=zstandard.ZstdCompressor().compress)
    plain = write(tmp_path / 'b.mcap', messages())
    with Bag(packed) as one, Bag(plain) as other:
        assert [m.data for m in one.messages()] == [m.data for m in other.messages()]
        assert audit(one).verdict == 'ok'
    contract = loads(describe(packed), tmp_path / 'c.yaml')
    convert([packed], tmp_path / 'data', contract=contract)
    assert len(Dataset(tmp_path / 'data').episode(0)) == 80


def test_messages_that_were_compressed_by_something_else(tmp_path):
    file = write(tmp_path / 'ep/ep_0.mcap', messages(), pack=lambda data: b'fake' + data)
    text = (
        'rosbag2_bagfile_information:\n  compression_mode: MESSAGE\n  compression_format: lz4\n'
        f'  relative_file_paths: [{file.name}]\n'
    )
    (file.parent / 'metadata.yaml').write_text(text)
    with pytest.raises(BagError, match=r'compressed one by one with "lz4"; read are .*zstd'):
        Bag(file.parent)


@pytest.mark.parametrize(
    ('form', 'text'),
    [
        ('ros2idl', IDL),
        ('ros2idl', KEYED),
        ('ros2idl', IDL + KEYED.replace('Count', 'Other')),
        ('ros2idl', BROKEN),
        ('ros2msg', 'int32 n\nnowhere_msgs/Thing[<=x] odd'),
        ('protobuf', '\x0a\x05'),
    ],
)
def test_a_definition_nobody_needs_stops_nothing(tmp_path, form, text):
    kind = 'demo_msgs/msg/Count'
    window = struct.pack('<I', 0) if text == KEYED else b''
    counts = [
        ('/count', kind, 5 * NS + i, b'\x00\x01\x00\x00' + struct.pack('<i', i) + window)
        for i in range(9)
    ]
    bag = write(tmp_path / 'a.mcap', [*messages(), *counts], {kind: (form, text)})
    with Bag(bag) as opened:
        found = audit(opened)
        assert found.verdict == 'ok', found.reasons
        assert opened.counts == {'/joint_states': 80, '/command': 80, '/count': 9}
        if form != 'ros2idl' or text == BROKEN:
            with pytest.raises(BagError, match=r'/count is demo_msgs/msg/Count: its definition'):
                opened.decode(next(iter(opened.messages(['/count']))))
        elif text == IDL:
            assert opened.decode(next(iter(opened.messages(['/count'])))).n == 0
    contract = loads(describe(bag), tmp_path / 'c.yaml')
    convert([bag], tmp_path / 'data', contract=contract)
    assert len(Dataset(tmp_path / 'data').episode(0)) == 80


@pytest.mark.parametrize('encoding', ['ros1', 'json', 'protobuf'])
def test_a_file_without_a_topic_of_ros_2_is_not_ok(tmp_path, encoding):
    bag = write(tmp_path / 'a.mcap', messages(), encoding=encoding)
    with pytest.raises(BagError, match=f'no ROS 2 topic in it: .* {encoding}, and only cdr'):
        Bag(bag)


def test_a_file_without_a_message_is_not_ok(tmp_path):
    with Bag(write(tmp_path / 'a.mcap', [])) as bag:
        found = audit(bag)
    assert found.verdict == 'reject'
    assert found.reasons == ('no message in it that can be read',)


def test_what_a_contract_leaves_out_is_said(tmp_path):
    types = vectors.STORE.types
    grip = types[vectors.BARE](types['std_msgs/msg/MultiArrayLayout']([], 0), np.array([0.1]))
    data = bytes(vectors.STORE.serialize_cdr(grip, vectors.BARE))
    extra = [('/gripper/commands', vectors.BARE, 5 * NS + i, data) for i in range(9)]
    bag = write(tmp_path / 'a.mcap', [*messages(), *extra])
    line = f'contract-from-bag {bag} --action /command --observation /joint_states --out'
    done = CliRunner().invoke(app, [*line.split(), str(tmp_path / 'c.yaml')])
    assert done.exit_code == 0, done.output
    assert 'Left out: /gripper/commands (std_msgs/msg/Float64MultiArray).' in done.output
    assert '# Left out: /gripper/commands' in (tmp_path / 'c.yaml').read_text()


def test_topics_whose_types_cannot_be_read_are_listed(tmp_path):
    kind = 'vendor_hg/msg/LowState'
    states = [('/lowstate', kind, 5 * NS + i, b'\x00\x01\x00\x00' + bytes(4)) for i in range(9)]
    bag = write(tmp_path / 'a.mcap', states, {kind: ('ros2msg', 'uint32 tick')})
    match = r'none of its topics can be read .*: /lowstate \(vendor_hg/msg/LowState\)'
    with pytest.raises(DataError, match=match):
        describe(bag)
    mixed = write(tmp_path / 'b.mcap', [*messages(), *states], {kind: ('ros2msg', 'uint32 tick')})
    with pytest.raises(DataError, match=r'/lowstate is none of its topics.*not read: /lowstate'):
        describe(mixed, action='/lowstate')
