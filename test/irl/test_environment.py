# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The task of IRL against the rollouts that judge a policy: the same loop, on the same ticks."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx_models import ARM, hold_weights, make_metadata, make_spec, write_policy
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.observation import CameraInput
from imitation_ros.errors import DataError
from imitation_ros.irl.environment import Environment
from imitation_ros.irl.rollouts import rollout
from imitation_ros.rollout.agents import PolicyAgent
from imitation_ros.rollout.command_filters import PassThrough, SafetyCommandFilter
from imitation_ros.rollout.episode import CommandFilter, NS
from imitation_ros.runtime import bundle
from imitation_ros.runtime.session import Session
from imitation_ros.sim.experts import EXPERTS, OBJECT
from imitation_ros.sim.perturbations import Disturbed, Setting
from imitation_ros.sim.robot import SimRobot

pytestmark = pytest.mark.sim

Floats = NDArray[np.float32]


@pytest.mark.parametrize('filter', [False, True])
@pytest.mark.parametrize('perturb', [(), (Setting('delay', 2), Setting('noise', 1))])
def test_it_is_the_loop_that_judges_policies(
    contract: Contract, tmp_path: Path, filter: bool, perturb: tuple[Setting, ...]
) -> None:
    spec = make_spec(history=2, execute=3)
    rng = np.random.default_rng(1)
    weights = hold_weights(spec)
    noise = 0.01 * rng.standard_normal((len(weights), spec.chunk, len(ARM)))
    # These two are near a limit, and only the graph of a real policy knows limits.
    noise[:, :, [ARM.index('right_shoulder_roll_joint'), -1]] = 0.0
    weights += noise.reshape(weights.shape).astype(np.float32)
    path = write_policy(tmp_path / 'p.onnx', spec, make_metadata(contract, spec), [weights])
    session = Session(bundle.load(path), contract)
    judged: list[Floats] = []
    infer = session.infer
    columns = spec.indices(contract)

    def note(frames: Any) -> Any:
        judged.append(np.stack([spec.state(frame, columns) for frame in frames]))
        return infer(frames)

    session.infer = note  # type: ignore[method-assign]
    sim = SimRobot(contract, 'reach', renderer=None)
    world = Disturbed(sim, perturb)
    agent = PolicyAgent(contract, session)
    command_filter: CommandFilter = (
        SafetyCommandFilter(contract) if filter else PassThrough(contract)
    )
    world.reset(7, 1.3)
    command_filter.start(NS, sim)
    agent.start(NS, 7, world)
    command = sim.q
    for tick in range(96):
        now = NS + tick * NS // 100
        command, _, _ = command_filter.step(now, sim, agent.step(now, tick, world, command))
        sim.command(command)
        world.advance(0.01)

    environment = Environment(contract, 'reach', spec, 0.9, perturb, filter)
    assert environment.horizon == 8  # 0.9 s are 7.5 decisions

    def decide(state: Floats, step: int) -> tuple[Floats, Floats]:
        chunk = (state.reshape(1, -1) @ weights).reshape(spec.chunk, -1)
        return chunk, chunk[0]

    found = rollout(environment, decide, [7], 1.3)
    assert len(judged) == 8
    assert np.abs(found.state[0, -1] - found.state[0, 0]).max() > 0.01
    np.testing.assert_allclose(found.state[0, :8], judged, atol=1e-4)


class Leader:
    """The scripted expert as a policy of one step, with a world of its own to look at."""

    def __init__(self, contract: Contract, environment: Environment) -> None:
        self._expert = EXPERTS['reach'](contract)
        self._contract, self._columns = contract, environment.spec.indices(contract)

    def __call__(self, state: Floats, step: int) -> tuple[Floats, Floats]:
        if step == 0:
            self._q = np.array(self._contract.home)
            self._expert.reset(self._q, np.random.default_rng(0))
        pose = np.array([*state[-1, 8:11], 0.0, 0.0, 0.0, 1.0])
        for _ in range(2):
            self._q = self._expert.step(self._q, {OBJECT: pose}, 0.02)
        chunk = np.float32(self._q[self._columns])[None]
        return chunk, chunk[0]


def test_success_is_seen_and_the_horizon_is_fixed(contract: Contract) -> None:
    spec = make_spec(history=1, velocity=False, chunk=1, execute=1)
    environment = Environment(contract, 'reach', spec, 2.0, timestep_s=0.005)
    leader = Leader(contract, environment)
    found = rollout(environment, leader, [0, 1])
    assert found.state.shape == (2, 51, 1, 17)
    assert found.action.shape == (2, 50, len(ARM))
    assert found.rate == 1.0
    assert (found.decisions < 50).all()
    # It goes on after the success, unless only successes are counted.
    assert np.abs(np.diff(found.state[0, -10:, 0, :8], axis=0)).max() > 0
    short = rollout(environment, leader, [0, 1], stop_on_success=True)
    assert (short.decisions == found.decisions).all()
    end = int(short.decisions[0])
    np.testing.assert_array_equal(short.state[0, : end + 1], found.state[0, : end + 1])
    np.testing.assert_array_equal(
        short.state[0, end:], np.stack([short.state[0, -1]] * (51 - end))
    )

    def still(state: Floats, step: int) -> tuple[Floats, Floats]:
        return state[-1:, :8], state[-1, :8]

    assert rollout(environment, still, [0]).rate == 0.0
    # The same seed is the same episode, whatever was played before.
    again = rollout(environment, leader, [1])
    np.testing.assert_array_equal(again.state[0], found.state[1])


def test_what_is_not_simulated_is_refused(contract: Contract) -> None:
    seeing = make_spec(cameras=(CameraInput('head_camera', 24, 32),))
    with pytest.raises(DataError, match='sees head_camera: IRL in simulation renders no images'):
        Environment(contract, 'reach', seeing, 1.0)
    with pytest.raises(DataError, match='sees ball: only "object" is simulated'):
        Environment(contract, 'reach', make_spec(poses=('object', 'ball')), 1.0)
