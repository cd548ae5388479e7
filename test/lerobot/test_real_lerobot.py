# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The real lerobot opens what we export, and its own tools work on it.

It conflicts with our stack, so it lives in an environment of its own:

    python3.12 -m venv lerobot && lerobot/bin/pip install 'lerobot[dataset]==0.6.1'
    IMITATION_ROS_LEROBOT_PYTHON=lerobot/bin/python pytest test/lerobot
"""

from dataclasses import replace
import json
import os
from pathlib import Path
import subprocess

import demonstrations
import numpy as np
import pytest
from scenes import scene

from imitation_ros.data.store import Dataset
from imitation_ros.lerobot.exporter import export
from imitation_ros.lerobot.importer import import_, Options

VARIABLE = 'IMITATION_ROS_LEROBOT_PYTHON'
PYTHON = os.environ.get(VARIABLE, '')
pytestmark = [
    pytest.mark.skipif(
        not PYTHON, reason=f'{VARIABLE} names no Python that has lerobot (>= 0.4, format v3.0)'
    ),
    pytest.mark.slow,
]

READ = """
import importlib.metadata, json, sys
import numpy as np
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from torch.utils.data import DataLoader

root, out = sys.argv[1:]
data = LeRobotDataset('local/test', root=root, video_backend='pyav')
items = [data[i] for i in range(len(data))]
arrays = {
    key: np.stack([np.asarray(item[key]) for item in items])
    for key in items[0] if key != 'task'
}
chunks = LeRobotDataset(
    'local/test', root=root, video_backend='pyav', episodes=[1],
    delta_timestamps={'action': [k / data.fps for k in range(4)]},
)
batch = next(iter(DataLoader(chunks, batch_size=len(chunks))))
arrays['chunk'], arrays['padded'] = batch['action'].numpy(), batch['action_is_pad'].numpy()
np.savez(out, **arrays)
print(json.dumps({
    'version': importlib.metadata.version('lerobot'),
    'tasks': [item['task'] for item in items],
    'episodes': data.num_episodes,
    'fps': data.fps,
    'names': data.meta.names['action'],
    'stats': {key: np.shape(value['mean']) for key, value in data.meta.stats.items()},
    'mean': np.asarray(data.meta.stats['action']['mean']).tolist(),
}))
"""

MAKE = """
import sys
import numpy as np
from lerobot.datasets.lerobot_dataset import LeRobotDataset

root, out = sys.argv[1:]
features = {
    'observation.state': {
        'dtype': 'float32', 'shape': (3,), 'names': ['pan.pos', 'lift.pos', 'grip.pos']
    },
    'action': {'dtype': 'float32', 'shape': (2,), 'names': ['pan', 'lift']},
    'observation.images.Top-View': {
        'dtype': 'video', 'shape': (48, 64, 3), 'names': ['height', 'width', 'channels']
    },
}
data = LeRobotDataset.create('local/made', fps=10, features=features, root=root, use_videos=True)
seen = np.load(out)
for number in range(2):
    for k in range(12):
        data.add_frame({
            'observation.state': seen['state'][number, k],
            'action': seen['action'][number, k],
            'observation.images.Top-View': seen['images'][number, k],
            'task': ('push', 'pull')[number],
        })
    data.save_episode()
data.finalize()
"""

EDIT = """
import sys
from lerobot.datasets.dataset_tools import delete_episodes
from lerobot.datasets.lerobot_dataset import LeRobotDataset

root, out = sys.argv[1:]
data = LeRobotDataset('local/test', root=root, video_backend='pyav')
delete_episodes(data, [0], output_dir=out, repo_id='local/edited')
"""


def lerobot(script: str, *words: Path, home: Path) -> str:
    """Run a script with the real lerobot, offline; our ROS wheels' libraries are not its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ('LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE', 'PYTHONPATH')
    }
    done = subprocess.run(
        [PYTHON, '-c', script, *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        env={**kept, 'HF_HUB_OFFLINE': '1', 'HF_HOME': str(home), 'HF_LEROBOT_HOME': str(home)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize('codec', ['av1', 'h264', 'png'])
def test_lerobot_reads_what_we_wrote(dataset, tmp_path, codec):
    export(dataset, tmp_path / 'out', codec)
    printed = lerobot(READ, tmp_path / 'out', tmp_path / 'seen.npz', home=tmp_path / 'home')
    told = json.loads(printed.splitlines()[-1])
    print(told['version'], told['stats'])
    seen = np.load(tmp_path / 'seen.npz')
    episodes = list(dataset.episodes())
    assert (told['episodes'], told['fps']) == (3, 25)
    assert told['names'] == list(dataset.manifest.joints)
    assert told['tasks'] == [e.meta.task for e in episodes for _ in range(len(e))]
    action = np.concatenate([e.action for e in episodes])
    np.testing.assert_array_equal(seen['action'], action)
    np.testing.assert_allclose(told['mean'], action.astype(float).mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(
        seen['observation.state'], np.concatenate([e.q for e in episodes])
    )
    poses = np.concatenate([e.poses['object'] for e in episodes])
    np.testing.assert_array_equal(seen['observation.environment_state'], poses)
    for name in ('joint_states', 'head_camera'):
        age = np.concatenate([e.age_ns[name] for e in episodes]) / 1e9
        np.testing.assert_allclose(seen[f'age.{name}'], age, rtol=1e-6)
    images = np.concatenate([e.images['head_camera'] for e in episodes]).astype(float)
    theirs = seen['observation.images.head_camera'].transpose(0, 2, 3, 1) * 255.0
    error = np.abs(theirs - images).mean(axis=(1, 2, 3))
    assert error.max() < (1e-3 if codec == 'png' else 4.0)
    one = episodes[1].action
    for k in range(len(one)):
        last = min(k + 4, len(one))
        np.testing.assert_array_equal(seen['chunk'][k, : last - k], one[k:last])
        np.testing.assert_array_equal(seen['padded'][k], np.arange(k, k + 4) >= len(one))


def test_lerobot_reads_depth(dataset, contract, tmp_path):
    rng = np.random.default_rng(0)
    episodes = [
        replace(e, images={'depth': rng.integers(0, 9000, (len(e), 6, 10, 1), dtype=np.uint16)})
        for e in dataset.episodes()
    ]
    deep = demonstrations.write(tmp_path / 'set', contract, episodes)
    export(deep, tmp_path / 'out')
    lerobot(READ, tmp_path / 'out', tmp_path / 'seen.npz', home=tmp_path / 'home')
    millimetres = np.load(tmp_path / 'seen.npz')['observation.images.depth']
    expected = np.concatenate([e.images['depth'] for e in episodes]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(millimetres, expected)


def test_what_lerobot_recorded_is_imported(tmp_path):
    """Without a robot, under its own names, from its own tables and videos."""
    rng = np.random.default_rng(0)
    state = rng.normal(size=(2, 12, 3)).astype(np.float32)
    action = rng.normal(size=(2, 12, 2)).astype(np.float32)
    images = np.stack([scene(12, 0), scene(12, 30)])
    np.savez(tmp_path / 'given.npz', state=state, action=action, images=images)
    lerobot(MAKE, tmp_path / 'made', tmp_path / 'given.npz', home=tmp_path / 'home')
    manifest = import_(tmp_path / 'made', tmp_path / 'set')
    assert manifest.joints == ('pan', 'lift', 'grip')
    assert manifest.actions == ('pan', 'lift')
    assert [meta.task for meta in manifest.episodes] == ['push', 'pull']
    for number, episode in enumerate(Dataset(tmp_path / 'set').episodes()):
        np.testing.assert_array_equal(episode.q, state[number])
        np.testing.assert_array_equal(episode.action, action[number])
        assert set(np.diff(episode.tick_ns)) == {100_000_000}
        away = np.abs(
            episode.images['top_view'][:, None].astype(float) - images[number][None]
        ).mean(axis=(2, 3, 4))
        np.testing.assert_array_equal(away.argmin(axis=1), np.arange(12))
        assert away.diagonal().max() < 6.0


def test_what_lerobot_edits_comes_back(dataset, contract, tmp_path):
    """LeRobot deletes the first episode; the others are imported from its own files."""
    export(dataset, tmp_path / 'out', 'h264')
    lerobot(EDIT, tmp_path / 'out', tmp_path / 'edited', home=tmp_path / 'home')
    # Its tools copy none of our file: the robot is named again.
    manifest = import_(tmp_path / 'edited', tmp_path / 'back', Options(contract))
    assert [meta.task for meta in manifest.episodes] == ['wave', 'reach']
    for before, after in zip(
        list(dataset.episodes())[1:], Dataset(tmp_path / 'back').episodes(), strict=True
    ):
        np.testing.assert_array_equal(after.q, before.q)
        np.testing.assert_array_equal(after.age_ns['head_camera'], before.age_ns['head_camera'])
        error = after.images['head_camera'].astype(float) - before.images['head_camera']
        assert np.abs(error).mean() < 6.0
