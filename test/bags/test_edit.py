# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trim, drop, relabel and merge: what stays is the same bytes, and the originals are untouched."""

import hashlib
from pathlib import Path
import shutil

from mcap.reader import make_reader
import numpy as np
import pytest
from rosbags.rosbag2 import Reader as Rosbag2Reader
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Rosbag2Writer

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.edit.episodes import drop, Labels, merge, relabel, restore, undo_relabel
from imitation_ros.bags.edit.trim import Cut, trim
from imitation_ros.bags.layout import find_bags
from imitation_ros.bags.reader import Bag
from imitation_ros.errors import BagError, DataError
from imitation_ros.messages.definitions import typestore
from imitation_ros.recording.session import Session

NS = 1_000_000_000
T0 = 1_700_000_000 * NS
MOVES = (1.0, 2.0)
"""When the robot of `idle_bag` moves [s]."""


def sums(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def everything(path: Path) -> list[tuple[str, int, int, int, bytes]]:
    with Bag(path) as bag:
        return [(m.topic, m.log_ns, m.publish_ns, m.sequence, m.data) for m in bag.messages()]


@pytest.fixture(scope='module')
def idle_bag(maker, messages, robot, tmp_path_factory) -> Path:
    """Three seconds of which the robot moves in the middle one; a latched state at the start."""
    rng = np.random.default_rng(3)
    state = typestore().types['std_msgs/msg/String'](data='ACTIVE')
    data = messages.serialize(state, 'std_msgs/msg/String')
    entries = [(T0 + 1, '/safety/state', data)]
    for log_ns, topic, raw in maker.script(seconds=3.0):
        if topic in ('/joint_states', '/safety/command'):
            t = np.clip((log_ns - T0) / NS, *MOVES) - MOVES[0]
            # Encoders are noisy: noise is no motion.
            q = robot.home + 0.2 * t + 1e-4 * rng.standard_normal(robot.n)
            raw = messages.joint_state(log_ns - 500_000, q)
        entries.append((log_ns, topic, raw))
    return maker(tmp_path_factory.mktemp('idle') / 'pick_0001', entries)


def test_trim_keeps_bytes_and_stamps_and_the_original(idle_bag, tmp_path):
    before = sums(idle_bag)
    change = trim(idle_bag, tmp_path / 'out', Cut(margin_s=0.25))
    assert sums(idle_bag) == before
    assert change.target == tmp_path / 'out' / 'pick_0001'
    whole, kept = everything(idle_bag), everything(change.target)
    start, end = kept[0][1], kept[-1][1]
    assert (start - T0) / NS == pytest.approx(MOVES[0] - 0.25, abs=0.1)
    assert (end - T0) / NS == pytest.approx(MOVES[1] + 0.25, abs=0.1)
    (state,) = [m for m in kept if m[0] == '/safety/state']
    assert state[1] == start and state[2] < T0 + NS // 2, 'published long before, received now'
    inside = [m for m in whole if start <= m[1] <= end]
    assert sorted(m for m in kept if m != state) == sorted(inside)


def test_a_trimmed_bag_is_a_bag_to_other_readers(idle_bag, tmp_path):
    target = trim(idle_bag, tmp_path, Cut()).target
    count = len(everything(target))
    with Rosbag2Reader(target) as independent:
        assert independent.message_count == count == sum(1 for _ in independent.messages())
        (camera,) = [c for c in independent.connections if c.topic.startswith('/left_wrist')]
        assert camera.ext.offered_qos_profiles[0].reliability.name == 'RELIABLE'
        assert camera.digest.startswith('RIHS01_')
    with open(next(target.glob('*.mcap')), 'rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        assert sum(1 for _ in reader.iter_messages()) == count
        assert {a.name for a in reader.iter_attachments()} == {'contract.yaml', 'robot.urdf'}
    with Bag(target) as bag:
        assert bag.meta.outcome == 'success' and 'trimmed' in bag.meta.extra
        assert (bag.meta.verdict, bag.meta.reasons) == ('ok', ())
        assert audit(bag).verdict == 'ok'
        assert bag.contract is not None


def test_trim_by_seconds(idle_bag, tmp_path):
    target = trim(idle_bag, tmp_path, Cut(from_s=0.5, to_s=1.5)).target
    with Bag(target) as bag:
        assert (bag.start_ns - T0) / NS == pytest.approx(0.5, abs=0.02)
        assert (bag.end_ns - T0) / NS == pytest.approx(1.5, abs=0.02)
    with pytest.raises(BagError, match='nothing of it would stay'):
        trim(idle_bag, tmp_path / 'b', Cut(from_s=10.0))
    with pytest.raises(DataError, match='nothing lies between'):
        Cut(from_s=2.0, to_s=1.0)


def test_trim_refuses_a_bag_in_which_nothing_moves_and_a_name_that_is_taken(
    maker, messages, robot, tmp_path
):
    still = messages.joint_state(T0, robot.home)
    entries = [(T0 + k * NS // 100, '/joint_states', still) for k in range(100)]
    path = maker(tmp_path / 'a' / 'pick_0001', entries)
    with pytest.raises(BagError, match='nothing moves in it'):
        trim(path, tmp_path / 'b', Cut())
    assert not (tmp_path / 'b').exists()
    with pytest.raises(BagError, match='is there already'):
        trim(path, tmp_path / 'a', Cut(from_s=0.1))


def test_trim_a_bag_of_another_recorder(messages, robot, tmp_path):
    """A sqlite3 bag without contract: any JointState tells of motion."""
    with Rosbag2Writer(tmp_path / 'other', version=9, storage_plugin=StoragePlugin.SQLITE3) as w:
        kind = 'sensor_msgs/msg/JointState'
        connection = w.add_connection('/arm/joint_states', kind, typestore=typestore())
        for k in range(300):
            q = np.array([0.0, np.clip(k / 100, 1.0, 2.0)])
            w.write(connection, T0 + k * NS // 100, messages.joint_state(T0, q, ('a', 'b')))
    before = sums(tmp_path / 'other')
    target = trim(tmp_path / 'other', tmp_path / 'out', Cut(margin_s=0.1)).target
    assert sums(tmp_path / 'other') == before
    with Rosbag2Reader(target) as bag:
        assert bag.message_count == pytest.approx(120, abs=6)
        assert sum(1 for _ in bag.messages()) == bag.message_count
    with Bag(target) as bag:
        assert bag.meta is None and bag.contract is None


def test_dry_run_writes_nothing(idle_bag, good_bag, tmp_path):
    session = tmp_path / 's'
    shutil.copytree(good_bag, session / 'pick_0001')
    before = sums(tmp_path)
    trim(idle_bag, tmp_path / 'out', Cut(), dry_run=True)
    drop(session / 'pick_0001', dry_run=True)
    relabel(session / 'pick_0001', Labels(outcome='failure'), dry_run=True)
    merge([session / 'pick_0001', idle_bag], tmp_path / 'm', dry_run=True)
    assert sums(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ['s']


def test_drop_hides_and_restore_brings_back(good_bag, robot, tmp_path):
    for name in ('pick_0001', 'pick_0002'):
        shutil.copytree(good_bag, tmp_path / name)
    before = sums(tmp_path / 'pick_0002')
    change = drop(tmp_path / 'pick_0002')
    assert change.target == tmp_path / '.dropped' / 'pick_0002'
    assert [path.name for path in find_bags(tmp_path)] == ['pick_0001']
    # Its number stays its own: what was dropped can come back.
    assert Session(tmp_path, robot, lambda: 0).next_name('pick') == 'pick_0003'
    with pytest.raises(BagError, match='holds no "pick_0007"; it holds: pick_0002'):
        restore(tmp_path, ['pick_0007'])
    assert [c.target.name for c in restore(tmp_path)] == ['pick_0002']
    assert sums(tmp_path / 'pick_0002') == before


def test_relabel_and_undo(good_bag, tmp_path):
    path = tmp_path / 'pick_0001'
    shutil.copytree(good_bag, path)
    before = sums(path)
    assert relabel(path, Labels(outcome='failure', operator='ada')).changed
    assert not relabel(path, Labels(outcome='failure')).changed
    with Bag(path) as bag:
        assert (bag.meta.outcome, bag.meta.operator, bag.meta.task) == ('failure', 'ada', 'pick')
    relabel(path, Labels(task='place'))
    after = sums(path)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {'metadata.yaml'}, 'the recording itself is never written'
    with Rosbag2Reader(path) as independent:
        assert independent.message_count == len(everything(path))
    undo_relabel(path)
    with Bag(path) as bag:
        assert (bag.meta.outcome, bag.meta.task) == ('failure', 'pick')
    undo_relabel(path)
    assert sums(path) == before, 'as if nothing had been done'
    assert not undo_relabel(path).changed


@pytest.mark.parametrize('link', [False, True])
def test_merge_gives_free_numbers_and_leaves_the_originals(good_bag, idle_bag, tmp_path, link):
    for session, names in (('mon', ('pick_0001', 'pick_0002')), ('tue', ('pick_0001',))):
        for name in names:
            shutil.copytree(good_bag, tmp_path / session / name)
    before = sums(tmp_path)
    paths = [*find_bags(tmp_path / 'mon'), *find_bags(tmp_path / 'tue'), idle_bag]
    changes = merge(paths, tmp_path / 'out', link=link)
    assert {k: v for k, v in sums(tmp_path).items() if not k.startswith('out/')} == before
    assert [c.target.name for c in changes] == [f'pick_000{k}' for k in (1, 2, 3, 4)]
    for change in changes:
        assert everything(change.target) == everything(change.bag)
        with Rosbag2Reader(change.target) as independent:
            assert independent.message_count == len(everything(change.bag))
    with Bag(tmp_path / 'out' / 'pick_0003') as bag:
        assert bag.meta.episode == 'pick_0003'
        assert bag.meta.extra['merged_from'] == 'tue/pick_0001'
    again = merge([idle_bag], tmp_path / 'out')
    assert [c.target.name for c in again] == ['pick_0005']


def test_an_unfinished_bag_is_left_alone(tmp_path):
    path = tmp_path / 'pick_0001.recording'
    path.mkdir()
    for act in (
        drop,
        lambda p: relabel(p, Labels(task='x')),
        lambda p: merge([p], tmp_path / 'o'),
    ):
        with pytest.raises(BagError, match='repair'):
            act(path)
    assert path.is_dir()
