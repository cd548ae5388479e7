# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Deployment trials: the policy node in the operator's place, from starts it has never seen.

For each seed: stop the policy, disarm, reset the scene, arm, start the policy, and watch until the
task's rule holds or the time is over. The results go into one JSON file; how many successes are
enough is for the caller to say.

`python -m imitation_ros.nodes.scripts.trials --ros-args -p task:=lift -p output:=trials.json`
"""

from collections.abc import Sequence
from dataclasses import dataclass
import json
from pathlib import Path
import sys

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from ... import contract as contracts
from ...errors import DataError
from ...rollout.trials import Trial, Trials
from ...sim.tasks import TASKS
from ..ros.parameters import declare
from .clients import Clients, run_script
from .episode_harness import Stage

NS = 1_000_000_000
POLL_NS = 20_000_000
LINGER_S = 0.3
"""How long a trial goes on after success, so that the end is in the recording [s]."""
WATCHED = ('safety', 'policy')
"""Nodes whose diagnostics are kept."""


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node.

    Attributes:
        contract: Name or path of the contract.
        task: Task the policy was trained for.
        trials: Number of trials.
        seed: Seed of the first; each further one takes the next. Not those of the demonstrations.
        output: Path of the results, JSON.
        record: Record each trial with the recorder.
        policy: Name of the policy node.
        time_limit_s: Time after which a trial has failed [s]; 0 is the task's.
        timeout_s: Longest wait for a node or a service [s].
    """

    output: str
    contract: str = 'imi_humanoid'
    task: str = 'lift'
    trials: int = 20
    seed: int = 100_000
    record: bool = False
    policy: str = '/policy'
    time_limit_s: float = 0.0
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        """Check the task, the counts and the output."""
        TASKS.find(self.task, ValueError)
        if self.trials < 1 or self.seed < 0:
            raise ValueError(f'trials {self.trials} >= 1 and seed {self.seed} >= 0 must hold')
        if self.time_limit_s < 0 or self.timeout_s <= 0:
            raise ValueError('time_limit_s must not be negative, timeout_s must be positive')
        if not self.output:
            raise ValueError('output must name a file')


class TrialRunner:
    """Runs the policy from unseen starts and writes down how it went."""

    def __init__(self, node: Node, clients: Clients) -> None:
        """Read the parameters and subscribe."""
        self.parameters = declare(node, Parameters)
        self.contract = contracts.load(self.parameters.contract)
        self._clients = clients
        self._stage = Stage(node, self.contract, clients)
        task = TASKS[self.parameters.task]
        self._limit_s = self.parameters.time_limit_s or task.time_limit_s
        self._diagnostics: dict[str, dict[str, str]] = {}
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 50)
        if self.parameters.record:
            verbs = ('start', 'stop', 'success', 'failure')
            clients.expect(*(f'/recorder/{verb}' for verb in verbs))

    def run(self) -> int:
        """Run all trials; return the exit code: 0 if they all ran."""
        parameters = self.parameters
        done: list[Trial] = []
        if parameters.record:
            self._clients.set_parameter('/recorder', 'task', parameters.task, parameters.timeout_s)
        self._stop_policy()
        with self._stage.leaving(parameters.timeout_s):
            for number in range(parameters.trials):
                trial = self._trial(parameters.seed + number)
                done.append(trial)
                self._write(done)
                rules = ', '.join(f'{rule} {count}' for rule, count in trial.interventions.items())
                print(
                    f'trial {number + 1}/{parameters.trials}  seed {trial.seed}  '
                    f'{"success" if trial.success else "failure"}  {trial.duration_s:.1f} s  '
                    f'interventions {rules or "0"}  safety {trial.state}',
                    flush=True,
                )
        good = sum(trial.success for trial in done)
        print(
            f'{good} of {len(done)} trials succeeded; results in {parameters.output}', flush=True
        )
        return 0

    def _trial(self, seed: int) -> Trial:
        """Run one trial, from reset to the policy's stop."""
        parameters, stage, call = self.parameters, self._stage, self._clients.call_trigger
        wait = parameters.timeout_s
        stage.prepare(seed, parameters.task, wait)
        if parameters.record:
            self._clients.insist('/recorder/start', wait)
        try:
            stage.count_interventions()
            self._diagnostics = {}
            self._clients.change_state(parameters.policy, 'activate', wait)
            success, seconds = self._watch()
            # Before the policy stops: that it then proposes nothing is no intervention.
            interventions, state = stage.intervened(), stage.state
            diagnostics = dict(self._diagnostics)
            episode = self._keep(success) if parameters.record else ''
        except BaseException:
            self._clients.resume()
            self._stop_policy()
            if parameters.record:
                call('/recorder/failure', wait)
                call('/recorder/stop', wait)
            raise
        self._stop_policy()
        return Trial(
            seed=seed,
            success=success,
            duration_s=seconds,
            seconds=seconds if success else None,
            interventions=interventions,
            state=state,
            bag=Path(episode).name,
            diagnostics=diagnostics,
        )

    def _watch(self) -> tuple[bool, float]:
        """Wait for success or the time limit; return success and the seconds it took."""
        stage = self._stage
        start = tick = stage.now_ns
        while tick - start <= self._limit_s * NS:
            if stage.success:
                stage.sleep_until(tick + round(LINGER_S * NS))
                return True, (tick - start) / NS
            if not stage.check():
                break
            tick += POLL_NS
            stage.sleep_until(tick)
        return False, (tick - start) / NS

    def _keep(self, success: bool) -> str:
        """Mark and stop the recording; return the bag's path."""
        call, wait = self._clients.call_trigger, self.parameters.timeout_s
        call('/recorder/success' if success else '/recorder/failure', wait)
        answer = call('/recorder/stop', wait)
        try:
            return str(json.loads(answer)['path'])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f'/recorder/stop answered {answer!r}, without a path') from error

    def _stop_policy(self) -> None:
        """Bring the policy node to `inactive`, from wherever it is."""
        parameters = self.parameters
        state = self._clients.lifecycle_state(parameters.policy, parameters.timeout_s)
        if state == 'unconfigured':
            self._clients.change_state(parameters.policy, 'configure', parameters.timeout_s)
        elif state == 'active':
            self._clients.change_state(parameters.policy, 'deactivate', parameters.timeout_s)

    def _write(self, trials: Sequence[Trial]) -> None:
        """Write the results so far; a reader never sees half a file."""
        path = Path(self.parameters.output).expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        Trials(
            task=self.parameters.task,
            runner='nodes',
            trials=tuple(trials),
            horizon_s=self._limit_s,
        ).write(path)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            name = status.name.strip('/').split(':')[0]
            if name in WATCHED:
                self._diagnostics[name] = {pair.key: pair.value for pair in status.values}


def main(args: Sequence[str] | None = None) -> int:
    """Run the trials."""
    return run_script('trials', lambda node, clients: TrialRunner(node, clients).run(), args)


if __name__ == '__main__':
    sys.exit(main())
