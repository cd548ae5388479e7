# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Corrections in simulation: the scripted expert takes over from a policy that goes astray.

A person decides when to take over (HG-DAgger; Kelly et al. 2019). Here a rule stands in for the
person. While the policy drives, the expert is asked at its own rate where it would go from here
in one period, and over the last `window_s` the policy's motion is compared with that:

    progress = sum dq_policy . dq_expert / sum dq_expert . dq_expert

1 is what the expert would have done, 0 is standing still or going elsewhere. Below `least` the
expert takes over, through the dead-man gate and the safety supervisor as in the nodes, for
`hold_s`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
import math
from pathlib import Path

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from ..data.outcomes import stated
from ..data.proposal import Proposal
from ..data.provenance import Corrections
from ..data.store import Dataset, DatasetWriter
from ..errors import DataError
from ..runtime import bundle
from ..runtime.session import Session
from ..sim.perturbations import Sensed
from ..sim.robot import SimRobot
from .agents import EXPERT_HZ, ExpertAgent, PolicyAgent
from .collection import refuse_stopped
from .command_filters import SafetyCommandFilter
from .episode import ClosedLoop, due
from .frame_recorder import FrameRecorder

MIN_EXPERT_MOTION = 1e-3
"""An expert that wants to go less than this in a window has nothing to correct [rad]."""


@dataclass(frozen=True)
class CorrectionRule:
    """When the expert takes over, and for how long.

    Attributes:
        least: Progress below which it takes over.
        window_s: Time over which progress is measured [s].
        hold_s: How long it drives [s]; infinite: to the end of the episode.
    """

    least: float = 0.3
    window_s: float = 0.6
    hold_s: float = math.inf

    def __post_init__(self) -> None:
        """Refuse a rule that never or always holds."""
        if not (0 < self.least < 1 and self.window_s > 0 and self.hold_s > 0):
            raise DataError(
                f'least {self.least} must be in (0, 1), window_s {self.window_s} and hold_s '
                f'{self.hold_s} positive'
            )


class CorrectedPolicy:
    """A policy that proposes, and an expert who takes over by a rule.

    Attributes:
        by_expert: Whether the expert drives.
        corrections: How often it took over in this episode.
    """

    def __init__(
        self, contract: Contract, task: str, session: Session, rule: CorrectionRule
    ) -> None:
        """Put both side by side."""
        self.rule = rule
        self._hz = contract.rates.command_hz
        self._policy = PolicyAgent(contract, session)
        self._expert = ExpertAgent(contract, task)

    def start(self, now_ns: int, seed: int, sim: Sensed) -> None:
        """Begin an episode: the policy drives."""
        self._policy.start(now_ns, seed, sim)
        self._expert.start(now_ns, seed, sim)
        self.by_expert, self.corrections, self._ticks = False, 0, 0
        self._seed = seed
        self._before: Array = sim.q
        self._wish: Array | None = None
        self._shares: deque[tuple[float, float]] = deque(
            maxlen=round(self.rule.window_s * EXPERT_HZ)
        )

    def step(self, now_ns: int, tick: int, sim: Sensed, command: Array) -> Proposal | None:
        """Propose as whoever drives, after deciding who does."""
        self._policy.feed(now_ns, tick, sim)
        if self.by_expert and self._ticks >= self.rule.hold_s * self._hz:
            self.by_expert = False
            self._shares.clear()
            self._before, self._wish = command, None
            # Begins again, as the node does: from where the robot is.
            self._policy.resume(now_ns)
            self._expert.start(now_ns, self._seed, sim)
        elif not self.by_expert and due(tick, EXPERT_HZ, self._hz):
            if self._astray(sim, command):
                self.by_expert, self._ticks = True, 0
                self.corrections += 1
                self._expert.start(now_ns, self._seed, sim, command)
        if self.by_expert:
            self._ticks += 1
            return self._expert.step(now_ns, tick, sim, command)
        return self._policy.ask(now_ns)

    def _astray(self, sim: Sensed, command: Array) -> bool:
        """Look over the policy's shoulder, and say whether it is time to take over."""
        went, self._before = command - self._before, command
        if self._wish is not None:
            self._shares.append((float(went @ self._wish), float(self._wish @ self._wish)))
        self._wish = self._expert.wish(sim, command)
        if len(self._shares) < (self._shares.maxlen or 0):
            return False
        done, wished = np.sum(self._shares, axis=0)
        return bool(wished > MIN_EXPERT_MOTION**2 and done < self.rule.least * wished)


def correct(
    contract: Contract,
    policy: Path,
    task: str,
    count: int,
    out: Path,
    rule: CorrectionRule | None = None,
    onto: Dataset | None = None,
    with_unknown: bool = False,
    seed: int = 0,
    initial_state_range: float = 1.0,
    progress: Callable[[int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Dataset:
    """Let a policy try a task, the expert correct it, and write a dataset.

    Args:
        contract: The robot.
        policy: The policy.onnx.
        task: Name of the task.
        count: How many corrected episodes that end in success; those that the policy did alone
            and those that failed all the same are not kept, but counted.
        out: New or empty folder of the dataset.
        rule: When the expert takes over.
        onto: Dataset whose episodes come first, such as the demonstrations.
        with_unknown: Whether those of its episodes come along that were never marked.
        seed: Seed of the first initial state; each attempt takes the next one.
        initial_state_range: Factor on the range of initial states.
        progress: Called with the number of episodes after each.
        stop: Asked before each attempt; if it says so, the dataset is what there is by then.

    Raises:
        DataError: If the policy needs correction too seldom, or correction does not help; if it
            was stopped before any episode was done.
        MismatchError: If the policy was made for another robot.
    """
    rule = rule or CorrectionRule()
    if onto is not None and onto.manifest.contract_hash != contract.hash:
        raise DataError(f'{onto.root} was recorded with another contract')
    session = Session(bundle.load(policy), contract)
    if session.spec.cameras:
        names = ', '.join(camera.name for camera in session.spec.cameras)
        raise DataError(f'{policy} sees {names}: take over from it with "deploy --teleop"')
    session.warm_up()
    refuse_stopped(out)
    sim = SimRobot(contract, task, renderer=None)
    agent, command_filter = (
        CorrectedPolicy(contract, task, session, rule),
        SafetyCommandFilter(contract),
    )
    writer = DatasetWriter(
        out,
        contract.text,
        contract.hash,
        contract.urdf_text,
        contract.joints,
        contract.rates.policy_hz,
    )
    first = [] if onto is None else [onto.episode(i) for i in stated(onto, with_unknown)]
    for episode in first:
        writer.append(episode)
    origin = Corrections(
        wanted=count + len(first),
        next_seed=seed,
        policy=str(policy),
        least=rule.least,
        window_s=rule.window_s,
        hold_s=str(rule.hold_s),
    )
    if first:
        writer.keep(origin)
    try:
        while origin.corrected < count and not stop():
            seed = origin.next_seed
            recorder = FrameRecorder(sim, by_operator=lambda: agent.by_expert)
            loop = ClosedLoop(sim, agent, command_filter, observers=[recorder])
            loop.reset(seed, initial_state_range)
            succeeded = any(step.success for step in loop.attempt())
            origin = replace(origin, next_seed=seed + 1)
            if not agent.corrections:
                origin = replace(origin, alone=origin.alone + 1)
            elif not succeeded:
                origin = replace(origin, failed=origin.failed + 1)
            else:
                episode = recorder.episode(f'{task}_corrected_{seed:04d}', seed)
                writer.append(episode)
                driven = 0 if episode.by_operator is None else int(episode.by_operator.sum())
                origin = replace(
                    origin,
                    corrected=origin.corrected + 1,
                    corrections=origin.corrections + agent.corrections,
                    frames=origin.frames + driven,
                )
                writer.keep(origin)
                if progress is not None:
                    progress(origin.corrected)
            _give_up(task, origin, count)
    finally:
        sim.close()
    if not first and not origin.corrected:
        raise DataError(f'{out}: stopped before any episode was done; there is nothing to keep')
    writer.close(origin)
    return Dataset(out)


def _give_up(task: str, origin: Corrections, count: int) -> None:
    """Refuse to go on where correction is needed too seldom, or does not help."""
    if origin.alone + origin.failed > max(20 * count, 40):
        tried = origin.alone + origin.failed + origin.corrected
        raise DataError(
            f'{task}: {origin.corrected} corrected episodes out of {tried}: the policy needed no '
            f'correction in {origin.alone}, and it did not help in {origin.failed}'
        )
