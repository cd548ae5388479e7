# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From bags to LeRobot's format and back, by the command line."""

import numpy as np
from typer.testing import CliRunner

from imitation_ros.cli.app import app
from imitation_ros.conversion.convert import convert
from imitation_ros.data.store import Dataset
from imitation_ros.errors import DataError


def invoke(*words):
    done = CliRunner().invoke(app, [str(word) for word in words], env={'COLUMNS': '160'})
    if isinstance(done.exception, DataError):
        return 1, str(done.exception)
    return done.exit_code, done.output


def test_bags_to_lerobot_and_back(good_bag, tmp_path):
    out = tmp_path / 'new' / 'lerobot'
    code, text = invoke('export-lerobot', good_bag.parent, '--out', out, '--codec', 'png')
    assert code == 0, text
    assert '1 of 1 episodes' in text
    assert 'LeRobot v3.0' in text
    code, text = invoke('import-lerobot', out, '--out', tmp_path / 'back')
    assert code == 0, text
    assert '1 episodes at 25 Hz' in text
    assert not list((tmp_path / 'new').glob('.dataset_*'))
    convert([good_bag], tmp_path / 'set')
    before, after = (Dataset(tmp_path / name).episode(0) for name in ('set', 'back'))
    assert after.meta == before.meta
    for name in ('tick_ns', 'q', 'v', 'action'):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    for kind in ('images', 'poses', 'age_ns'):
        told, read = getattr(before, kind), getattr(after, kind)
        assert set(told) == set(read)
        for name, values in told.items():
            np.testing.assert_array_equal(read[name], values)


def test_wrong_usage(good_bag, tmp_path):
    out = tmp_path / 'out'
    assert 'no such file' in invoke('export-lerobot', tmp_path / 'gone', '--out', out)[1]
    code, text = invoke('import-lerobot', tmp_path, '--out', out)
    assert (code, 'is not a LeRobot dataset' in text) == (1, True)
    code, text = invoke('import-lerobot', tmp_path, '--out', out, '--rename', 'front')
    assert (code, 'write theirs=ours' in text) == (1, True)
