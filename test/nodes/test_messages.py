# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our values -> ROS messages -> DDS's bytes -> our values."""

import struct
from typing import Any
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, JointState, Joy
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from imitation_ros.contract import Contract
from imitation_ros.data.proposal import Proposal
from imitation_ros.errors import BagError, DataError
from imitation_ros.messages import codec, definitions
from imitation_ros.nodes.ros import messages as messages

pytestmark = pytest.mark.ros
STAMPS = st.integers(0, 2**31 * 10**9 - 1)
NUMBERS = st.floats(-1e6, 1e6)


def wire(message: Any) -> Any:
    """Through the bytes that go over DDS."""
    return deserialize_message(serialize_message(message), type(message))


@given(STAMPS)
def test_times(ns: int) -> None:
    assert codec.stamp_ns(wire(messages.to_time(ns))) == ns
    assert codec.stamp_ns(wire(messages.to_time(np.int64(ns)))) == ns


@given(st.integers(-(2**31) * 10**9, 2**31 * 10**9 - 1))
def test_durations_may_be_negative(ns: int) -> None:
    assert codec.stamp_ns(wire(messages.to_duration(ns))) == ns


@given(STAMPS, st.integers(0, 2**31))
def test_joint_states(contract: Contract, stamp: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    q, v = rng.standard_normal((2, contract.n))
    order = rng.permutation(contract.n)
    names = [contract.joints[i] for i in order]
    message = wire(messages.to_joint_state(stamp, names, q[order], v[order]))
    back, back_q, back_v = codec.joint_state(contract, message)
    assert back == stamp
    np.testing.assert_array_equal(back_q, q)
    np.testing.assert_array_equal(back_v, v)


def test_a_joint_state_of_columns_out_of_a_matrix(contract: Contract) -> None:
    """Strided arrays must not be read as if they were contiguous."""
    both = np.arange(2.0 * contract.n).reshape(contract.n, 2)
    message = wire(messages.to_joint_state(0, contract.joints, both[:, 0], both[:, 1]))
    _, q, v = codec.joint_state(contract, message)
    np.testing.assert_array_equal(q, both[:, 0])
    np.testing.assert_array_equal(v, both[:, 1])


def test_a_joint_state_of_single_precision(contract: Contract) -> None:
    q = np.linspace(-1, 1, contract.n, dtype=np.float32)
    _, back, _ = codec.joint_state(
        contract, wire(messages.to_joint_state(0, contract.joints, q, q))
    )
    np.testing.assert_array_equal(back, q.astype(np.float64))


@given(
    st.integers(0, 10**18),
    st.integers(-(10**9), 10**9),
    arrays.arrays(np.float64, st.tuples(st.integers(1, 16), st.integers(1, 8)), elements=NUMBERS),
)
@settings(deadline=None)
def test_proposals(stamp: int, offset: int, positions: np.ndarray) -> None:
    """Points may lie before the stamp only by a caller's mistake, but survive all the same."""
    points, joints = positions.shape
    proposal = Proposal(
        stamp_ns=stamp,
        joints=tuple(f'joint_{i}' for i in range(joints)),
        times_ns=tuple(stamp + offset + i * 40_000_000 for i in range(points)),
        positions=positions,
    )
    back = messages.to_proposal(wire(messages.to_trajectory(proposal)))
    assert (back.stamp_ns, back.joints, back.times_ns) == (
        proposal.stamp_ns,
        proposal.joints,
        proposal.times_ns,
    )
    np.testing.assert_array_equal(back.positions, positions)


def test_a_proposal_keeps_its_nan() -> None:
    """The safety filter has to see it, so the message layer must not hide it."""
    proposal = Proposal(0, ('a', 'b'), (1,), np.array([[np.nan, np.inf]]))
    back = messages.to_proposal(wire(messages.to_trajectory(proposal)))
    assert not back.finite
    assert np.isnan(back.positions[0, 0])


@pytest.mark.parametrize(
    ('message', 'words'),
    [
        (JointTrajectory(joint_names=['a']), 'at least one point'),
        (JointTrajectory(points=[JointTrajectoryPoint()]), 'at least one point and one joint'),
        (
            JointTrajectory(
                joint_names=['a'], points=[JointTrajectoryPoint(positions=[1.0, 2.0])]
            ),
            r'1 joint names but points of \[2\] positions',
        ),
        (
            JointTrajectory(joint_names=['a'], points=[JointTrajectoryPoint(positions=[1.0])] * 2),
            'must rise',
        ),
        (
            JointTrajectory(
                joint_names=['a', 'a'], points=[JointTrajectoryPoint(positions=[1.0, 2.0])]
            ),
            'stands twice',
        ),
    ],
)
def test_trajectories_that_are_no_proposal(message: JointTrajectory, words: str) -> None:
    with pytest.raises(DataError, match=words):
        messages.to_proposal(message)


@given(STAMPS, arrays.arrays(np.float64, 7, elements=NUMBERS))
def test_poses(stamp: int, pose: np.ndarray) -> None:
    pose[3:] = pose[3:] if np.linalg.norm(pose[3:]) > 1e-3 else (0, 0, 0, 1)
    back_stamp, back = codec.pose(wire(messages.to_pose(stamp, 'base', pose)))
    assert back_stamp == stamp
    np.testing.assert_array_equal(back, pose)


def test_raw_images(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (12, 17, 3), dtype=np.uint8)
    stamp, back = codec.image(wire(messages.to_image(7, 'camera', pixels)))
    assert stamp == 7
    np.testing.assert_array_equal(back, pixels)


def test_compressed_images() -> None:
    pixels = np.zeros((48, 64, 3), dtype=np.uint8)
    pixels[:, 32:] = (250, 120, 10)
    stamp, back = codec.compressed_image(wire(messages.to_compressed(7, 'camera', pixels)))
    assert stamp == 7
    assert back.shape == pixels.shape
    # Red stays red: the channels are not swapped on the way.
    assert np.abs(back[:, 40:].astype(int) - pixels[:, 40:]).mean() < 3


def test_a_damaged_picture_is_an_error_and_not_the_end() -> None:
    header = b'IHDR' + struct.pack('>IIBBBBB', 100_000, 100_000, 8, 2, 0, 0, 0)
    png = b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + header
    png += struct.pack('>I', zlib.crc32(header))
    for data in (b'', b'not a picture', png):
        with pytest.raises(DataError, match='cannot decode'):
            codec.compressed_image(CompressedImage(format='png', data=data))


def test_a_status_is_all_text() -> None:
    made = wire(messages.status(2, 'policy', 'late', {'p99_ms': 1.5, 'count': 3}))
    assert made.level == b'\x02'
    assert [(value.key, value.value) for value in made.values] == [
        ('p99_ms', '1.5'),
        ('count', '3'),
    ]


@pytest.mark.parametrize('names', range(6))
@pytest.mark.parametrize(
    'kind', ['JointState', 'Joy', 'JointTrajectoryPoint', 'Float64MultiArray']
)
def test_bytes_of_ros_decode_without_ros_whatever_is_empty(kind: str, names: int) -> None:
    """Fast CDR reserves the alignment of empty sequences too: bytes stand behind the message."""
    message = {
        'JointState': JointState(name=['j' * (1 + names)], position=[1.5], velocity=[0.5]),
        'Joy': Joy(axes=[0.5] * names),
        'JointTrajectoryPoint': JointTrajectoryPoint(positions=[0.5] * names),
        'Float64MultiArray': Float64MultiArray(data=[0.5] * names),
    }[kind]
    name = f'{type(message).__module__.split(".")[0]}/msg/{kind}'
    data = serialize_message(message)
    back = definitions.decode(name, data)
    for field in ('name', 'position', 'velocity', 'effort', 'axes', 'positions', 'data'):
        if hasattr(message, field):
            assert list(getattr(back, field)) == list(getattr(message, field))
    with pytest.raises(BagError, match='does not fit'):
        definitions.decode(name, data[:9])
    with pytest.raises(BagError, match='unknown CDR encapsulation'):
        definitions.decode(name, b'\x07' + data[1:])
