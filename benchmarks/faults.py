# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faults of every kind against the recorder: kills, cuts, overwritten bytes.

A recorder process is killed (SIGKILL) at random moments of a take; of a bag recorded over DDS,
copies are cut at 100 random offsets, and others have one bit of one byte changed. Counted are the
seconds that a kill cost, messages that should have come back and did not, bags that a repair
left unreadable, and damage that nobody told. Last, MCAP files of every make (chunked or not, any
compression, with and without checksums) are cut or changed anywhere and repaired: counted are
files of which a plain reader found more than the repair kept, or whose original is gone.

    python benchmarks/faults.py [--smoke] [--json FILE]
    python benchmarks/faults.py --repair [N]        the last part alone, N damages (10,000)
"""

import argparse
from collections.abc import Iterator
import os
from pathlib import Path
import shutil
import tempfile
import time
from typing import Any

from gates import conclude, gate
from mcap.reader import make_reader
import mcap_faults
import numpy as np
from recorder_nodes import Bench, Load
from rosbags.rosbag2 import Reader as Rosbag2Reader

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.edit.repair import repair
from imitation_ros.bags.reader import Bag
from imitation_ros.errors import DataError

NS = 1_000_000_000
RECORD_HEAD = 9
CHUNK_HEAD = 9 + 8 + 8 + 8 + 4 + 4 + 8

Key = tuple[int, str, int]
"""Receive time [ns], topic, hash of the message."""


def keys(bag: Path) -> list[Key]:
    """Messages of a bag, in the order they were received."""
    with Bag(bag) as opened:
        return [(m.log_ns, m.topic, hash(m.data)) for m in opened.messages()]


def ends(file: Path) -> Iterator[tuple[int, int]]:
    """Receive time [ns] of each message of a finished file, and where it ends in it."""
    raw = file.read_bytes()
    with open(file, 'rb') as stream:
        summary = make_reader(stream).get_summary()
    for chunk in summary.chunk_indexes:
        at = chunk.chunk_start_offset + CHUNK_HEAD
        stop = chunk.chunk_start_offset + chunk.chunk_length
        while at < stop:
            end = at + RECORD_HEAD + int.from_bytes(raw[at + 1 : at + RECORD_HEAD], 'little')
            if raw[at] == 5:
                yield int.from_bytes(raw[at + 15 : at + 23], 'little'), end
            at = end


def independent(bag: Path) -> int:
    """Messages that rosbags, which is none of ours, reads from a bag."""
    with Rosbag2Reader(bag) as reader:
        return sum(1 for _ in reader.messages())


def killed(folder: Path, seconds: float) -> dict[str, float]:
    """Kill a live recorder after a while; what the repair of its take brings back."""
    with Bench('imitation_ros', folder, Load(60.0, jpeg=True)) as bench:
        bench.tell('go')
        time.sleep(seconds)
        bench.recorder.kill()
        killed_ns = time.time_ns()
        bench.recorder.wait()
    (left,) = folder.glob('ours/*.recording')
    result = repair(left)
    numbers: dict[str, list[int]] = {}
    with Bag(result.path) as bag:
        for message in bag.messages():
            number = int(bytes(message.data[16:25]))
            if number >= 0:
                numbers.setdefault(message.topic, []).append(number)
        lost_s = (killed_ns - bag.end_ns) / NS
    holes = sum(found[-1] - found[0] + 1 - len(found) for found in numbers.values())
    holes += sum(found[0] for found in numbers.values())
    same = independent(result.path) == result.messages
    return {
        'lost_s': lost_s,
        'holes': holes,
        'invalid': int(not same or repair(result.path).changed),
    }


def cuts(bag: Path, count: int, rng: np.random.Generator, folder: Path) -> dict[str, int]:
    """Cut copies off anywhere; what came back wrong, and what was no valid bag."""
    name = f'{bag.name}_0.mcap'
    places = sorted(ends(bag / name))
    size = (bag / name).stat().st_size
    wrong = invalid = 0
    for k, at in enumerate(map(int, rng.integers(size // 50, size, count))):
        left = folder / f'{bag.name}.recording'
        left.mkdir()
        with open(bag / name, 'rb') as source, open(left / name, 'wb') as target:
            shutil.copyfileobj(_Head(source, at), target)
        try:
            result = repair(left)
            wrong += abs(result.messages - sum(end <= at for _, end in places))
            if k % 10 == 0:
                invalid += independent(result.path) != result.messages
            with Bag(result.path) as opened:
                audit(opened)
                invalid += not (opened.meta and opened.meta.recovered)
            shutil.rmtree(result.path)
        except DataError:
            invalid += 1
            shutil.rmtree(left, ignore_errors=True)
    return {'wrong': wrong, 'invalid': invalid}


class _Head:
    """The first bytes of a file, for copyfileobj."""

    def __init__(self, stream: Any, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data


def overwritten(bag: Path, count: int, rng: np.random.Generator, folder: Path) -> dict[str, int]:
    """Change one bit of copies; damage that nobody told, or that a repair passed on."""
    name = f'{bag.name}_0.mcap'
    good = keys(bag)
    with Bag(bag) as opened:
        told_of = audit(opened), opened.types, opened.counts
    known = set(good)
    silent = altered = told = 0
    size = (bag / name).stat().st_size
    # Half of them outside of the messages' bulk: in the head, and in the index and summary.
    bounds = [(0, size), (0, 90_000), (0, size), (size - 20_000, size)]
    places = [int(rng.integers(*bounds[k % len(bounds)])) for k in range(count)]
    for at in places:
        copy = Path(shutil.copytree(bag, folder / bag.name))
        with open(copy / name, 'r+b') as stream:
            stream.seek(at)
            (byte,) = stream.read(1)
            stream.seek(at)
            stream.write(bytes([byte ^ (1 << int(rng.integers(8)))]))
        try:
            found = keys(copy)
            with Bag(copy) as opened:
                silent += (audit(opened), opened.types, opened.counts) != told_of or found != good
        except DataError:
            told += 1
            try:
                repair(copy)
                altered += not set(keys(copy)) <= known
            except DataError:
                altered += 1
        shutil.rmtree(copy)
    return {'silent': silent, 'altered': altered, 'told': told}


def repaired(count: int, seed: int, folder: Path) -> dict[str, int]:
    """Repair files of every make with a fault each; how many lost something, and how often."""
    wrong = 0
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        shape, fault = mcap_faults.random_shape(rng), mcap_faults.random_fault(rng)
        data = mcap_faults.spoil(mcap_faults.write(shape), fault)
        found = mcap_faults.problems(data, folder / 'bag')
        wrong += bool(found)
        for problem in found:
            print(f'damage {number} of seed {seed}: {problem}; {shape}, {fault}', flush=True)
    return {'damages': count, 'wrong': wrong}


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--smoke', action='store_true', help='one kill, few cuts')
    parser.add_argument('--json', type=Path, help='write the results to this file')
    parser.add_argument('--seed', type=int, default=0, help='of the moments and places')
    parser.add_argument(
        '--repair', type=int, nargs='?', const=0, help='only repair files with N random damages'
    )
    arguments = parser.parse_args()
    damages = arguments.repair or (30 if arguments.smoke else 10_000)
    with tempfile.TemporaryDirectory(prefix='faults_') as name:
        kept = repaired(damages, arguments.seed, Path(name))
    print(f'{damages} damaged files repaired: {kept}', flush=True)
    lossy = gate(kept['wrong'], 0, 'files')
    if arguments.repair is not None:
        return conclude({'less_after_repair': lossy}, arguments.json, repaired=kept)
    rng = np.random.default_rng(arguments.seed)
    kills, count = (1, 5) if arguments.smoke else (8, 100)
    with tempfile.TemporaryDirectory(prefix='faults_') as name:
        root = Path(name)
        outcomes = []
        for k in range(kills):
            folder = root / f'kill_{k}'
            folder.mkdir()
            outcomes.append(
                killed(folder, float(rng.uniform(0.5, 1.0 if arguments.smoke else 5.0)))
            )
            shutil.rmtree(folder)
            print(f'kill {k + 1}: {outcomes[-1]}', flush=True)
        folder = root / 'bag'
        folder.mkdir()
        with Bench('imitation_ros', folder, Load(2.0, jpeg=True, warm_up=0.5)) as bench:
            bench.publish()
            time.sleep(0.5)
            bag, _ = bench.stop()
        work = root / 'work'
        work.mkdir()
        cut = cuts(bag, count, rng, work)
        print(f'{count} cuts: {cut}', flush=True)
        flipped = overwritten(bag, count, rng, work)
        print(f'{count} overwritten bytes: {flipped}', flush=True)
    gates = {
        'longest_loss_of_a_kill': gate(
            max(o['lost_s'] for o in outcomes), 1.0, 's', judged=not arguments.smoke
        ),
        'holes_before_a_kill': gate(sum(o['holes'] for o in outcomes), 0, 'messages'),
        'messages_wrong_after_a_cut': gate(cut['wrong'], 0, 'messages'),
        'invalid_after_repair': gate(
            sum(o['invalid'] for o in outcomes) + cut['invalid'], 0, 'bags'
        ),
        'damage_nobody_told': gate(flipped['silent'], 0, 'bags'),
        'altered_after_repair': gate(flipped['altered'], 0, 'bags'),
        'less_after_repair': lossy,
    }
    return conclude(
        gates, arguments.json, kills=outcomes, cuts=cut, overwritten=flipped, repaired=kept
    )


if __name__ == '__main__':
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    raise SystemExit(main())
