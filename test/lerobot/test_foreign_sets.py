# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What other tools write: the right value, or the episode left out with its reason."""

import json

from lerobot_sets import ACTION, CAMERA, film, FPS, HEIGHT, STATE, vector, walk, WIDTH, write
import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from imitation_ros.cli.app import app
from imitation_ros.contract import loads
from imitation_ros.data.store import Dataset
from imitation_ros.errors import DataError
from imitation_ros.lerobot.exporter import export
from imitation_ros.lerobot.importer import import_, Options

NAMES = ['a', 'b', 'c']
THREE = {STATE: vector(3, NAMES), ACTION: vector(3, NAMES)}
LIMITS = {'turn': (-1.9, 1.9), 'grip': (-0.17, 1.75), 'slide': (0.0, 0.04)}


@pytest.fixture(scope='module')
def arm(tmp_path_factory):
    """A joint that turns, a gripper that turns and one that slides."""
    links = ['base', *(f'{name}_link' for name in LIMITS)]
    joints = [
        f'<joint name="{name}" type="{"prismatic" if name == "slide" else "revolute"}">'
        f'<parent link="{links[i]}"/><child link="{links[i + 1]}"/><axis xyz="0 1 0"/>'
        f'<limit lower="{low}" upper="{high}" velocity="3" effort="9"/></joint>'
        for i, (name, (low, high)) in enumerate(LIMITS.items())
    ]
    bodies = [f'<link name="{name}"/>' for name in links]
    text = (
        'name: arm\nurdf: arm.urdf\nrates: {policy_hz: 30.0, command_hz: 100.0}\n'
        'joint_states: {rate_hz: 100.0, max_age_s: 0.06}\n'
        'safety: {position_margin: 0.001}\n'
        'groups: [{name: arm, joints: [turn, grip, slide], output: {topic: /arm/trajectory}}]\n'
    )
    urdf = f'<robot name="arm">{"".join(bodies + joints)}</robot>'
    return loads(text, tmp_path_factory.mktemp('arm') / 'arm.yaml', urdf)


@pytest.mark.parametrize(
    ('names', 'found'),
    [
        ([NAMES], NAMES),
        ([['a'], ['b', 'c']], NAMES),
        ({'a': 0, 'b': 1, 'c': 2}, NAMES),
        ({'c': 2, 'a': 0, 'b': 1}, NAMES),
        ({'motors': NAMES}, NAMES),
        ({'left': ['a', 'b'], 'right': ['c']}, NAMES),
        ({'left': ['a'], 'right': ['a', 'b']}, ['left_a', 'right_a', 'right_b']),
        (['a.pos', 'b.pos', 'c.pos'], NAMES),
    ],
)
def test_names_are_read(tmp_path, names, found):
    root = write(tmp_path / 's', walk(), {STATE: vector(3, names), ACTION: vector(3, names)})
    manifest = import_(root, tmp_path / 'set')
    assert list(manifest.joints) == list(manifest.actions) == found
    np.testing.assert_allclose(Dataset(tmp_path / 'set').episode(1).q, walk()[1][STATE])


@pytest.mark.parametrize(
    ('names', 'found'),
    [
        (None, ['state_0', 'state_1', 'state_2']),
        (['state'], ['state_0', 'state_1', 'state_2']),
        (['j', 'j', 'grip'], ['j_0', 'j_1', 'grip']),
        (['j', 'j', 'j_0'], ['j_0_', 'j_1', 'j_0']),
        ({'a': 0, 'b': 0, 'c': 1}, ['state_0', 'state_1', 'state_2']),
    ],
)
def test_names_that_are_missing_or_equal(tmp_path, arm, names, found):
    root = write(tmp_path / 's', walk(), {STATE: vector(3, names), ACTION: vector(3, NAMES)})
    manifest = import_(root, tmp_path / 'set')
    assert list(manifest.joints) == found
    assert any('they are called' in note for note in manifest.provenance.notes)
    with pytest.raises(DataError, match=r'"observation\.state": .*--names a,b,c'):
        import_(root, tmp_path / 'other', Options(arm))
    told = Options(arm, names={'': tuple(LIMITS)})
    assert import_(root, tmp_path / 'third', told).joints == tuple(LIMITS)


def test_names_for_one_vector_alone(tmp_path):
    root = write(tmp_path / 's', walk(), {STATE: vector(3), ACTION: vector(3, NAMES)})
    manifest = import_(root, tmp_path / 'set', Options(names={STATE: ('x', 'y', 'z')}))
    assert manifest.joints == ('x', 'y', 'z') and manifest.actions == ('a', 'b', 'c')
    with pytest.raises(DataError, match=r'--names gives 2 names; observation\.state has 3'):
        import_(root, tmp_path / 'other', Options(names={'': ('x', 'y')}))


def test_state_and_action_under_other_keys(tmp_path):
    odd = [{'state': e[STATE], 'actions': e[ACTION]} for e in walk()]
    features = {'state': vector(3, NAMES), 'actions': vector(3, NAMES)}
    manifest = import_(write(tmp_path / 's', odd, features), tmp_path / 'set')
    assert '"actions" is taken for "action"' in manifest.provenance.notes
    np.testing.assert_allclose(Dataset(tmp_path / 'set').episode(0).q, walk()[0][STATE])
    parts = [{'arm': e[STATE][:, :2], 'hand': e[STATE][:, 2:], 'did': e[ACTION]} for e in walk()]
    features = {'arm': vector(2, ['a', 'b']), 'hand': vector(1, ['c']), 'did': vector(3, NAMES)}
    root = write(tmp_path / 'parts', parts, features)
    with pytest.raises(DataError, match=r'no feature "observation\.state".*--state: arm, hand'):
        import_(root, tmp_path / 'other')
    import_(root, tmp_path / 'third', Options(state=('arm', 'hand'), action=('did',)))
    np.testing.assert_allclose(Dataset(tmp_path / 'third').episode(0).q, walk()[0][STATE])


def motion(**ends):
    """One episode in which every joint goes from one value to the other."""
    state = np.stack([np.linspace(*ends[name], 20) for name in LIMITS], 1).astype('f4')
    return [{STATE: state, ACTION: state}] * 2


@pytest.mark.parametrize(
    ('unit', 'joint', 'ends', 'right'),
    [
        ('deg', 'turn', (0, 90), (0, np.pi / 2)),
        ('rad', 'turn', (0, 1.5), (0, 1.5)),
        ('percent', 'grip', (0, 100), (-0.17, 1.75)),
        ('percent', 'grip', (25, 50), (0.31, 0.79)),
        ('m100', 'grip', (-100, 100), (-0.17, 1.75)),
        ('m100', 'turn', (-50, 0), (-0.95, 0)),
        ('percent', 'slide', (0, 50), (0, 0.02)),
        ('mm', 'slide', (0, 40), (0, 0.04)),
        ('m', 'slide', (0, 0.03), (0, 0.03)),
    ],
)
def test_units_of_each_joint(tmp_path, arm, unit, joint, ends, right):
    values = {'turn': (0, 1), 'grip': (0, 1), 'slide': (0, 0.04)} | {joint: ends}
    features = {STATE: vector(3, list(LIMITS)), ACTION: vector(3, list(LIMITS))}
    root = write(tmp_path / 's', motion(**values), features)
    manifest = import_(root, tmp_path / 'set', Options(arm, units={joint: unit}))
    episode, place = Dataset(tmp_path / 'set').episode(0), list(LIMITS).index(joint)
    np.testing.assert_allclose(episode.q[[0, -1], place], right, atol=1e-6)
    np.testing.assert_allclose(episode.action[[0, -1], place], right, atol=1e-6)
    speed = (right[1] - right[0]) / 19 * FPS
    np.testing.assert_allclose(episode.v[1:, place], speed, rtol=1e-4, atol=1e-6)
    others = [i for i in range(3) if i != place]
    ones = np.array([values[name][1] for name in LIMITS])[others]
    np.testing.assert_allclose(episode.q[-1, others], ones, atol=1e-6)
    assert not any('outside' in note for note in manifest.provenance.notes)


def test_degrees_leave_alone_what_slides_and_hint_at_percent(tmp_path, arm):
    features = {STATE: vector(3, list(LIMITS)), ACTION: vector(3, list(LIMITS))}
    root = write(tmp_path / 's', motion(turn=(-60, 90), grip=(0, 100), slide=(0, 0.04)), features)
    manifest = import_(root, tmp_path / 'a', Options(arm, degrees=True))
    q = Dataset(tmp_path / 'a').episode(0).q[-1]
    np.testing.assert_allclose(q, [np.pi / 2, np.deg2rad(100), 0.04], atol=1e-6)
    (hint,) = [note for note in manifest.provenance.notes if 'percent' in note]
    assert 'within 0 to 100: grip; ' in hint and '--units grip=percent' in hint
    options = Options(arm, degrees=True, units={'grip': 'percent'})
    manifest = import_(root, tmp_path / 'b', options)
    np.testing.assert_allclose(Dataset(tmp_path / 'b').episode(0).q[-1, 1], 1.75, atol=1e-6)
    assert not any('percent' in note for note in manifest.provenance.notes)


@pytest.mark.parametrize('joint', ['turn', 'grip', 'slide'])
def test_values_outside_the_limits_are_said(tmp_path, arm, joint):
    features = {STATE: vector(3, list(LIMITS)), ACTION: vector(3, list(LIMITS))}
    values = {'turn': (0, 1), 'grip': (0, 1), 'slide': (0, 0.04)} | {joint: (0, 100)}
    root = write(tmp_path / 's', motion(**values), features)
    notes = import_(root, tmp_path / 'set', Options(arm)).provenance.notes
    told = [note for note in notes if 'outside' in note]
    assert [note.partition(':')[0] for note in told] == [
        f'position of {joint}',
        f'action of {joint}',
    ]
    assert "0 to 100 is outside the contract's limits" in told[0]


def test_a_unit_that_does_not_fit(tmp_path, arm):
    features = {STATE: vector(3, list(LIMITS)), ACTION: vector(3, list(LIMITS))}
    root = write(tmp_path / 's', motion(turn=(0, 1), grip=(0, 1), slide=(0, 0.04)), features)
    for units, match in (
        ({'slide': 'deg'}, r'"slide" slides: its unit is one of m, mm, .*not deg'),
        ({'turn': 'mm'}, r'"turn" turns: its unit is one of rad, deg'),
        ({'tunr': 'deg'}, r'"tunr" is not a joint with a unit.*"turn"'),
    ):
        with pytest.raises(DataError, match=match):
            import_(root, tmp_path / 'set', Options(arm, units=units))
    with pytest.raises(DataError, match=r'"degree" is not a known unit; .*deg'):
        Options(arm, units={'turn': 'degree'})
    with pytest.raises(DataError, match=r'turn=percent: without a robot'):
        import_(root, tmp_path / 'set', Options(units={'turn': 'percent'}))
    assert not (tmp_path / 'set').exists()


@pytest.mark.parametrize(
    ('rows', 'match'),
    [
        ({'timestamp': np.arange(20) / 15}, r'timestamps run at 15 Hz, info.json says 30 Hz'),
        ({'timestamp': np.arange(20) / 60}, r'timestamps run at 60 Hz'),
        (
            {'timestamp': (np.arange(20) + 4 * (np.arange(20) > 9)) / 30},
            r'leap by 0.167 s after row 9',
        ),
        ({'frame_index': np.arange(20) + (np.arange(20) > 4)}, r'row 5 has frame_index 6'),
        ({'frame_index': np.maximum(np.arange(20), 1)}, r'row 0 has frame_index 1'),
        ({'timestamp': np.full(20, np.nan)}, r'timestamps hold NaN'),
    ],
)
def test_times_that_disagree(tmp_path, rows, match):
    root = write(tmp_path / 's', walk(), THREE, rows=rows)
    with pytest.raises(DataError, match=match):
        import_(root, tmp_path / 'set')
    assert not (tmp_path / 'set').exists()


def test_the_rate_that_is_asked_for(tmp_path):
    root = write(tmp_path / 's', walk(), THREE, rows={'timestamp': np.arange(20) / 15})
    manifest = import_(root, tmp_path / 'set', Options(fps=15.0))
    episode = Dataset(tmp_path / 'set').episode(0)
    assert manifest.policy_hz == 15.0
    assert set(np.diff(episode.tick_ns)) == {round(1e9 / 15)}
    np.testing.assert_allclose(episode.v[1:], np.diff(walk()[0][STATE], axis=0) * 15, atol=1e-5)


@pytest.mark.parametrize(
    ('longer', 'starts'), [('', None), ('last', (10, 30)), ('first', (0, 30))]
)
def test_a_video_longer_than_its_episode(tmp_path, longer, starts):
    """Ten frames of a discarded take stand in front of the first episode's."""
    feature = {'dtype': 'video', 'shape': [HEIGHT, WIDTH, 3], 'names': ['h', 'w', 'c']}
    root = write(tmp_path / 's', walk(2), THREE | {CAMERA: feature}, spans=[(0, 30), (30, 50)])
    greys = [20 + 4 * i for i in range(50)]
    film(root, greys)
    manifest = import_(root, tmp_path / 'set', Options(longer_video=longer))
    data = Dataset(tmp_path / 'set')
    if starts is None:
        (entry,) = manifest.provenance.left_out
        assert entry['episode'] == 0 and '30 frames for 20 rows' in entry['reason']
        starts = (30,)
    assert len(data) == len(starts)
    for number, start in enumerate(starts):
        seen = np.asarray(data.episode(number).images['cam']).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(seen, greys[start : start + 20], atol=3)


@pytest.mark.parametrize(
    ('spans', 'frames', 'match'),
    [
        ([(0, 20), (20, 40)], 40, None),
        ([(0, 20), (20, 40)], 47, '7 frames at the end of video 0/0 belong to no episode'),
        ([(0, 20), (25, 45)], 45, '5 frames between episodes 0 and 1 belong to none'),
        ([(0, 20), (15, 35)], 35, 'episodes 0 and 1 share 5 frames'),
    ],
)
def test_frames_of_no_episode_or_of_two_are_said(tmp_path, spans, frames, match):
    feature = {'dtype': 'video', 'shape': [HEIGHT, WIDTH, 3], 'names': ['h', 'w', 'c']}
    root = write(tmp_path / 's', walk(2), THREE | {CAMERA: feature}, spans=spans)
    film(root, [100] * frames)
    notes = import_(root, tmp_path / 'set').provenance.notes
    told = [note for note in notes if 'frames' in note]
    assert len(told) == (match is not None)
    if match:
        assert match in told[0]


def test_vectors_of_one_number(tmp_path):
    plain = [{STATE: e[STATE][:, 0], ACTION: e[ACTION][:, :1]} for e in walk()]
    one = {STATE: vector(1, ['a']), ACTION: vector(1, ['a'])}
    import_(write(tmp_path / 's', plain, one), tmp_path / 'set')
    first = Dataset(tmp_path / 'set')
    np.testing.assert_allclose(first.episode(2).q[:, 0], walk()[2][STATE][:, 0])
    export(first, tmp_path / 'out', 'png', with_unknown=True)
    import_(tmp_path / 'out', tmp_path / 'back')
    np.testing.assert_array_equal(
        Dataset(tmp_path / 'back').episode(2).action, first.episode(2).action
    )


@pytest.mark.parametrize('bad', ['short', 'nan', 'ragged'])
def test_one_bad_episode_is_left_out(tmp_path, bad):
    episodes = walk(4)
    if bad == 'short':
        episodes[2] = {name: values[:1] for name, values in episodes[2].items()}
    elif bad == 'nan':
        episodes[2][STATE][3, 1] = np.nan
    root = write(tmp_path / 's', episodes, THREE)
    if bad == 'ragged':
        place = root / 'meta/episodes/chunk-000/file-000.parquet'
        rows = pq.read_table(place).to_pylist()
        rows[2]['length'] = 25
        pq.write_table(pq.read_table(place).from_pylist(rows), place)
    manifest = import_(root, tmp_path / 'set')
    (entry,) = manifest.provenance.left_out
    wanted = {'short': 'fewer than 2', 'nan': 'NaN or infinity', 'ragged': '20 rows, not 25'}
    assert entry['episode'] == 2 and wanted[bad] in entry['reason']
    names = [meta.episode for meta in manifest.episodes]
    assert names == ['episode_000000', 'episode_000001', 'episode_000003']


def test_an_import_of_nothing_leaves_nothing(tmp_path):
    episodes = [{name: values[:1] for name, values in e.items()} for e in walk(2)]
    root = write(tmp_path / 's', episodes, THREE)
    (tmp_path / 'empty').mkdir()
    for place, left in (('set', False), ('empty', True)):
        with pytest.raises(DataError, match=r'no episode is fit:\n  episode 0: .*fewer than 2'):
            import_(root, tmp_path / place)
        assert (tmp_path / place).exists() == left
        assert not left or not list((tmp_path / place).iterdir())


def test_several_instructions_of_an_episode_survive_the_way_there_and_back(tmp_path):
    rows = {'task_index': np.repeat([0, 1, 0], [8, 7, 5])}
    root = write(tmp_path / 's', walk(), THREE, tasks=('reach', 'grasp'), rows=rows)
    manifest = import_(root, tmp_path / 'set')
    meta = manifest.episodes[0]
    assert meta.task == 'reach, then grasp'
    changes = [[0, 'reach'], [8, 'grasp'], [15, 'reach']]
    assert json.loads(meta.extra['instructions']) == changes
    export(Dataset(tmp_path / 'set'), tmp_path / 'out', 'png', with_unknown=True)
    (tmp_path / 'out/meta/imitation_ros.json').unlink()
    back = import_(tmp_path / 'out', tmp_path / 'back').episodes[0]
    assert back.task == meta.task and back.extra == meta.extra


def test_the_verb_takes_it_all(tmp_path, arm):
    (tmp_path / 'arm.urdf').write_text(arm.urdf_text)
    (tmp_path / 'arm.yaml').write_text(arm.text)
    values = motion(turn=(0, 90), grip=(0, 100), slide=(0, 0.04))
    theirs = [{'joints': e[STATE], 'did': e[ACTION]} for e in values]
    root = write(tmp_path / 's', theirs, {'joints': vector(3), 'did': vector(3)})
    line = f'import-lerobot {root} --robot {tmp_path}/arm.yaml --out {tmp_path}/set --degrees'
    line += ' --units grip=percent --state joints --action did --names turn,grip,slide'
    done = CliRunner().invoke(app, line.split())
    assert done.exit_code == 0, done.output
    q = Dataset(tmp_path / 'set').episode(1).q[-1]
    np.testing.assert_allclose(q, [np.pi / 2, 1.75, 0.04], atol=1e-6)
