# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags become datasets by the resampler the robot uses, and every bag left out says why."""

from dataclasses import replace
from pathlib import Path
import shutil

import numpy as np
import pytest

from imitation_ros.bags.layout import find_bags, read_information, update_meta, write_information
from imitation_ros.bags.reader import Bag
from imitation_ros.contract import loads
from imitation_ros.conversion.convert import agreed, convert, Options
from imitation_ros.data.images import resize
from imitation_ros.data.outcomes import summary
from imitation_ros.data.store import Dataset
from imitation_ros.data.timeline import Timeline
from imitation_ros.errors import BagError, DataError
from imitation_ros.messages import codec
from imitation_ros.messages.definitions import typestore

NS = 1_000_000_000
T0 = 1_700_000_000 * NS
HEAD = '/head_camera/image_raw/compressed'
WRIST = '/left_wrist_camera/image_raw'


def push(timeline, contract, topic, data):
    """What the policy node does with a live message."""
    store = typestore()
    if topic == '/joint_states':
        message = store.deserialize_cdr(data, 'sensor_msgs/msg/JointState')
        timeline.push_state(*codec.joint_state(contract, message))
    elif topic == '/object_pose':
        message = store.deserialize_cdr(data, 'geometry_msgs/msg/PoseStamped')
        timeline.push_pose('object', *codec.pose(message))
    else:
        for camera in contract.cameras:
            if camera.topic == topic:
                message = store.deserialize_cdr(data, camera.type)
                stamp, pixels = codec.IMAGE_DECODERS[camera.type](message)
                timeline.push_image(camera.name, stamp, pixels)


@pytest.fixture(scope='module')
def dataset(good_bag, tmp_path_factory):
    root = tmp_path_factory.mktemp('dataset') / 'set'
    convert([good_bag], root)
    return Dataset(root)


LINEAR = ('max_age_s: 0.06', 'max_age_s: 0.06, resample: linear, delay_s: 0.01')
SLERP = ('max_age_s: 0.2}', 'max_age_s: 0.2, resample: slerp, delay_s: 0.03}')


@pytest.mark.parametrize('modes', [(), (LINEAR,), (LINEAR, SLERP)], ids=['hold', 'linear', 'all'])
def test_live_and_bag_give_the_same_frames(maker, robot, good_script, tmp_path, modes):
    """The same messages, pushed live with a bounded horizon and read from a bag."""
    text = robot.text
    for old, new in modes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    robot = loads(text, Path('robot.yaml'), robot.urdf_text)
    convert([type(maker)(robot, maker.messages)(tmp_path / 'pick', good_script)], tmp_path / 'set')
    episode = Dataset(tmp_path / 'set').episode(0)
    live = Timeline(robot, horizon_s=2.0)
    entries = iter(sorted(good_script, key=lambda e: e[0]))
    pending = next(entries)
    assert len(episode) > 40
    for k, tick in enumerate(episode.tick_ns):
        # Live, a frame is made once its messages are in: 30 ms later at most here.
        while pending is not None and pending[0] <= tick + 30_000_000:
            push(live, robot, *pending[1:])
            pending = next(entries, None)
        frame = live.frame(int(tick))
        np.testing.assert_array_equal(frame.q.astype(np.float32), episode.q[k])
        np.testing.assert_array_equal(frame.v.astype(np.float32), episode.v[k])
        for name in ('head_camera', 'left_wrist_camera'):
            np.testing.assert_array_equal(frame.images[name], episode.images[name][k])
        np.testing.assert_array_equal(
            frame.poses['object'].astype(np.float32), episode.poses['object'][k]
        )
        for name in live.modalities:
            assert frame.age_ns(name) == episode.age_ns[name][k]
    for name, mode, delay in (('joint_states', LINEAR, 10**7), ('object', SLERP, 3 * 10**7)):
        assert (set(episode.age_ns[name]) == {delay}) == (mode in modes)
    # Whatever the mode, what stands at a tick is the signal of as long ago as its age says.
    t = (episode.tick_ns - T0 - episode.age_ns['joint_states'])[:, None] / NS
    truth = robot.home + 0.1 * np.sin(2.0 * t + np.arange(robot.n))
    np.testing.assert_allclose(episode.q, truth, atol=2e-6)
    t = (episode.tick_ns - T0 - episode.age_ns['object']) / NS
    np.testing.assert_allclose(episode.poses['object'][:, 0], t, atol=1e-6)


def test_a_key_that_came_later_makes_no_other_contract(good_bag, tmp_path):
    """The hash in a bag is that of its time; its contract is what counts."""
    old = Path(shutil.copytree(good_bag, tmp_path / 'pick_0001'))
    with Bag(old) as bag:
        update_meta(old, replace(bag.meta, contract_hash='of an older version'))
    convert([old], tmp_path / 'set')
    assert len(Dataset(tmp_path / 'set')) == 1


def test_action_is_the_command_in_force_one_step_later(dataset, robot):
    episode = dataset.episode(0)
    step = 1.0 / robot.rates.policy_hz
    for k, tick in enumerate(episode.tick_ns):
        later = (int(tick) - T0) / NS + step
        t = np.floor((later - 0.002) * 100 + 1e-6) / 100 + 0.002
        expected = robot.home + 0.1 * np.sin(2.0 * t + np.arange(robot.n))
        np.testing.assert_allclose(episode.action[k], expected, atol=1e-6)


def test_grid_and_report(dataset, robot):
    episode = dataset.episode(0)
    assert set(np.diff(episode.tick_ns)) == {round(NS / robot.rates.policy_hz)}
    report = dataset.manifest.provenance
    assert report.episodes[0]['steps'] == len(episode)
    skew = report.skew_ms['head_camera']
    assert 0 <= skew['p50'] <= skew['p99'] <= skew['max'] < 34
    assert report.skew_ms['joint_states']['max'] < 5.1
    assert dataset.manifest.contract_hash == robot.hash


def test_cameras_are_chosen_and_resized(good_bag, dataset, tmp_path):
    convert([good_bag], tmp_path / 'set', Options(cameras={'head_camera': (6, 8)}))
    episode = Dataset(tmp_path / 'set').episode(0)
    assert set(episode.images) == {'head_camera'}
    full = dataset.episode(0)
    same = np.flatnonzero(np.isin(full.tick_ns, episode.tick_ns))
    for k, j in enumerate(same):
        expected = resize(full.images['head_camera'][j], 6, 8)
        np.testing.assert_array_equal(episode.images['head_camera'][k], expected)


def test_unknown_camera(good_bag, tmp_path):
    with pytest.raises(DataError, match='did you mean "head_camera"'):
        convert([good_bag], tmp_path / 'set', Options(cameras={'head_cam': None}))


def test_unfit_episodes_are_listed_with_their_reasons(maker, good_bag, good_script, tmp_path):
    session = tmp_path / 'session'
    good = Path(shutil.copytree(good_bag, session / 'pick_0001'))
    with Bag(good) as bag:
        meta = bag.meta
    changes = {
        'pick_0002': {'outcome': 'failure'},
        'pick_0003': {'recovered': True},
        'pick_0004': {'verdict': 'reject', 'reasons': ('a camera froze',)},
        'pick_0009': {'outcome': 'failure', 'recovered': True},
    }
    for name, change in changes.items():
        path = Path(shutil.copytree(good_bag, session / name))
        update_meta(path, replace(meta, episode=name, **change))
    maker(session / 'pick_0005', [e for e in good_script if e[1] != HEAD])
    gap = [e for e in good_script if e[1] != '/joint_states' or not 10**9 < e[0] - T0 < 1.09e9]
    maker(session / 'pick_0006', gap)
    cut = Path(shutil.copytree(good_bag, session / 'pick_0007.recording'))
    (cut / 'metadata.yaml').unlink()
    broken = Path(shutil.copytree(good_bag, session / 'pick_0008'))
    (broken / 'pick_0001_0.mcap').write_bytes(b'\x89MCAP0\r\n')
    bags = find_bags(session)
    assert len(bags) == 9
    seen = []
    manifest = convert(bags, tmp_path / 'set', progress=seen.append)
    reasons = {Path(e['bag']).name: e['reason'] for e in manifest.provenance.episodes}
    assert [meta.episode for meta in manifest.episodes] == ['pick_0001']
    assert reasons['pick_0001'] == ''
    assert reasons['pick_0002'] == 'marked as a failure (--with-failures takes it)'
    assert reasons['pick_0003'] == 'repaired after a crash (--with-recovered takes it)'
    assert reasons['pick_0004'] == (
        'rejected by the audit (--with-rejected takes it): a camera froze'
    )
    assert reasons['pick_0009'] == (
        'marked as a failure (--with-failures takes it) and '
        'repaired after a crash (--with-recovered takes it)'
    )
    assert 'nothing recorded' in reasons['pick_0005']
    assert 'no fresh data 1.0' in reasons['pick_0006']
    assert 'joint_states: last sample' in reasons['pick_0006']
    assert 'never finished' in reasons['pick_0007.recording']
    assert 'run "imitation_ros repair"' in reasons['pick_0008']
    assert [(p.index, p.total) for p in seen] == [(i, 9) for i in range(1, 10)]
    assert not list((tmp_path / 'set').glob('.frames_*'))

    options = Options(failures=True, recovered=True, rejected=True)
    manifest = convert(bags, tmp_path / 'all', options)
    assert [m.episode for m in manifest.episodes] == [f'pick_000{k}' for k in (1, 2, 3, 4, 9)]


def test_unmarked_episodes_are_left_out_unless_asked_for(good_bag, tmp_path):
    """Ours that nobody marked are no demonstrations; a bag in which nobody could mark is one."""
    session = tmp_path / 'session'
    for name, outcome in (('pick_0001', 'success'), ('pick_0002', 'unknown')):
        path = Path(shutil.copytree(good_bag, session / name))
        with Bag(path) as bag:
            update_meta(path, replace(bag.meta, episode=name, outcome=outcome))
    manifest = convert(find_bags(session), tmp_path / 'set')
    assert [meta.episode for meta in manifest.episodes] == ['pick_0001']
    entry = manifest.provenance.episodes[1]
    assert entry['left_out'] == 'unknown'
    assert entry['reason'] == 'never marked as success or failure (--with-unknown takes it)'
    manifest = convert(find_bags(session), tmp_path / 'all', Options(unknown=True))
    assert [meta.outcome for meta in manifest.episodes] == ['success', 'unknown']
    with pytest.raises(DataError, match=r'no episode was fit.*\n.*--with-unknown'):
        convert([session / 'pick_0002'], tmp_path / 'none')

    # Other people's: no meta; the contract comes from outside.
    foreign = Path(shutil.copytree(good_bag, tmp_path / 'theirs'))
    information = read_information(foreign)
    write_information(foreign, information | {'custom_data': {}})
    with Bag(foreign) as bag:
        robot = bag.contract
        # Our contract is inside: the meta of a take of ours was lost, and with it the mark.
        assert bag.outcome == 'unknown'
        bag.contract, bag.meta = None, None
        assert bag.outcome == ''
    assert robot is not None


def test_the_line_about_outcomes_counts_what_was_kept_and_left_out():
    text = summary(['success', 'success', '', 'play'], ['unknown'] * 3 + ['failure'])
    assert '2 marked as a success, 1 marked as play (train does not imitate' in text
    assert '1 without an outcome (recorded elsewhere, where nobody could mark one)' in text
    assert 'left out: 1 episode marked as a failure (--with-failures keeps it), ' in text
    assert text.endswith('3 never marked as success or failure (--with-unknown keeps them)')


def test_nothing_fit_is_an_error_with_all_reasons(maker, good_script, tmp_path):
    bag = maker(tmp_path / 'pick_0001', [e for e in good_script if e[1] != '/safety/command'])
    with pytest.raises(DataError, match=r'(?s)no episode was fit.*/safety/command'):
        convert([bag], tmp_path / 'set')


def test_a_silent_tail_is_cut_but_not_a_silent_end(maker, tmp_path):
    entries = maker.script(seconds=4.0)
    short = [e for e in entries if e[1] != HEAD or e[0] - T0 < 3.5 * NS]
    bag = maker(tmp_path / 'a' / 'pick_0001', short)
    convert([bag], tmp_path / 'short', Options(rejected=True))
    episode = Dataset(tmp_path / 'short').episode(0)
    assert 3.5 < (episode.tick_ns[-1] - T0) / NS < 3.8
    long = [e for e in entries if e[1] != HEAD or e[0] - T0 < 2.5 * NS]
    bag = maker(tmp_path / 'b' / 'pick_0001', long)
    with pytest.raises(DataError, match='head_camera: last sample'):
        convert([bag], tmp_path / 'long', Options(rejected=True))


def test_bags_of_two_contracts(maker, robot, messages, good_bag, good_script, tmp_path):
    other = loads(
        robot.text.replace('policy_hz: 25.0', 'policy_hz: 20.0'),
        Path('other.yaml'),
        robot.urdf_text,
    )
    second = type(maker)(other, messages)(tmp_path / 'pick_0002', good_script)
    assert agreed([good_bag]).hash == robot.hash
    with pytest.raises(DataError, match=r'(?s)several contracts.*pick_0001.*pick_0002'):
        convert([good_bag, second], tmp_path / 'set')
    told = f'another contract: {robot.name} {robot.hash[:12]}, not {other.name} {other.hash[:12]}'
    with pytest.raises(DataError, match=told):
        convert([good_bag], tmp_path / 'set', contract=other)


def test_idle_head_and_tail_are_cut_on_request(maker, messages, robot, tmp_path):
    entries = []
    for log_ns, topic, data in maker.script(seconds=3.0):
        t = (log_ns - T0) / NS
        if topic in ('/joint_states', '/safety/command'):
            q = robot.home + 0.2 * np.clip(t - 1.0, 0.0, 1.0)
            data = messages.joint_state(log_ns - 500_000, q)
        entries.append((log_ns, topic, data))
    bag = maker(tmp_path / 'pick_0001', entries)
    convert([bag], tmp_path / 'all')
    convert([bag], tmp_path / 'trimmed', Options(trim_idle_s=0.2))
    whole, cut = (Dataset(tmp_path / n).episode(0) for n in ('all', 'trimmed'))
    assert len(whole) > 70
    assert 0.75 <= (cut.tick_ns[0] - T0) / NS <= 1.0
    assert 2.1 <= (cut.tick_ns[-1] - T0) / NS <= 2.3
    for name in ('head_camera', 'left_wrist_camera'):
        at = int(np.flatnonzero(whole.tick_ns == cut.tick_ns[0])[0])
        np.testing.assert_array_equal(whole.images[name][at : at + len(cut)], cut.images[name])


def test_names_that_repeat_between_sessions(good_bag, tmp_path):
    second = Path(shutil.copytree(good_bag, tmp_path / 'tuesday' / 'pick_0001'))
    manifest = convert([good_bag, second], tmp_path / 'set')
    assert [m.episode for m in manifest.episodes] == ['pick_0001', 'tuesday_pick_0001']


def test_wrong_image_size(maker, messages, good_script, tmp_path):
    big = np.zeros((24, 32, 3), np.uint8)
    entries = [
        (ns, topic, messages.image(ns - 10**7, big) if topic == WRIST else data)
        for ns, topic, data in good_script
    ]
    bag = maker(tmp_path / 'pick_0001', entries)
    with pytest.raises(DataError, match='an image of 32x24, the contract says 16x12'):
        convert([bag], tmp_path / 'set', Options(rejected=True))


def test_find_bags(good_bag, tmp_path):
    assert find_bags(good_bag) == [good_bag]
    assert find_bags(good_bag.parent) == [good_bag]
    with pytest.raises(BagError, match='no rosbag2 bag'):
        find_bags(tmp_path)
    with pytest.raises(BagError, match='no such file or folder'):
        find_bags(tmp_path / 'gone')
