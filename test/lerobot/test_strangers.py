# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""LeRobot datasets that others wrote or edited: understood by names, or refused."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imitation_ros.contract import loads
from imitation_ros.data.observation import CameraInput, ObservationSpec
from imitation_ros.data.store import Dataset
from imitation_ros.data.windows import Windows
from imitation_ros.errors import DataError
from imitation_ros.lerobot import layout
from imitation_ros.lerobot.exporter import export
from imitation_ros.lerobot.importer import import_, Options
from imitation_ros.urdf import parse


@pytest.fixture(scope='module')
def exported(dataset, tmp_path_factory):
    root = tmp_path_factory.mktemp('exported') / 'set'
    export(dataset, root, 'png')
    return root


@pytest.fixture
def stranger(exported, contract, tmp_path):
    """The export as somebody else would have written it: only state, action and an image.

    Their joints have LeRobot's suffix and another order, the camera another name, there is one
    joint more than in the contract, and all that turns is in degrees.
    """
    root = tmp_path / 'theirs'
    shutil.copytree(exported, root)
    (root / layout.OURS).unlink()
    path = root / layout.DATA.format(chunk_index=0, file_index=0)
    table = pq.read_table(path)
    info = json.loads((root / layout.INFO).read_text())
    joints = info['features']['action']['names']
    kinds = {name: joint.kind for name, joint in parse(contract.urdf_text).joints.items()}
    turning = np.array([kinds[name] != 'prismatic' for name in (*reversed(joints), joints[0])])
    for name in ('observation.state', 'action'):
        values = np.stack(table[name].to_pylist())[:, ::-1]
        values = np.concatenate([values, values[:, :1]], axis=1)
        values[:, turning] = np.rad2deg(values[:, turning])
        values = values.astype(np.float32)
        at = table.column_names.index(name)
        table = table.set_column(at, name, pa.array(list(values)))
        names = [f'{joint}.pos' for joint in reversed(joints)] + ['tail.pos']
        # As version 2 nested them, and nobody renamed since.
        info['features'][name] = {
            'dtype': 'float32',
            'shape': [len(names)],
            'names': {'motors': names},
        }
    for name in list(info['features']):
        if name.startswith('age.') or name in (layout.VELOCITY, layout.POSES):
            table = table.drop_columns([name])
            del info['features'][name]
    camera = info['features'].pop('observation.images.head_camera')
    info['features']['observation.images.front'] = camera
    renamed = [n.replace('head_camera', 'front') for n in table.column_names]
    pq.write_table(table.rename_columns(renamed), path)
    (root / layout.INFO).write_text(json.dumps(info))
    return root


def test_a_stranger_is_understood_by_names(stranger, dataset, contract, tmp_path):
    options = Options(contract, {'front': 'head_camera'}, degrees=True)
    manifest = import_(stranger, tmp_path / 'set', options)
    notes = ' '.join(manifest.provenance.notes)
    for part in ('not in the contract: tail', 'differences of positions', 'age', 'degrees'):
        assert part in notes
    for number, (before, after) in enumerate(
        zip(dataset.episodes(), Dataset(tmp_path / 'set').episodes(), strict=True)
    ):
        assert after.meta.episode == f'episode_{number:06d}'
        assert after.meta.task == before.meta.task
        assert after.meta.contract_hash == contract.hash
        np.testing.assert_allclose(after.q, before.q, atol=1e-6)
        np.testing.assert_allclose(after.action, before.action, atol=1e-6)
        np.testing.assert_allclose(after.v[1:], np.diff(before.q, axis=0) * 25, atol=1e-4)
        np.testing.assert_array_equal(after.images['head_camera'], before.images['head_camera'])
        assert after.age_ns == {}
        assert set(np.diff(after.tick_ns)) == {40_000_000}


def test_a_stranger_without_a_robot_keeps_its_own_names(stranger, dataset, contract, tmp_path):
    manifest = import_(stranger, tmp_path / 'set')
    assert any('no robot is described' in note for note in manifest.provenance.notes)
    own = loads(manifest.contract_text, tmp_path / 'contract.yaml')
    assert own.data_only
    assert own.rates.policy_hz == 25.0
    assert manifest.joints == manifest.actions == own.joints
    assert manifest.joints[0] == dataset.manifest.joints[-1] and manifest.joints[-1] == 'tail'
    after, before = Dataset(tmp_path / 'set').episode(1), dataset.episode(1)
    kinds = {name: joint.kind for name, joint in parse(contract.urdf_text).joints.items()}
    turning = np.array([kinds[name] != 'prismatic' for name in manifest.joints[:-1]])
    ours = np.where(turning, np.deg2rad(after.q[:, :-1]), after.q[:, :-1])
    np.testing.assert_allclose(ours, before.q[:, ::-1], atol=1e-6)
    np.testing.assert_array_equal(after.images['front'], before.images['head_camera'])
    spec = ObservationSpec(
        manifest.joints, False, (), (CameraInput('front', 24, 32),), 2, 25.0, 4, 4
    )
    assert Windows(Dataset(tmp_path / 'set'), [0, 1, 2], spec).batch(np.arange(8)).images


def test_a_name_to_rename_that_is_not_there_is_refused(stranger, contract, tmp_path):
    options = Options(contract, {'frnt': 'head_camera'}, degrees=True)
    with pytest.raises(DataError, match=r'"frnt" is not a joint or camera to rename.*"front"'):
        import_(stranger, tmp_path / 'set', options)
    assert not (tmp_path / 'set').exists()


def test_a_camera_the_contract_does_not_have_is_left_out_and_said(stranger, contract, tmp_path):
    manifest = import_(stranger, tmp_path / 'set', Options(contract, degrees=True))
    assert 'camera "front" left out: not in the contract' in manifest.provenance.notes
    assert Dataset(tmp_path / 'set').episode(0).images == {}


def test_joints_that_are_missing_are_listed(stranger, contract, tmp_path):
    info = json.loads((stranger / layout.INFO).read_text())
    names = info['features']['action']['names']['motors']
    names[names.index('waist_yaw_joint.pos')] = 'spin.pos'
    (stranger / layout.INFO).write_text(json.dumps(info))
    with pytest.raises(DataError, match=r'"action" lacks joints of .*: waist_yaw_joint; it has'):
        import_(stranger, tmp_path / 'set', Options(contract))
    import_(stranger, tmp_path / 'set', Options(contract, {'spin': 'waist_yaw_joint'}))
    info['features']['action']['names'] = None
    (stranger / layout.INFO).write_text(json.dumps(info))
    with pytest.raises(DataError, match='34 entries has the names None'):
        import_(stranger, tmp_path / 'other', Options(contract))


def test_an_edited_export_keeps_its_robot_but_not_our_metas(exported, dataset, tmp_path):
    """LeRobot's own tools delete episodes and know nothing of our file."""
    root = tmp_path / 'edited'
    shutil.copytree(exported, root)
    place = root / layout.EPISODES.format(chunk_index=0, file_index=0)
    pq.write_table(pq.read_table(place).slice(0, 2), place)
    manifest = import_(root, tmp_path / 'set')
    assert manifest.provenance.notes == (
        'its episodes were edited since: their metas and ticks are lost',
    )
    assert [meta.episode for meta in manifest.episodes] == ['episode_000000', 'episode_000001']
    np.testing.assert_array_equal(Dataset(tmp_path / 'set').episode(1).q, dataset.episode(1).q)


def test_what_is_no_dataset(exported, tmp_path):
    with pytest.raises(DataError, match='is not a LeRobot dataset'):
        import_(tmp_path, tmp_path / 'set')
    root = tmp_path / 'old'
    shutil.copytree(exported, root)
    info = json.loads((root / layout.INFO).read_text())
    (root / layout.INFO).write_text(json.dumps({**info, 'codebase_version': 'v2.1'}))
    with pytest.raises(DataError, match=r'format v2.1, not v3.0; .*convert_dataset_v21_to_v30'):
        import_(root, tmp_path / 'set')
    (root / layout.INFO).write_text('{')
    with pytest.raises(DataError, match='damaged'):
        import_(root, tmp_path / 'set')


def test_damage(dataset, tmp_path):
    export(dataset, tmp_path / 'lerobot', 'h264')
    path = next((tmp_path / 'lerobot/videos').rglob('*.mp4'))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r'mp4: cannot be decoded'):
        import_(tmp_path / 'lerobot', tmp_path / 'set')
    path.write_bytes(whole)
    table = next((tmp_path / 'lerobot/data').rglob('*.parquet'))
    rows = pq.read_table(table)
    pq.write_table(rows.slice(0, 30), table)
    manifest = import_(tmp_path / 'lerobot', tmp_path / 'set2')
    assert [*manifest.provenance.left_out] == [{'episode': 2, 'reason': '9 rows, not 15'}]
    assert 'episode 2 left out: 9 rows, not 15' in manifest.provenance.notes
    assert [meta.episode for meta in manifest.episodes] == ['reach_0', 'reach_1']
    table.write_bytes(b'PAR1')
    with pytest.raises(DataError, match='parquet: cannot be read'):
        import_(tmp_path / 'lerobot', tmp_path / 'set3')
