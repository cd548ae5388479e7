# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A dataset larger than this machine's memory is read at random without filling it."""

import os
from pathlib import Path
import sys

import demonstrations
import numpy as np
import pytest

from imitation_ros.data.observation import CameraInput, ObservationSpec
from imitation_ros.data.store import Dataset
from imitation_ros.data.windows import Windows

HEIGHT, WIDTH, MB = 1080, 1920, 1 << 20


def anonymous() -> int:
    """Memory of this process that no file backs [bytes]."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith('RssAnon'))


@pytest.mark.skipif(sys.platform != 'linux', reason='needs /proc and sparse files')
def test_random_reads_take_no_memory_of_their_own(contract, tmp_path):
    frames = 400
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    episodes = 1 + int(1.2 * memory / (frames * HEIGHT * WIDTH * 3))
    demonstrations.dataset(tmp_path / 'set', contract, episodes, frames)
    for folder in (tmp_path / 'set').glob('reach_*'):
        # All but one pixel of an image is a hole in the file, and takes no room on the disk.
        path = folder / 'image.head_camera.npy'
        shape = (frames, HEIGHT, WIDTH, 3)
        images = np.lib.format.open_memmap(path, mode='w+', dtype=np.uint8, shape=shape)
        begin, size = images.offset, images[0].nbytes
        del images
        with path.open('r+b', buffering=0) as file:
            for frame in range(frames):
                file.seek(begin + frame * size + (7 * WIDTH + 9) * 3)
                file.write(bytes([frame % 251]))
    dataset = Dataset(tmp_path / 'set')
    camera = CameraInput('head_camera', HEIGHT, WIDTH)
    spec = ObservationSpec(contract.joints, False, (), (camera,), 1, 25.0, 4, 4)
    windows = Windows(dataset, range(episodes), spec)
    assert len(windows) * HEIGHT * WIDTH * 3 > memory
    rng = np.random.default_rng(0)
    before, most, read = anonymous(), 0, 0
    for _ in range(24):
        chosen = rng.integers(0, len(windows), 2)
        batch = windows.batch(chosen)
        np.testing.assert_array_equal(
            batch.images['head_camera'][:, 0, 7, 9, 0], chosen % frames % 251
        )
        most = max(most, anonymous())
        read += batch.images['head_camera'].nbytes
    assert read > 256 * MB
    assert most - before < 64 * MB
