# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The dead-man gate: silence stops, distance refuses, a gap fades at a bounded speed."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.teleop.gate import Gate, GateConfig, GateState

MS = 1_000_000
JOINTS = ('shoulder', 'elbow')
HERE = np.array([0.5, -1.0])


def engaged(config: GateConfig, target: np.ndarray = HERE, robot: np.ndarray = HERE) -> Gate:
    gate = Gate(config)
    gate.deadman(0, True)
    assert gate.step(0, JOINTS, target, robot) is not None
    return gate


def test_nothing_passes_before_the_deadman_is_pressed() -> None:
    gate = Gate(GateConfig())
    assert gate.step(0, JOINTS, HERE, HERE) is None
    assert 'never pressed' in gate.reason


def test_release_stops_at_once_and_press_engages_again() -> None:
    gate = engaged(GateConfig())
    gate.deadman(MS, False)
    assert gate.step(2 * MS, JOINTS, HERE, HERE) is None
    assert 'released' in gate.reason
    gate.deadman(3 * MS, True)
    np.testing.assert_allclose(gate.step(4 * MS, JOINTS, HERE, HERE), HERE)


@pytest.mark.parametrize(('silence_ms', 'passes'), [(200, True), (201, False)])
def test_silence_counts_as_release(silence_ms: int, passes: bool) -> None:
    gate = engaged(GateConfig(timeout_s=0.2))
    assert (gate.step(silence_ms * MS, JOINTS, HERE, HERE) is not None) is passes
    assert passes or 'silent for 0.20 s' in gate.reason


def test_a_switch_back_from_silence_is_checked_like_a_new_press() -> None:
    gate = engaged(GateConfig(first_move=0.1))
    assert gate.step(300 * MS, JOINTS, HERE, HERE) is None
    gate.deadman(301 * MS, True)
    assert gate.step(302 * MS, JOINTS, HERE + 0.2, HERE) is None
    assert gate.state is GateState.REFUSED


def test_far_leader_is_refused_with_the_joint_until_released() -> None:
    gate = Gate(GateConfig(first_move=0.35))
    gate.deadman(0, True)
    far = HERE + np.array([0.1, -0.4])
    assert gate.step(0, JOINTS, far, HERE) is None
    assert gate.refused and '"elbow" is 0.400' in gate.reason
    # Coming closer is not enough: the operator has to press again.
    assert gate.step(MS, JOINTS, HERE, HERE) is None
    gate.deadman(2 * MS, False)
    gate.deadman(3 * MS, True)
    assert gate.step(3 * MS, JOINTS, HERE, HERE) is not None


def test_small_gap_fades_from_the_robot_to_the_leader() -> None:
    target = HERE + 0.2
    gate = Gate(GateConfig(ramp_speed=0.5))
    gate.deadman(0, True)
    way = []
    for step in range(0, 500, 20):
        gate.deadman(step * MS, True)
        way.append(gate.step(step * MS, JOINTS, target, HERE))
    np.testing.assert_allclose(way[0], HERE)
    np.testing.assert_allclose(way[-1], target)
    steps = np.diff(np.array(way), axis=0)
    assert (steps >= -1e-12).all()
    # Smoothstep: 1.5 times the average speed at most.
    assert steps.max() <= 1.5 * 0.5 * 0.02 + 1e-9
    # Half way after half of 0.2 rad / 0.5 rad/s.
    np.testing.assert_allclose(way[10], HERE + 0.1)


def test_clutch_follows_only_the_motion_since_the_press() -> None:
    gate = engaged(GateConfig(relative=True), target=HERE + 5.0)
    out = gate.step(MS, JOINTS, HERE + 5.1, HERE)
    np.testing.assert_allclose(out, HERE + 0.1)
    gate.deadman(2 * MS, False)
    gate.deadman(3 * MS, True)
    out = gate.step(3 * MS, JOINTS, HERE - 2.0, HERE)
    np.testing.assert_allclose(out, HERE)


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_not_finite_releases(bad: float) -> None:
    gate = engaged(GateConfig(first_move=0.1))
    assert gate.step(MS, JOINTS, np.array([0.5, bad]), HERE) is None
    assert gate.state is GateState.RELEASED
    # And the next good target is checked against the robot again.
    assert gate.step(2 * MS, JOINTS, HERE + 1.0, HERE) is None
    assert gate.refused


@pytest.mark.parametrize('field', ['timeout_s', 'first_move', 'ramp_speed'])
@pytest.mark.parametrize('value', [0.0, -1.0, float('inf'), float('nan')])
def test_settings_that_switch_the_gate_off_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        GateConfig(**{field: value})


EVENT = st.tuples(
    st.integers(0, 300),
    st.sampled_from(['press', 'release', 'nothing']),
    st.floats(-2, 2) | st.just(float('nan')),
)


@given(st.lists(EVENT, max_size=40), st.booleans())
def test_whatever_happens_output_is_finite_held_and_never_jumps(
    events: list[tuple[int, str, float]], relative: bool
) -> None:
    config = GateConfig(first_move=0.3, relative=relative)
    gate, now, pressed, heard = Gate(config), 0, False, -(10**12)
    robot = np.zeros(2)
    passing = False
    for wait_ms, switch, value in events:
        now += wait_ms * MS
        if switch != 'nothing':
            pressed, heard = switch == 'press', now
            gate.deadman(now, pressed)
            passing = passing and pressed
        target = np.array([value, 0.0])
        out = gate.step(now, JOINTS, target, robot)
        if out is None:
            assert gate.reason
            passing = False
            continue
        assert np.isfinite(out).all()
        assert pressed and now - heard <= 0.2e9
        if not passing:
            # The first output after an engagement is the robot's own position.
            np.testing.assert_allclose(out, robot, atol=1e-9)
        passing = True
