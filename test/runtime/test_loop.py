# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames a policy sees at a tick, and which times its actions are for."""

from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from onnx_models import head_camera, hold_weights, make_metadata, make_spec, write_policy
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.frame import Frame
from imitation_ros.data.proposal import Proposal
from imitation_ros.data.timeline import Timeline
from imitation_ros.errors import DataError
from imitation_ros.runtime.bundle import load
from imitation_ros.runtime.chunks import history, smooth
from imitation_ros.runtime.loop import NotYet, PolicyLoop
from imitation_ros.runtime.session import Session

MS = 1_000_000
STEP = 40 * MS
START = 5_000 * MS
POSE = np.array([0.4, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0])


class Robot:
    """Feeds a loop at 200 Hz; the first joint of the arm tells the time of its sample."""

    def __init__(self, contract: Contract, loop: PolicyLoop) -> None:
        self.contract = contract
        self.loop = loop

    def q(self, stamp_ns: int) -> np.ndarray:
        return np.full(self.contract.n, (stamp_ns - START) / 1e9)

    def run(self, begin_ns: int, end_ns: int, period_ns: int = 5 * MS) -> None:
        for stamp in range(begin_ns, end_ns + 1, period_ns):
            self.loop.push_state(stamp, self.q(stamp), np.zeros(self.contract.n))
            self.loop.push_pose('object', stamp, POSE)


def history_weights(spec, oldest: float = 10.0) -> np.ndarray:
    """Answer of step i: newest q, plus `oldest` times the oldest q, plus nothing else."""
    weights = hold_weights(spec)
    k = len(spec.joints)
    for step in range(spec.chunk):
        weights[:k, step * k : (step + 1) * k] += oldest * np.eye(k, dtype=np.float32)
    return weights


@pytest.fixture
def make(tmp_path: Path, contract: Contract) -> Callable[..., tuple[PolicyLoop, Robot]]:
    def build(timer=None, clock=None, nan_above=None, **changes):
        spec = make_spec(**changes)
        path = write_policy(
            tmp_path / 'p.onnx',
            spec,
            make_metadata(contract, spec),
            [history_weights(spec)],
            nan_above,
        )
        loop = PolicyLoop(contract, Session(load(path), contract), timer, clock)
        return loop, Robot(contract, loop)

    return build


def seconds(ns: int) -> float:
    return (ns - START) / 1e9


def test_newest_frame_last_and_actions_from_the_next_step_on(make) -> None:
    loop, robot = make(history=3)
    tick = START + 400 * MS
    robot.run(START, tick + 3 * MS)
    answer = loop.step(tick + 3 * MS)
    assert isinstance(answer, Proposal)
    # Samples lie on a grid of 5 ms, so the tick at 403 ms sees 400 ms, and 80 ms before it 320.
    assert answer.stamp_ns == tick
    expected = seconds(tick) + 10 * seconds(tick - 80 * MS)
    np.testing.assert_allclose(answer.positions, expected, atol=1e-5)
    assert answer.times_ns == tuple(tick + 3 * MS + (i + 1) * STEP for i in range(8))
    assert answer.joints == loop.spec.joints


def test_the_first_frame_is_repeated(make) -> None:
    loop, robot = make(history=3)
    robot.run(START, START + 1 * MS)
    answer = loop.step(START + 1 * MS)
    assert isinstance(answer, Proposal)
    np.testing.assert_allclose(answer.positions, 0.0, atol=1e-6)
    robot.run(START + 5 * MS, START + 161 * MS)
    answer = loop.step(START + 161 * MS)
    assert isinstance(answer, Proposal)
    np.testing.assert_allclose(answer.positions, 0.16 + 10 * 0.08, atol=1e-5)


def test_an_episode_does_not_look_before_its_start(make) -> None:
    loop, robot = make(history=3)
    robot.run(START, START + 400 * MS)
    loop.start(START + 360 * MS)
    answer = loop.step(START + 400 * MS)
    assert isinstance(answer, Proposal)
    np.testing.assert_allclose(answer.positions, 0.4 + 10 * 0.36, atol=1e-4)


def test_one_inference_per_executed_steps(make) -> None:
    loop, robot = make(execute=4)
    robot.run(START, START + 1000 * MS)
    answers = [loop.step(START + i * STEP) for i in range(13)]
    made = [i for i, answer in enumerate(answers) if isinstance(answer, Proposal)]
    assert made == [0, 4, 8, 12]
    assert all(answers[i] == NotYet() for i in (1, 2, 3))
    assert str(NotYet()) == 'not due'
    assert loop.stats().proposals == 4


def test_a_faster_caller_gets_no_more_inferences(make) -> None:
    loop, robot = make(execute=1)
    robot.run(START, START + 1000 * MS)
    made = [t for t in range(0, 401, 10) if isinstance(loop.step(START + t * MS), Proposal)]
    assert made == [0, 40, 80, 120, 160, 200, 240, 280, 320, 360, 400]


def test_a_missing_input_is_named_and_recovers_by_itself(make, contract: Contract) -> None:
    loop, _ = make()
    loop.push_state(START, contract.home, np.zeros(contract.n))
    answer = loop.step(START)
    assert isinstance(answer, NotYet)
    assert answer.reasons == {'object': 'nothing received'}
    assert str(answer) == 'object: nothing received'
    assert loop.stats().refusals == 1
    assert loop.stats().reasons == answer.reasons
    loop.push_pose('object', START, POSE)
    # At the very next tick, not four steps later.
    assert isinstance(loop.step(START + STEP), Proposal)
    assert loop.stats().reasons == {}


def test_a_stale_input_is_named(make) -> None:
    loop, robot = make(execute=1)
    robot.run(START, START + 100 * MS)
    assert isinstance(loop.step(START + 100 * MS), Proposal)
    answer = loop.step(START + 200 * MS)
    assert isinstance(answer, NotYet)
    assert answer.reasons == {'joint_states': 'last sample 100 ms old, allowed 60 ms'}


def test_a_camera_that_freezes_stops_the_policy(make, contract: Contract) -> None:
    loop, robot = make(execute=1, cameras=(head_camera(),))
    robot.run(START, START + 1000 * MS)
    loop.push_image('head_camera', START, np.zeros((96, 128, 3), np.uint8))
    assert isinstance(loop.step(START + 240 * MS), Proposal)
    answer = loop.step(START + 280 * MS)
    assert isinstance(answer, NotYet)
    assert answer.reasons == {'head_camera': 'last sample 280 ms old, allowed 250 ms'}


def test_a_gap_starts_the_history_again(make) -> None:
    loop, robot = make(history=3, execute=1)
    robot.run(START, START + 200 * MS)
    robot.run(START + 400 * MS, START + 440 * MS)
    answer = loop.step(START + 440 * MS)
    assert isinstance(answer, Proposal)
    np.testing.assert_allclose(answer.positions, 0.44 + 10 * 0.4, atol=1e-4)


def test_nan_is_refused_at_the_door(make, contract: Contract) -> None:
    loop, robot = make(execute=1)
    robot.run(START, START)
    q = contract.home.copy()
    q[3] = np.nan
    with pytest.raises(DataError, match='NaN'):
        loop.push_state(START + 5 * MS, q, np.zeros(contract.n))
    with pytest.raises(DataError, match='NaN'):
        loop.push_pose('object', START + 5 * MS, POSE * np.nan)
    answer = loop.step(START + 5 * MS)
    assert isinstance(answer, Proposal)
    assert answer.stamp_ns == START


def test_a_clock_that_jumps_back_clears_the_past(make) -> None:
    loop, robot = make(execute=1)
    robot.run(START, START + 400 * MS)
    assert isinstance(loop.step(START + 400 * MS), Proposal)
    robot.run(1000 * MS, 1100 * MS)
    answer = loop.step(1100 * MS)
    assert isinstance(answer, NotYet)
    assert answer.reasons['joint_states'] == 'nothing received'
    robot.run(1105 * MS, 1140 * MS)
    assert isinstance(loop.step(1140 * MS), Proposal)


def test_a_jump_during_an_inference_does_not_stop_the_policy(make) -> None:
    loop, robot = make(execute=1)
    robot.run(START, START)

    def jump() -> int:
        loop.clear()
        return 0

    loop._timer_ns = jump
    assert isinstance(loop.step(START), Proposal)
    loop._timer_ns = None
    robot.run(0, 0)
    assert isinstance(loop.step(0), Proposal)


def test_one_sample_from_the_future_does_not_shut_the_others_out(make) -> None:
    loop, robot = make(execute=1)
    robot.run(START, START + 100 * MS)
    robot.run(START + 3_600_000 * MS, START + 3_600_000 * MS)
    answer = loop.step(START + 100 * MS)
    assert isinstance(answer, NotYet)
    assert 'after the tick' in answer.reasons['joint_states']
    robot.run(START + 105 * MS, START + 140 * MS)
    assert isinstance(loop.step(START + 140 * MS), Proposal)


def test_a_model_that_answers_nan_gives_no_proposal(make) -> None:
    loop, robot = make(execute=1, history=1, nan_above=0.1)
    robot.run(START, START + 200 * MS)
    assert isinstance(loop.step(START + 80 * MS), Proposal)
    answer = loop.step(START + 120 * MS)
    assert isinstance(answer, NotYet)
    assert 'NaN' in answer.reasons['model']
    assert loop.stats().failures == 1
    assert loop.stats().reasons == answer.reasons


def test_the_account_of_latencies(make) -> None:
    timer = iter([0, 2 * MS, 100 * MS, 103 * MS, 200 * MS, 250 * MS])
    clock = iter([START + 2 * MS, START + 43 * MS, START + 130 * MS])
    loop, robot = make(lambda: next(timer), lambda: next(clock), execute=1)
    robot.run(START, START + 100 * MS)
    for i in range(3):
        assert isinstance(loop.step(START + i * STEP), Proposal)
    stats = loop.stats()
    assert stats.inference.count == 3
    assert stats.inference.p50_ms == 3
    assert stats.inference.max_ms == 50
    # Ages: 2, 3 and 50 ms; the third came after the tick at 120 ms.
    assert stats.age.max_ms == 50
    assert stats.deadline_misses == 1
    loop.start(START + 200 * MS)
    assert loop.stats().inference.count == 3


@given(
    ticks=st.lists(st.integers(0, 2_000 * MS), min_size=1, max_size=20).map(sorted),
    stamps=st.lists(st.integers(0, 2_000 * MS), min_size=1, max_size=60),
    length=st.integers(1, 4),
)
@settings(deadline=None, max_examples=100)
def test_a_history_is_the_latest_sample_at_or_before_each_tick(
    contract: Contract, ticks: list[int], stamps: list[int], length: int
) -> None:
    spec = make_spec(poses=(), history=length)
    timeline = Timeline(contract, spec.modalities, None)
    for stamp in stamps:
        timeline.push_state(stamp, np.full(contract.n, float(stamp)), np.zeros(contract.n))
    age = round(contract.joint_states.max_age_s * 1e9)
    for tick in ticks:
        expected: list[int] = []
        for back in range(length):
            at = tick - back * STEP
            fresh = [stamp for stamp in stamps if at - age <= stamp <= at]
            if not fresh:
                break
            expected.insert(0, max(fresh))
        frames = history(timeline, spec, tick)
        if not expected:
            assert frames is None
            continue
        assert frames is not None
        padded = [expected[0]] * (length - len(expected)) + expected
        assert [frame.newest_ns for frame in frames] == padded
        assert [frame.q[0] for frame in frames] == padded
        assert frames[-1].tick_ns == tick


@given(jitter=st.lists(st.integers(0, 39 * MS), min_size=12, max_size=12))
@settings(deadline=None, max_examples=50)
def test_live_samples_give_the_frames_of_the_whole_recording(
    contract: Contract, jitter: list[int]
) -> None:
    """A history asked for while samples come in equals that of the finished recording."""
    spec = make_spec(poses=(), history=3)
    live = Timeline(contract, spec.modalities, 1.0)
    recorded = Timeline(contract, spec.modalities, None)
    stamps = [i * STEP + late for i, late in enumerate(jitter)]
    ticks = [i * STEP for i in range(len(jitter))]
    seen: dict[int, tuple[Frame, ...] | None] = {}
    for event, kind in sorted([(s, 0) for s in stamps] + [(t, 1) for t in ticks]):
        if kind == 0:
            value = np.full(contract.n, float(event))
            live.push_state(event, value, value)
            recorded.push_state(event, value, value)
        else:
            seen[event] = history(live, spec, event)
    for tick, frames in seen.items():
        whole = history(recorded, spec, tick)
        assert (frames is None) == (whole is None)
        if frames is not None and whole is not None:
            assert [f.stamp_ns for f in frames] == [f.stamp_ns for f in whole]


def test_jitter_between_actions_is_taken_out_and_motion_is_kept() -> None:
    times = 0.04 * np.arange(12)[:, None]
    line = 0.3 * times + np.array([0.1, -0.2])
    assert smooth(line) == pytest.approx(line)
    motion = 0.12 * (1.0 - np.cos(5.0 * times))  # 3 rad/s^2 at most
    assert np.abs(smooth(motion) - motion).max() < 2.4e-3
    jitter = np.random.default_rng(0).normal(0.0, 5e-3, (12, 200))
    before, after = (np.abs(np.diff(a, 2, axis=0)).mean() for a in (jitter, smooth(jitter)))
    assert after < before / 4
    assert (smooth(jitter)[[0, -1]] == jitter[[0, -1]]).all()
    assert smooth(jitter[:2]) is not None and (smooth(jitter[:2]) == jitter[:2]).all()
