# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From an observation to a proposal and to a command, beside a bare relay of the same messages.

Real processes over DDS: a robot that publishes joint states at 199 Hz and poses, the policy node
with an MLP of 82-256-256-256-256 (two frames of 41 numbers; 16 joints, 16 steps), the safety
node, and a sink. Then the same with two rclpy nodes in their places that only copy messages: same
topics, types, sizes, timers and executor, no policy and no filter. Both take turns in one run.

The rates (199, 24.9 and 100 Hz) share no factor, so that every phase of one clock against another
is met, and the waiting for the next tick is spread evenly and not by luck.

python benchmarks/latency.py [--smoke] [--json FILE]
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time
from typing import Any

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 101))

from gates import conclude, gate
from latency_nodes import STEP_NS, write_contract, write_policy
import numpy as np

from imitation_ros.cli.processes import command, end, remove_stale_segments, ros_environment
from imitation_ros.contract import Contract, load
from imitation_ros.data.latency import Distribution, first_after, table


class Sink:
    """Subscribes to proposals and commands, and notes when each came."""

    def __init__(self, context: Any, contract: Contract) -> None:
        from rclpy.node import Node
        from sensor_msgs.msg import JointState
        from trajectory_msgs.msg import JointTrajectory

        from imitation_ros.messages.codec import stamp_ns

        self.node = Node('sink', context=context)
        self.proposals: list[tuple[int, int, int]] = []
        self.commands: list[tuple[int, int]] = []

        def on_proposal(message: Any) -> None:
            now = time.time_ns()
            stamp = stamp_ns(message.header.stamp)
            first = stamp + stamp_ns(message.points[0].time_from_start)
            self.proposals.append((now, stamp, first - STEP_NS))

        def on_command(message: Any) -> None:
            self.commands.append((time.time_ns(), stamp_ns(message.header.stamp)))

        self.node.create_subscription(JointTrajectory, contract.topics.proposal, on_proposal, 10)
        self.node.create_subscription(JointState, contract.topics.command, on_command, 10)

    def cut(self, begin_ns: int, end_ns: int) -> dict[str, list[int]]:
        """Times [ns] of what was received between two moments."""
        proposals = [p for p in list(self.proposals) if begin_ns <= p[0] < end_ns]
        commands = list(self.commands)
        result = {
            'observation -> proposal': [now - stamp for now, stamp, _ in proposals],
            'policy tick -> proposal': [now - tick for now, _, tick in proposals],
        }
        if commands:
            # The first command whose tick lies after the proposal had come.
            ticks = [tick for _, tick in commands]
            after = first_after(ticks, [now for now, _, _ in proposals])
            result['observation -> command'] = [
                commands[i][0] - stamp
                for i, (_, stamp, _) in zip(after, proposals, strict=True)
                if i < len(commands)
            ]
            result['safety tick -> command'] = [
                now - tick for now, tick in commands if begin_ns <= now < end_ns
            ]
        return result


@contextmanager
def process(line: Sequence[str], log: Path) -> Iterator['subprocess.Popen[bytes]']:
    """Run a process from its ready line to SIGINT."""
    with log.open('wb') as file:
        child = subprocess.Popen(
            line, stdout=file, stderr=subprocess.STDOUT, env=ros_environment()
        )
    try:
        deadline = time.monotonic() + 40
        while b': ready' not in log.read_bytes():
            if child.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f'{line} did not start:\n{log.read_text()}')
            time.sleep(0.05)
        yield child
    finally:
        end(child)


def cpu_s(pid: int) -> float:
    """CPU time of a process so far [s], all its threads."""
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def wait_armed(clients: Any) -> None:
    """Arm the safety node as soon as it has seen the robot."""
    from imitation_ros.nodes.scripts.clients import RefusedError

    for attempt in range(40):
        try:
            clients.call_trigger('/safety/arm', 20.0)
            return
        except RefusedError as error:
            if attempt == 39:
                raise SystemExit(str(error)) from error
            time.sleep(0.25)


def block(
    lines: dict[str, list[str]], folder: Path, sink: Sink, clients: Any, seconds: float, arm: bool
) -> tuple[dict[str, list[int]], dict[str, float]]:
    """Run a chain of processes; give its times [ns] and CPU shares [% of a core]."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        children = {
            name: stack.enter_context(process(line, folder / f'{name}.log'))
            for name, line in lines.items()
        }
        sink.proposals.clear()
        sink.commands.clear()
        if arm:
            wait_armed(clients)
        clients.wait_until(lambda: len(sink.proposals) > 2, 'proposals', 20.0)
        clients.wait_until(lambda: len(sink.commands) > 20, 'commands', 20.0)
        time.sleep(1.0)
        begin_ns, before = time.time_ns(), {n: cpu_s(c.pid) for n, c in children.items()}
        time.sleep(seconds)
        end_ns, after = time.time_ns(), {n: cpu_s(c.pid) for n, c in children.items()}
        time.sleep(0.2)
        share = {n: 100 * (after[n] - before[n]) / ((end_ns - begin_ns) / 1e9) for n in children}
        return sink.cut(begin_ns, end_ns), share


def measure(folder: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Take turns between our chain and the relays."""
    import rclpy
    from rclpy.context import Context
    from rclpy.signals import SignalHandlerOptions

    from imitation_ros.nodes.scripts.clients import Clients

    path = write_contract(folder)
    contract = load(path)
    model = write_policy(folder, contract)
    roles = str(Path(__file__).resolve().parent / 'latency_nodes.py')
    me = [sys.executable, roles, str(path)]
    ours = {
        'safety': command('safety', {'contract': str(path)}),
        'policy': command(
            'policy', {'contract': str(path), 'model': str(model), 'autostart': True}
        ),
    }
    bare = {'safety (relay)': [*me, 'safety'], 'policy (relay)': [*me, 'policy']}
    times: dict[str, dict[str, list[int]]] = {'ours': {}, 'relay': {}}
    shares: dict[str, list[float]] = {}
    context = Context()
    rclpy.init(context=context, args=[], signal_handler_options=SignalHandlerOptions.NO)
    sink = Sink(context, contract)
    clients = Clients(sink.node)
    try:
        with process([*me, 'robot'], folder / 'robot.log'):
            for _ in range(rounds):
                for chain, lines in (('ours', ours), ('relay', bare)):
                    print(f'{chain} ...', file=sys.stderr, flush=True)
                    found, cpu = block(
                        lines, folder, sink, clients, seconds, arm='safety' in lines
                    )
                    for name, values in found.items():
                        times[chain].setdefault(name, []).extend(values)
                    for name, value in cpu.items():
                        shares.setdefault(name, []).append(value)
    finally:
        clients.close()
        sink.node.destroy_node()
        rclpy.try_shutdown(context=context)
        remove_stale_segments()
    log = (folder / 'policy.log').read_text()
    summary = json.loads(log.split('summary ', 1)[1].splitlines()[0])
    return {
        'times': times,
        'cpu': {n: float(np.mean(v)) for n, v in shares.items()},
        'policy': summary,
    }


def report(result: dict[str, Any], judged: bool) -> dict[str, Any]:
    """Print the tables; give the gates with what they were judged on."""
    rows = {
        f'{name} ({chain})': Distribution.of(values)
        for name in result['times']['ours']
        for chain in ('ours', 'relay')
        if (values := result['times'][chain].get(name))
    }
    for cells in table(rows):
        print(f'{cells[0]:42s}' + ''.join(f'{cell:>10s}' for cell in cells[1:]))
    print('CPU, % of a core: ' + ', '.join(f'{n} {v:.1f}' for n, v in result['cpu'].items()))
    policy = result['policy']
    print(
        f'inference p50/p99/max ms: {policy["inference_p50_ms"]:.2f} / '
        f'{policy["inference_p99_ms"]:.2f} / {policy["inference_max_ms"]:.2f}'
    )

    def ratio(name: str, percentile: str) -> float:
        return rows[f'{name} (ours)'].ratio(rows[f'{name} (relay)'])[percentile]

    missed = 100 * policy['deadline_misses'] / policy['proposals']
    gates = {
        'tick_to_proposal_p50_ratio': gate(
            ratio('policy tick -> proposal', 'p50'), 2.0, 'of the relay', judged=judged
        ),
        'observation_to_command_p50_ratio': gate(
            ratio('observation -> command', 'p50'), 1.5, 'of the relay', judged=judged
        ),
        'policy_cpu': gate(result['cpu']['policy'], 20.0, '% of a core', judged=judged),
        'deadline_misses': gate(missed, 0.1, '% of inferences', judged=judged),
    }
    distributions = {name: distribution.to_dict() for name, distribution in rows.items()}
    return {'gates': gates, 'times': distributions, 'cpu': result['cpu'], 'policy': policy}


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--smoke', action='store_true', help='seconds long; judges no timing')
    parser.add_argument('--json', type=Path, help='also write the result here')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=12.0, help='of each block')
    options = parser.parse_args()
    rounds, seconds = (1, 2.0) if options.smoke else (options.rounds, options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        result = report(measure(Path(folder), rounds, seconds), judged=not options.smoke)
    return conclude(result.pop('gates'), options.json, **result)


if __name__ == '__main__':
    sys.exit(main())
