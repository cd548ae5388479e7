# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training reads: random windows with images in frames/s, beside LeRobot and what a trainer eats.

One dataset is made, and exported to LeRobot's format with LeRobot's own video settings (AV1, a key
frame every two). The same random windows are read from both: ours memory-mapped, theirs by the
real lerobot in its own environment (IMITATION_ROS_LEROBOT_PYTHON), or, where none is named, by
decoding the very videos with PyAV as its pyav backend does. The trainer's appetite is a gradient
step of an image policy on one core. A dataset larger than this machine's memory is read as well.

    python benchmarks/reads.py [--smoke] [--json FILE]
"""

import argparse
from collections.abc import Callable
import json
import os
from pathlib import Path
import subprocess
import tempfile
import time
from typing import Any

import cv2
from gates import conclude, gate
import numpy as np

from imitation_ros.contract import Contract, load
from imitation_ros.data.episode import Episode, EpisodeMeta
from imitation_ros.data.observation import CameraInput, ObservationSpec
from imitation_ros.data.store import Dataset, DatasetWriter
from imitation_ros.data.windows import Windows
from imitation_ros.lerobot import layout, video
from imitation_ros.lerobot.exporter import export

CAMERA = 'head_camera'
HISTORY = 2
BATCH = 64
STEP_NS = 40_000_000
MEMORY_MB = 64.0
"""Most anonymous memory that reading may take, whatever the dataset's size."""

VARIABLE = 'IMITATION_ROS_LEROBOT_PYTHON'
LEROBOT = """
import importlib.metadata, importlib.util, json, sys, time
import numpy as np, torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset

root, count, history, camera = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.set_num_threads(1)
found = {'version': importlib.metadata.version('lerobot')}
for backend in ('torchcodec', 'pyav'):
    try:
        if backend == 'torchcodec':
            import torchcodec.decoders
        key = 'observation.images.' + camera
        steps = [(k + 1 - history) / 25 for k in range(history)]
        data = LeRobotDataset('local/bench', root=root, video_backend=backend,
                              delta_timestamps={key: steps}, return_uint8=True)
        order = np.random.default_rng(0).permutation(len(data)).repeat(2)
        data[0]
        wall, cpu = time.perf_counter(), time.process_time()
        for i in order[:count]:
            assert data[int(i)][key].shape[0] == history
        found[backend] = {'cpu': time.process_time() - cpu, 'wall': time.perf_counter() - wall}
    except Exception as error:
        found[backend] = {'error': f'{type(error).__name__}: {error}'[:200]}
print(json.dumps(found))
"""


def scene(height: int, width: int, frames: int, seed: int) -> np.ndarray[Any, Any]:
    """Images with edges, gradients, a little noise and something that moves."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=2).astype(np.uint8)
    unit = height / 480
    for _ in range(12):
        at = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        colour = tuple(int(value) for value in rng.integers(0, 255, 3))
        cv2.circle(base, at, int(rng.integers(10, 90) * unit), colour, -1)
    base = (base + rng.integers(0, 8, base.shape, dtype=np.uint8)).clip(0, 255).astype(np.uint8)
    result = np.empty((frames, height, width, 3), np.uint8)
    for k in range(frames):
        result[k] = base
        at = (
            int(width * (0.5 + 0.4 * np.sin(k / 15))),
            int(height * (0.5 + 0.4 * np.cos(k / 11))),
        )
        cv2.circle(result[k], at, int(60 * unit), (230, 60, 60), -1)
    return result


def make(
    root: Path, robot: Contract, size: tuple[int, int], episodes: int, frames: int
) -> Dataset:
    """Write a dataset of one camera."""
    writer = DatasetWriter(root, robot.text, robot.hash, robot.urdf_text, robot.joints, 25.0)
    t = np.arange(frames)[:, None] / 25
    for number in range(episodes):
        q = robot.home + 0.1 * np.sin(2.0 * t + np.arange(robot.n) + number)
        writer.append(
            Episode(
                meta=EpisodeMeta(
                    f'load_{number:04d}', 'load', outcome='success', robot=robot.name
                ),
                tick_ns=STEP_NS * np.arange(frames, dtype=np.int64),
                q=q,
                v=0 * q,
                action=q,
                images={CAMERA: scene(*size, frames, number)},
            )
        )
    writer.close()
    return Dataset(root)


def spec(robot: Contract, size: tuple[int, int]) -> ObservationSpec:
    """A policy that sees the camera as it was stored."""
    camera = CameraInput(CAMERA, *size)
    return ObservationSpec(robot.joints, False, (), (camera,), HISTORY, 25.0, 12, 4)


def timed(work: Callable[[], Any]) -> dict[str, float]:
    """CPU and wall time of one run [s]."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {'cpu': time.process_time() - cpu, 'wall': time.perf_counter() - wall}


def read_ours(windows: Windows, count: int, seed: int = 0) -> dict[str, float]:
    """Read random windows in batches."""
    chosen = np.random.default_rng(seed).permutation(len(windows))
    order = np.resize(chosen, count).astype(np.intp)

    def work() -> None:
        for begin in range(0, count, BATCH):
            windows.batch(order[begin : begin + BATCH])

    return timed(work)


def forget(root: Path) -> None:
    """Have the system drop a folder's files from its memory."""
    os.sync()
    for path in root.rglob('*'):
        if path.is_file():
            with path.open('rb') as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_lerobot(root: Path, count: int) -> dict[str, Any]:
    """Read random windows with the real lerobot, or decode its videos as it would."""
    python = os.environ.get(VARIABLE, '')
    if not python:
        return {'PyAV alone': decode(root, count)}
    foreign = ('LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE', 'PYTHONPATH')
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [python, '-c', LEROBOT, str(root), str(count), str(HISTORY), CAMERA],
            check=False,
            capture_output=True,
            text=True,
            env={**kept, 'HF_HUB_OFFLINE': '1', 'HF_HOME': home, 'HF_LEROBOT_HOME': home},
        )
    if done.returncode:
        raise SystemExit(f'{VARIABLE}={python}: {done.stderr[-2000:]}')
    found = json.loads(done.stdout.splitlines()[-1])
    version = found.pop('version')
    return {f'lerobot {version} {backend}': values for backend, values in found.items()}


def decode(root: Path, count: int) -> dict[str, float]:
    """Seek and decode random windows of the exported videos."""
    info = json.loads((root / layout.INFO).read_text(encoding='utf-8'))
    path = root / layout.VIDEO.format(
        video_key=layout.IMAGES + CAMERA, chunk_index=0, file_index=0
    )
    order = np.random.default_rng(0).permutation(info['total_frames'] - HISTORY)

    def work() -> None:
        for at in np.resize(order, count):
            assert len(list(video.read(path, int(at) / 25, HISTORY, 25))) == HISTORY

    return timed(work)


def appetite(windows: Windows, size: tuple[int, int], steps: int) -> dict[str, float]:
    """Gradient steps of an image policy on one core, with a batch that is already there."""
    import torch

    from imitation_ros.data.stats import measure
    from imitation_ros.training.config import parse
    from imitation_ros.training.state import TrainState

    torch.set_num_threads(1)
    camera = {'name': CAMERA, 'height': size[0], 'width': size[1]}
    values = {'method': 'bc', 'cameras': [camera], 'history': HISTORY, 'batch': BATCH}
    config = parse(values, 'benchmark')
    state = TrainState(config, windows.spec, measure(windows, residual=True), len(windows))
    batch = windows.batch(state.sampler.draw(BATCH))

    def work() -> None:
        for _ in range(steps):
            state.step(state.actor.loss(batch, state.generator, config.noise)['loss'])

    work()
    return timed(work)


def anonymous_mb() -> float:
    """Memory of this process that no file backs [MB]."""
    for line in Path('/proc/self/status').read_text(encoding='ascii').splitlines():
        if line.startswith('RssAnon'):
            return int(line.split()[1]) / 1024
    raise SystemExit('/proc/self/status has no RssAnon')


def outsize(root: Path, robot: Contract, gigabytes: float, batches: int) -> dict[str, float]:
    """Read a dataset larger than memory; its images are holes in sparse files."""
    size, frames = (480, 640), 2000
    episodes = max(1, round(gigabytes * 1e9 / (frames * np.prod(size) * 3)))
    make(root, robot, (4, 4), episodes, frames)
    total = 0
    for path in root.rglob(f'image.{CAMERA}.npy'):
        shape = (frames, *size, 3)
        array = np.lib.format.open_memmap(path, mode='w+', dtype=np.uint8, shape=shape)
        total += array.nbytes
        del array
    windows = Windows(Dataset(root), range(episodes), spec(robot, size))
    read_ours(windows, BATCH)
    before = anonymous_mb()
    took = read_ours(windows, batches * BATCH, seed=1)
    return {
        'GB': total / 1e9,
        'grown_MB': max(0.0, anonymous_mb() - before),
        'frames_per_cpu_s': batches * BATCH * HISTORY / took['cpu'],
    }


def disk_mb(root: Path) -> float:
    """Size of a folder's files [MB]."""
    return sum(path.stat().st_size for path in root.rglob('*') if path.is_file()) / 1e6


def compare(folder: Path, robot: Contract, size: tuple[int, int], smoke: bool) -> dict[str, Any]:
    """Read one size of images every way; frames per second of processor and of wall."""
    large = size[0] > 200
    episodes, frames = (2, 30) if smoke else (10, 150) if large else (20, 250)
    dataset = make(folder / 'set', robot, size, episodes, frames)
    export(dataset, folder / 'lerobot', 'av1')
    windows = Windows(dataset, range(episodes), spec(robot, size))
    count = 128 if smoke else 2048 if large else 16384
    theirs = 20 if smoke else 300 if large else 1500
    read_ours(windows, count)
    rows = {'ours': (count, read_ours(windows, count, seed=1))}
    forget(folder)
    cold = min(count, len(windows))
    reopened = Windows(Dataset(dataset.root), range(episodes), spec(robot, size))
    rows['ours, from disk'] = (cold, read_ours(reopened, cold))
    rows |= {name: (theirs, row) for name, row in read_lerobot(folder / 'lerobot', theirs).items()}
    result: dict[str, Any] = {
        'MB': {'ours': disk_mb(folder / 'set'), 'lerobot': disk_mb(folder / 'lerobot')}
    }
    for name, (number, row) in rows.items():
        if 'error' in row:
            result[name] = row
        else:
            each = {kind: number * HISTORY / seconds for kind, seconds in row.items()}
            result[name] = each
    if not large:
        steps = 1 if smoke else 5
        took = appetite(windows, size, steps)
        eaten = {kind: steps * BATCH * HISTORY / seconds for kind, seconds in took.items()}
        result['a trainer eats'] = eaten
    return result


def show(size: str, result: dict[str, Any]) -> None:
    """Print one size as a table."""
    stored = result['MB']
    print(f'\n{size}: {stored["ours"]:.0f} MB as ours, {stored["lerobot"]:.1f} MB as videos')
    print(f'{"":32}{"frames/CPU-s":>14}{"frames/s wall":>16}')
    for name, row in result.items():
        if name != 'MB':
            values = row.get('error') or f'{row["cpu"]:14.0f}{row["wall"]:16.0f}'
            print(f'{name:32}{values}')


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--smoke', action='store_true', help='small sets, no timing is judged')
    parser.add_argument('--json', type=Path, help='write the results to this file')
    arguments = parser.parse_args()
    robot = load('imi_humanoid')
    results: dict[str, Any] = {}
    for size in ((96, 128), (480, 640)):
        name = f'{size[1]}x{size[0]}'
        with tempfile.TemporaryDirectory(prefix='reads_') as folder:
            results[name] = compare(Path(folder), robot, size, arguments.smoke)
        show(name, results[name])
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9
    with tempfile.TemporaryDirectory(prefix='reads_') as folder:
        wanted = 2.0 if arguments.smoke else 1.5 * memory
        large = outsize(Path(folder) / 'set', robot, wanted, 4 if arguments.smoke else 40)
    results['larger than memory'] = large
    print(
        f'\n{large["GB"]:.0f} GB read at random on {memory:.0f} GB of memory: anonymous memory '
        f'grew by {large["grown_MB"]:.1f} MB'
    )
    judged = not arguments.smoke
    gates = {'anonymous memory of reading': gate(large['grown_MB'], MEMORY_MB, 'MB')}
    small = results['128x96']
    gates['ours / trainer, 128x96'] = gate(
        small['ours']['cpu'] / small['a trainer eats']['cpu'], 1.0, 'x', low=True, judged=judged
    )
    for name in ('128x96', '640x480'):
        rivals = [
            row['cpu']
            for key, row in results[name].items()
            if ('lerobot' in key or 'PyAV' in key) and 'error' not in row
        ]
        gates[f'ours / LeRobot, {name}'] = gate(
            results[name]['ours']['cpu'] / max(rivals), 1.0, 'x', low=True, judged=judged
        )
    return conclude(gates, arguments.json, results=results)


if __name__ == '__main__':
    raise SystemExit(main())
