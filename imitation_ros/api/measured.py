# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy is worth: rollout, evaluate, compare."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import os
from pathlib import Path
from typing import Any, overload, TYPE_CHECKING

from ..contract import load
from ..contract.loading import Source
from ..data.store import Dataset
from ..errors import DataError

if TYPE_CHECKING:
    from ..evaluation.compare.plan import Cell, Plan
    from ..evaluation.compare.scores import Scores
    from ..evaluation.compare.verdicts import Judgement
    from ..evaluation.offline import OfflineError
    from ..rollout.rollout import RolloutResults
    from ..rollout.trials import Trial
    from ..runtime.policy import Policy

UNSEEN = 100_000
"""First seed of an evaluation: far from the seeds of demonstrations."""


def rollout(
    policy: 'str | Path | Policy',
    task: str,
    seeds: Iterable[int] = range(UNSEEN, UNSEEN + 20),
    *,
    contract: Source = 'imi_humanoid',
    initial_state_range: float = 1.0,
    filter: bool = True,
    perturb: Iterable[str] = (),
    strips: int = 0,
    draw_noise: bool = True,
    progress: Callable[['Trial'], None] | None = None,
) -> 'RolloutResults':
    """Let a policy try a task in simulation, once from each seed.

        >>> results = imitation_ros.rollout('policy.onnx', 'reach', seeds=range(2))
        >>> len(results.trials.trials), 0.0 <= results.rate.low <= results.rate.high <= 1.0
        (2, True)

    The same file and the same safety filter as on the robot, on a simulated clock.

    Args:
        policy: The policy.onnx, or one that is loaded.
        task: Name of the task.
        seeds: Seeds of the starts.
        contract: The robot.
        initial_state_range: Factor on the region of the starts.
        filter: Whether the safety filter stands between; False is for comparison.
        perturb: What goes wrong, each as `name:level` with a level from 0 to 3.
        strips: How many camera strips to keep, failures first.
        draw_noise: Whether a generative policy draws its noise; else it begins with zeros.
        progress: Called after every trial.

    Returns:
        One trial for each seed (success, duration [s], interventions), and the success rate with
        its Wilson 95 % interval.

    Raises:
        ModelError: If the policy cannot be loaded.
        MismatchError: If it was made for another robot.
        DataError: If there is no such perturbation.
        ContractError: If there is no such task or robot.
    """
    from ..rollout.rollout import rollout as try_policy
    from ..sim.perturbations import parse

    return try_policy(
        load(contract),
        file_of(policy),
        task,
        seeds,
        initial_state_range=initial_state_range,
        filter=filter,
        progress=progress,
        renderer='auto',
        strips=strips,
        draw_noise=draw_noise,
        perturb=[parse(text) for text in perturb],
    )


def file_of(policy: 'str | Path | Policy') -> Path:
    """File of a policy, loaded or not."""
    return Path(policy) if isinstance(policy, str | Path) else policy.bundle.path


@overload
def evaluate(
    policy: 'str | Path | Policy',
    task: str,
    *,
    trials: int = 40,
    seed: int = UNSEEN,
    **conditions: Any,
) -> 'RolloutResults': ...


@overload
def evaluate(
    policy: 'str | Path | Policy', *, data: str | Path | Dataset, with_unknown: bool = False
) -> 'OfflineError': ...


def evaluate(
    policy: 'str | Path | Policy',
    task: str | None = None,
    *,
    data: str | Path | Dataset | None = None,
    with_unknown: bool = False,
    trials: int = 40,
    seed: int = UNSEEN,
    **conditions: Any,
) -> 'RolloutResults | OfflineError':
    """Measure a policy: by trying a task in simulation, or against recorded actions.

        >>> error = imitation_ros.evaluate('policy.onnx', data='data')
        >>> error.mean_mae > 0.0                      # mean absolute error [rad]
        True
        >>> results = imitation_ros.evaluate('policy.onnx', 'reach', trials=2)
        >>> results.trials.runner
        'rollout'

    Args:
        policy: The policy.onnx, or one that is loaded.
        task: Closed loop: name of the task, from starts that demonstrations do not use.
        data: Open loop: the dataset. Its successes that the policy was not trained on count, or
            all of its successes if there is no other.
        with_unknown: With `data`: episodes that were never marked count as well.
        trials: With `task`: how many starts.
        seed: With `task`: seed of the first of them.
        **conditions: With `task`: as `rollout`.

    Returns:
        With `task` the results of `rollout`; with `data` the error of each action [rad or m; in
        the data's own unit without a robot] and of doing nothing.

    Raises:
        DataError: If neither or both of `task` and `data` are given, or no episode is fit.
        ModelError: If the policy cannot be loaded.
        MismatchError: If it was made for another robot.
    """
    from ..evaluation.offline import measure_model, measured_episodes

    if (task is None) == (data is None):
        raise DataError('which task to try, or which data to compare with? give one of the two')
    if task is not None:
        return rollout(policy, task, range(seed, seed + trials), **conditions)
    if conditions:
        raise DataError(f'{", ".join(conditions)} means nothing to an evaluation against data')
    dataset = data if isinstance(data, Dataset) else Dataset(Path(str(data)))
    path = file_of(policy)
    return measure_model(path, dataset, measured_episodes(path, dataset, with_unknown))


@dataclass(frozen=True)
class Comparison:
    """What came of a comparison.

    Attributes:
        scores: Six rows for each method, each a number with a bootstrap interval.
        claims: A verdict on each claim.
        page: The page that shows it; the figures are beside it as JSON.
    """

    scores: 'Scores'
    claims: 'tuple[Judgement, ...]'
    page: Path


def compare(
    out: str | Path,
    task: str = 'lift',
    *,
    methods: Iterable[str] = ('bc', 'act', 'diffusion', 'flow', 'bc+irl'),
    demos: Iterable[int] = (2, 5, 10, 20),
    seeds: int = 3,
    trials: int = 20,
    updates: int | None = None,
    conditions: Iterable[str] | None = None,
    workers: int | None = None,
    contract: str | Path = 'imi_humanoid',
    progress: 'Callable[[Cell, dict[str, Any]], None] | None' = None,
) -> Comparison:
    """Train methods on the same demonstrations and judge the claims about them.

    Killed, the same call goes on where it was. Workers are processes of their own: a program that
    calls it keeps its own code under `if __name__ == '__main__':`.

        >>> found = imitation_ros.compare(
        ...     'new/compare', 'reach', methods=['bc'], demos=[1], seeds=1, trials=2, updates=10,
        ...     conditions=['nominal'], workers=1)
        >>> found.page.name, list(found.scores.methods)
        ('compare.html', ['bc'])

    Args:
        out: Folder of the comparison, new or of the same comparison.
        task: Name of the task.
        methods: Methods, as of `train`.
        demos: Numbers of demonstrations, rising.
        seeds: Seeds of data and training.
        trials: Trials of each policy under each condition; at least 2.
        updates: Length of each training, thrice that of bc; that of its YAML if None.
        conditions: `nominal`, and perturbations as `name:level`; eight of them if None.
        workers: Processes at a time; one for each core if None.
        contract: The robot: a name, or a YAML file.
        progress: Called with each training when it is done, those of before first.

    Returns:
        Scores, verdicts and the page.

    Raises:
        DataError: If the arguments do not fit together, none of the methods is known, the folder
            holds another comparison, or a training fails.
    """
    from ..evaluation.compare.plan import CONDITIONS, Plan

    chosen = CONDITIONS if conditions is None else tuple(conditions)
    plan = Plan(str(contract), task, tuple(methods), tuple(demos), seeds, trials, chosen, updates)
    return compare_planned(plan, out, workers, progress)


def compare_planned(
    plan: 'Plan',
    out: str | Path,
    workers: int | None = None,
    progress: 'Callable[[Cell, dict[str, Any]], None] | None' = None,
) -> Comparison:
    """Carry out the plan of a comparison; see `compare`."""
    from ..evaluation.compare.runs import results, run
    from ..evaluation.compare.scores import Scores
    from ..evaluation.compare.verdicts import judge
    from ..reports.compare_page import write

    if not plan.known:
        raise DataError(f'methods: none of {", ".join(plan.methods)} can be trained here')
    out = Path(out)
    run(plan, out, workers or os.cpu_count() or 1, progress or (lambda *_: None))
    scores = Scores(plan, dict(results(plan, out)))
    return Comparison(scores, judge(scores), write(scores, out))
