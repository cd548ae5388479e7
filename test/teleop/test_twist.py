# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A jogged tool: it goes where it is told, inside limits and workspace, and only that arm."""

from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.proposal import Proposal
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.teleop.gate import GateConfig
from imitation_ros.teleop.twist import Jog, TwistConfig, TwistTeleop

MS = 1_000_000
STEP = 20 * MS


@pytest.fixture(scope='module')
def model(contract: Contract) -> RobotModel:
    return RobotModel(contract)


class Rig:
    """A robot that goes exactly where it is told."""

    def __init__(self, model: RobotModel, config: TwistConfig | None = None) -> None:
        self.model = model
        self.teleop = TwistTeleop(model, config or TwistConfig(), GateConfig(), 0.02, 0.06)
        self.q = model.contract.home.copy()
        self.now = 0

    def run(self, steps: int, jog: Jog) -> list[Proposal | None]:
        out = []
        for _ in range(steps):
            self.now += STEP
            self.teleop.jog(self.now, jog)
            proposal = self.teleop.step(self.now, self.now, self.now, self.q)
            if proposal is not None:
                columns = [self.model.contract.index(name) for name in proposal.joints]
                self.q[columns] = proposal.positions[-1]
            out.append(proposal)
        return out

    def tool(self, name: str = 'left_tool_link') -> np.ndarray:
        return np.array(self.model.placement(self.q, name).translation)


def motion(*values: float) -> np.ndarray:
    return np.array([*values, *[0.0] * (6 - len(values))])


def test_tool_moves_as_told_and_the_rest_stays(model: RobotModel) -> None:
    rig = Rig(model)
    start, before = rig.tool(), rig.q.copy()
    proposals = rig.run(51, Jog(True, motion(0, 0, 0.5)))
    np.testing.assert_allclose(rig.tool() - start, [0, 0, 0.075], atol=0.006)
    assert all(p is not None and p.joints == model.contract.group('left_arm').joints
               for p in proposals)  # fmt: skip
    changed = {model.contract.joints[i] for i in np.flatnonzero(np.abs(rig.q - before) > 1e-9)}
    assert changed <= set(model.contract.group('left_arm').joints) - {'left_gripper_joint'}


def test_rotation_turns_about_the_tool(model: RobotModel) -> None:
    rig = Rig(model)
    start = model.placement(rig.q, 'left_tool_link')
    rig.run(26, Jog(True, motion(0, 0, 0, 0, 0, 0.5)))
    now = model.placement(rig.q, 'left_tool_link')
    turn = now.rotation @ start.rotation.T
    assert np.arctan2(turn[1, 0], turn[0, 0]) == pytest.approx(0.2, abs=0.05)
    assert np.linalg.norm(now.translation - start.translation) < 0.01


def test_nothing_asked_nothing_moves(model: RobotModel) -> None:
    rig = Rig(model)
    rig.run(50, Jog(True, motion()))
    np.testing.assert_allclose(rig.q, model.contract.home, atol=1e-3)


def test_gripper_opens_to_its_limit(model: RobotModel) -> None:
    rig = Rig(model)
    column = model.contract.index('left_gripper_joint')
    rig.run(60, Jog(True, motion(), gripper=1.0))
    assert rig.q[column] == pytest.approx(model.contract.limits.upper[column])
    rig.run(60, Jog(True, motion(), gripper=-1.0))
    assert rig.q[column] == pytest.approx(model.contract.limits.lower[column])


def test_release_forgets_the_target(model: RobotModel) -> None:
    rig = Rig(model)
    rig.run(10, Jog(True, motion(0, 0, 1.0)))
    assert rig.run(1, Jog(False, motion(0, 0, 1.0))) == [None]
    rig.q = model.contract.home.copy()
    (proposal,) = rig.run(1, Jog(True, motion()))
    assert proposal is not None
    columns = [model.contract.index(name) for name in proposal.joints]
    np.testing.assert_allclose(proposal.positions[0], model.contract.home[columns], atol=1e-6)


def test_other_tool_starts_where_its_arm_is(model: RobotModel) -> None:
    rig = Rig(model)
    rig.run(10, Jog(True, motion(0, 0, 1.0)))
    (proposal,) = rig.run(1, Jog(True, motion(0, 0, 1.0), tool=1))
    assert proposal is not None
    assert proposal.joints == model.contract.group('right_arm').joints
    columns = [model.contract.index(name) for name in proposal.joints]
    np.testing.assert_allclose(proposal.positions[0], model.contract.home[columns], atol=1e-3)


def test_workspace_stops_the_tool_and_out_of_reach_does_not_wind_up(model: RobotModel) -> None:
    top = float(model.placement(model.contract.home, 'left_tool_link').translation[2]) + 0.05
    rig = Rig(model, TwistConfig(upper=(0.8, 0.7, top)))
    rig.run(100, Jog(True, motion(0, 0, 1.0)))
    assert rig.tool()[2] == pytest.approx(top, abs=0.01)
    rig = Rig(model)
    rig.run(400, Jog(True, motion(1.0)))
    far = rig.tool()[0]
    rig.run(35, Jog(True, motion(-1.0)))
    assert rig.tool()[0] < far - 0.03


def test_first_proposal_after_nan_state_is_refused(model: RobotModel) -> None:
    rig = Rig(model)
    rig.q[3] = np.nan
    assert rig.run(1, Jog(True, motion())) == [None]
    assert 'NaN' in rig.teleop.reason


SHARES = st.floats(-1, 1) | st.just(float('nan'))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(
    st.lists(
        st.tuples(st.lists(SHARES, min_size=6, max_size=6), SHARES, st.integers(0, 1)),
        max_size=6,
    )
)
def test_always_finite_and_inside_the_limits(
    model: RobotModel, legs: list[tuple[list[float], float, int]]
) -> None:
    rig, limits = Rig(model), model.contract.limits
    for values, gripper, tool in legs:
        for proposal in rig.run(8, Jog(True, np.array(values), gripper, tool)):
            if proposal is None:
                continue
            columns = [model.contract.index(name) for name in proposal.joints]
            assert proposal.finite
            assert (proposal.positions >= limits.lower[columns]).all()
            assert (proposal.positions <= limits.upper[columns]).all()
