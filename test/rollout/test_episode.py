# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One closed loop: whoever steps it, the same episode has the same commands at the same times.

The measure is the loop written out by hand with the safety layer as its node runs it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx_models import ARM, hold_weights, make_metadata, make_spec, write_policy
import pytest

from imitation_ros.contract import Contract, loads
from imitation_ros.data.proposal import Proposal
from imitation_ros.errors import DataError
from imitation_ros.evaluation.clearance import BEGIN_TICKS, watch
from imitation_ros.irl.environment import Environment
from imitation_ros.irl.rollouts import rollout as play
from imitation_ros.rollout.agents import ExpertAgent, PolicyAgent
from imitation_ros.rollout.collection import collect
from imitation_ros.rollout.command_filters import PassThrough, SafetyCommandFilter
from imitation_ros.rollout.corrections import correct, CorrectionRule
from imitation_ros.rollout.episode import Agent, ClosedLoop, CommandFilter, Malformed, NS
from imitation_ros.rollout.rollout import expert_rollout, rollout
from imitation_ros.runtime import bundle
from imitation_ros.runtime.session import Session
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.sim.perturbations import Sensed
from imitation_ros.sim.robot import SimRobot

pytestmark = pytest.mark.sim

Floats = NDArray[np.float32]
SEED, SPREAD = 7, 1.3


@pytest.fixture(scope='module', params=[100, 75])
def robot(contract: Contract, request: pytest.FixtureRequest) -> Contract:
    """Our humanoid, also where a command period is no whole number of nanoseconds."""
    if request.param == 100:
        return contract
    text = contract.text.replace('command_hz: 100.0', f'command_hz: {request.param}.0')
    return loads(text, Path('other_rate.yaml'), contract.urdf_text)


@dataclass
class Driven:
    """What a robot was given: times of the ticks [ns], of the physics [s], commands and poses."""

    ticks_ns: list[int] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    commands: list[Any] = field(default_factory=list)
    poses: list[Any] = field(default_factory=list)

    def take(self) -> 'Driven':
        """What was given since the last time, and begin again."""
        taken = Driven(self.ticks_ns, self.times_s, self.commands, self.poses)
        self.ticks_ns, self.times_s, self.commands, self.poses = [], [], [], []
        return taken

    def check(self, other: 'Driven', ticks: int | None = None) -> None:
        """The same to the last bit, over the first ticks or all."""
        assert len(self.commands) > 20
        assert len(other.commands) == (len(self.commands) if ticks is None else ticks)
        for name in ('ticks_ns', 'times_s', 'commands', 'poses'):
            np.testing.assert_array_equal(getattr(self, name)[:ticks], getattr(other, name), name)


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> Driven:
    """Notes what any simulated robot is given from now on."""
    notes = Driven()
    command = SimRobot.command

    def noted(sim: SimRobot, q: Any) -> None:
        notes.times_s.append(sim.time_s)
        notes.commands.append(np.array(q))
        notes.poses.append(sim.q)
        command(sim, q)

    monkeypatch.setattr(SimRobot, 'command', noted)
    for kind in (SafetyCommandFilter, PassThrough):

        def timed(self: Any, now_ns: int, *rest: Any, step: Callable[..., Any] = kind.step) -> Any:
            notes.ticks_ns.append(now_ns)
            return step(self, now_ns, *rest)

        monkeypatch.setattr(kind, 'step', timed)
    return notes


def by_hand(
    contract: Contract, agent: Agent, kept: CommandFilter, seed: int, spread: float
) -> None:
    """The loop in its plainest form."""
    sim = SimRobot(contract, 'reach', renderer=None)
    sim.reset(seed, spread)
    kept.start(NS, sim)
    agent.start(NS, seed, sim)
    command, hz = sim.q, contract.rates.command_hz
    for tick in range(round(sim.scene.task.time_limit_s * hz)):
        now_ns = NS + round(tick * NS / hz)
        proposal = agent.step(now_ns, tick, sim, command)
        command, _, state = kept.step(now_ns, sim, proposal)
        sim.command(command)
        sim.advance(1.0 / hz)
        if sim.success or state in ('FAULT', 'ESTOP'):
            break


def filters(contract: Contract, filter: bool) -> CommandFilter:
    return SafetyCommandFilter(contract) if filter else PassThrough(contract)


@pytest.mark.parametrize('filter', [True, False])
def test_a_policy_has_one_episode_in_trials_corrections_and_training(
    robot: Contract, driven: Driven, tmp_path: Path, filter: bool
) -> None:
    spec = make_spec(history=2, execute=3)
    weights = hold_weights(spec)
    noise = 0.01 * np.random.default_rng(1).standard_normal((len(weights), spec.chunk, len(ARM)))
    # These two are near a limit, and only the graph of a real policy knows limits.
    noise[:, :, [ARM.index('right_shoulder_roll_joint'), -1]] = 0.0
    weights += noise.reshape(weights.shape).astype(np.float32)
    path = write_policy(tmp_path / 'p.onnx', spec, make_metadata(robot, spec), [weights])
    session = Session(bundle.load(path), robot)
    chunks: list[Floats] = []
    infer = session.infer

    def note(frames: Any) -> Any:
        chunks.append(infer(frames))
        return chunks[-1]

    session.infer = note  # type: ignore[method-assign]
    by_hand(robot, PolicyAgent(robot, session), filters(robot, filter), SEED, SPREAD)
    measure = driven.take()
    assert np.abs(measure.poses[-1] - measure.poses[0]).max() > 0.05
    assert np.diff(measure.ticks_ns).tolist()[:3] == pytest.approx(
        [NS / robot.rates.command_hz] * 3, abs=1
    )

    rollout(robot, path, 'reach', [SEED], SPREAD, filter, renderer=None)
    measure.check(driven.take())

    environment = Environment(robot, 'reach', spec, 0.96, filter=filter)

    def decide(state: Floats, step: int) -> tuple[Floats, Floats]:
        return chunks[step], chunks[step][0]

    # As long as it is not stopped: an episode of training has always the same length.
    decisions = min(environment.horizon, len(measure.commands) // (3 * environment_ticks(robot)))
    environment.horizon = decisions
    play(environment, decide, [SEED], SPREAD)
    measure.check(driven.take(), decisions * 3 * environment_ticks(robot))

    if filter:
        never = CorrectionRule(window_s=1e6)
        asked: Iterator[bool] = iter([False, True])
        with pytest.raises(DataError, match='stopped before any episode was done'):
            correct(
                robot,
                path,
                'reach',
                1,
                tmp_path / 'data',
                never,
                seed=SEED,
                initial_state_range=SPREAD,
                stop=lambda: next(asked),
            )
        measure.check(driven.take())


def environment_ticks(contract: Contract) -> int:
    """Command periods in a policy step."""
    return round(contract.rates.command_hz / contract.rates.policy_hz)


def test_an_expert_has_one_episode_in_trials_and_collection(
    robot: Contract, driven: Driven, tmp_path: Path
) -> None:
    agent, kept = ExpertAgent(robot, 'reach'), SafetyCommandFilter(robot)
    by_hand(robot, agent, kept, SEED, SPREAD)
    measure = driven.take()
    expert_rollout(robot, 'reach', [SEED], SPREAD)
    measure.check(driven.take())
    data = collect(robot, 'reach', 1, tmp_path / 'data', seed=SEED, initial_state_range=SPREAD)
    measure.check(driven.take())
    # What is recorded is what was given, at the end of each policy step.
    episode, every = data.episode(0), environment_ticks(robot)
    sent = np.float32(measure.commands[every::every])[: len(episode)]
    np.testing.assert_array_equal(episode.action, sent)
    np.testing.assert_array_equal(episode.q, np.float32(measure.poses[::every][: len(episode)]))


class Wave:
    """Asks all joints for a slow wave, one period ahead, at every tick."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.period_ns = round(NS / contract.rates.command_hz)

    def start(self, now_ns: int, seed: int, sim: Sensed) -> None:
        """Begin."""

    def asked(self, tick: int, command: Any) -> Any:
        """The pose of a tick; first of all, the one the robot is in."""
        if tick < BEGIN_TICKS:
            return command
        up = 0.1 * np.sin(0.05 * (tick - BEGIN_TICKS))
        q = np.array(self.contract.home)
        q[[self.contract.index(joint) for joint in ARM]] += up
        return np.clip(q, self.contract.limits.lower, self.contract.limits.upper)

    def step(self, now_ns: int, tick: int, sim: Sensed, command: Any) -> Proposal | Malformed:
        """Propose; at one tick, nonsense."""
        asked = self.asked(tick, command)
        if tick == 30:
            return Malformed('no position at all')
        return Proposal(now_ns, self.contract.joints, (now_ns + self.period_ns,), asked[None])


def test_a_stream_has_one_episode_in_clearances_and_in_the_loop(
    robot: Contract, driven: Driven
) -> None:
    wave, safety_filter = Wave(robot), SafetyFilter(robot)
    by_hand(robot, wave, SafetyCommandFilter(robot, safety_filter), 0, 1.0)
    measure = driven.take()
    sim = SimRobot(robot, 'reach', renderer=None)
    driven.take()

    def stream(tick: int, command: Any) -> tuple[Any, Any]:
        # No proposal can be made of this one.
        return (np.full(3, np.nan) if tick == 30 else wave.asked(tick, command)), None

    watch(sim, safety_filter, stream, 150)
    measure.check(driven.take(), 150)
    loop = ClosedLoop(sim, wave, SafetyCommandFilter(robot, safety_filter))
    loop.reset(0)
    rules = [step.rules for step in loop.steps(150)]
    measure.check(driven.take(), 150)
    assert rules[30] == ('rejected_malformed',)


def test_nonsense_is_rejected_without_a_safety_layer_too(contract: Contract) -> None:
    loop = ClosedLoop(
        SimRobot(contract, 'reach', renderer=None), Wave(contract), PassThrough(contract)
    )
    loop.reset(0)
    rules = [step.rules for step in loop.steps(40)]
    assert [tick for tick, each in enumerate(rules) if each] == [30]
    assert rules[30] == ('rejected_malformed',)


def test_action_noise_reaches_the_servos_and_no_command(
    contract: Contract, driven: Driven
) -> None:
    class Noise:
        """A hundredth on every joint."""

        def step(self, command: Any, start: Any) -> Any:
            return np.full(contract.n, 0.01)

    loop = ClosedLoop(
        SimRobot(contract, 'reach', renderer=None),
        Wave(contract),
        PassThrough(contract),
        action_noise=Noise(),
    )
    loop.reset(0)
    steps = list(loop.steps(40))
    np.testing.assert_array_equal([step.applied for step in steps], driven.commands)
    np.testing.assert_allclose([step.applied - step.command for step in steps], 0.01, atol=1e-12)
    np.testing.assert_array_equal(loop.command, steps[-1].command)
