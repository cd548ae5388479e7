# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recorder under load: messages lost, and share of a core, beside ordinary rclpy recorders.

A publisher process sends three cameras (640x480 rgb8, 30 Hz) and two JointState topics (29
joints, 500 Hz): 1,090 messages and 84 MB a second. Each message carries its number, so that a loss
anywhere between `publish` and the bag is counted. The same load then goes to recorders as one
would write them first, and our recorder gets multiples of it until it loses something.

    python benchmarks/recorder.py [--smoke] [--json FILE] [--seconds 60]
    python benchmarks/recorder.py --jpeg --minutes 10
"""

import argparse
from pathlib import Path
import shutil
import tempfile
import time
from typing import Any

from gates import conclude, gate
from recorder_nodes import Bench, Load, memory_mb, RIVALS

CORE_SHARE = 1 / 3
RATES = (2, 3, 4, 6, 8)
"""Multiples of the load that are tried; the last is the stated ceiling."""
SENT_SHARE = 0.9
"""Share of the asked messages below which it is the publisher that cannot go on."""
RIVAL_S, RAMP_S = 15.0, 10.0


def lost(bag_path: Path, sent: dict[str, int]) -> tuple[dict[str, int], int, float]:
    """Messages missing per topic, by the numbers inside them; a bag's size and length [s]."""
    from imitation_ros.bags.reader import Bag

    found: dict[str, set[int]] = {topic: set() for topic in sent}
    with Bag(bag_path) as bag:
        for message in bag.messages(list(sent)):
            # Header: stamp [8 bytes], length of frame_id [4], frame_id [9 digits].
            number = int(bytes(message.data[16:25]))
            if number >= 0:
                found[message.topic].add(number)
        size, span = bag.bytes, (bag.end_ns - bag.start_ns) / 1e9
    return {topic: count - len(found[topic]) for topic, count in sent.items()}, size, span


def run(kind: str, load: Load, place: Path | None) -> dict[str, Any]:
    """Record a load once; returns what was lost and what it cost."""
    with tempfile.TemporaryDirectory(dir=place, prefix='recorder_') as name:
        with Bench(kind, Path(name), load) as bench:
            report, share = bench.publish()
            time.sleep(1.0)
            memory = memory_mb(bench.recorder.pid)
            clock = time.monotonic()
            path, told = bench.stop()
            stop_s = time.monotonic() - clock
        missing, size, span = lost(path, report['sent'])
        shutil.rmtree(path)
    total = sum(report['sent'].values())
    return {
        'rate': load.rate,
        'asked_per_s': load.messages_per_s,
        'sent': total,
        'lost': sum(missing.values()),
        'lost_per_topic': missing,
        'core_share': share,
        'MB_per_s': size / 1e6 / span,
        'memory_MB': memory,
        'seconds': report['seconds'],
        'stop_s': stop_s,
        'told_lost': told.get('lost', 0),
        'told_dropped': told.get('dropped', 0),
        'queue_max_MB': told.get('queue_max_bytes', 0) / 1e6,
    }


def show(name: str, result: dict[str, Any], ours: dict[str, Any]) -> None:
    """Print one line of the table."""
    print(
        f'{name:16}{result["sent"]:8}{result["sent"] / result["seconds"]:9.0f}{result["lost"]:7}'
        f'{result["core_share"]:7.2f}{result["core_share"] / ours["core_share"]:7.2f}'
        f'{result["MB_per_s"]:7.1f}{result["memory_MB"]:6.0f} MB',
        flush=True,
    )


def ramp(ours: dict[str, Any], jpeg: bool, place: Path | None) -> tuple[list[Any], str]:
    """Multiply the load until something is lost, or until the stated ceiling."""
    found = []
    for rate in RATES:
        result = run('imitation_ros', Load(RAMP_S, rate, jpeg), place)
        found.append(result)
        show(f'  {rate} x the load', result, ours)
        sent = result['sent'] / result['seconds']
        where = f'{rate} times the load, {sent:.0f} messages/s and {result["MB_per_s"]:.0f} MB/s'
        if result['lost']:
            return found, f'first loses at {where}: {result["lost"]} of {result["sent"]} messages'
        if sent < SENT_SHARE * result['asked_per_s']:
            return found, f'lost nothing; the publisher can send no more than {where}'
    return found, f'lost nothing up to the ceiling of this benchmark, {where}'


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--smoke', action='store_true', help='a few seconds, no timing is judged')
    parser.add_argument('--json', type=Path, help='write the results to this file')
    parser.add_argument('--seconds', type=float, help='length of the load [s]')
    parser.add_argument('--minutes', type=float, help='length of the load [min]')
    parser.add_argument('--jpeg', action='store_true', help='cameras send JPEG; ours alone runs')
    parser.add_argument('--dir', type=Path, help='where to record (removed afterwards)')
    arguments = parser.parse_args()
    minutes = 60 * arguments.minutes if arguments.minutes else None
    seconds = arguments.seconds or minutes or (3.0 if arguments.smoke else 60.0)
    alone = arguments.smoke or arguments.jpeg
    load = Load(seconds, jpeg=arguments.jpeg)
    print(
        f'{"recorder":16}{"sent":>8}{"per s":>9}{"lost":>7}{"core":>7}{"ratio":>7}{"MB/s":>7}'
        f'{"memory":>9}'
    )
    ours = run('imitation_ros', load, arguments.dir)
    show('imitation_ros', ours, ours)
    results: dict[str, Any] = {'imitation_ros': ours}
    rivals = {'deserializing': 1.0} if arguments.smoke else {'deserializing': seconds}
    if not alone:
        rivals |= {'single': RIVAL_S, 'multi': RIVAL_S}
    for kind, length in {} if arguments.jpeg else rivals.items():
        results[kind] = run(kind, Load(length), arguments.dir)
        show(kind, results[kind], ours)
    if not alone:
        results['ramp'], text = ramp(ours, arguments.jpeg, arguments.dir)
        print(f'the recorder {text}')
    for kind in results.keys() & RIVALS.keys():
        print(f'{kind}: {RIVALS[kind]}')
    print(
        f'load {ours["seconds"]:.1f} s at {ours["sent"] / ours["seconds"]:.0f} messages/s; '
        f'stop with audit {ours["stop_s"]:.1f} s'
    )
    print(
        f'the recorder itself counted {ours["told_lost"]} lost before it and '
        f'{ours["told_dropped"]} dropped by it; queue at most {ours["queue_max_MB"]:.0f} MB'
    )
    gates = {'lost': gate(ours['lost'], 0, 'messages')}
    if not arguments.smoke:
        gates['core_share'] = gate(ours['core_share'], CORE_SHARE, 'core')
    return conclude(gates, arguments.json, results=results)


if __name__ == '__main__':
    raise SystemExit(main())
