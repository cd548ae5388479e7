# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several publishers of the e-stop: a latch and a heartbeat each."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
import pytest

from imitation_ros.contract import Contract
from imitation_ros.errors import SafetyError
from imitation_ros.safety.backend import Backend
from imitation_ros.safety.estop import EstopPublishers, GONE_NS
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.supervisor import SafetySupervisor
from imitation_ros.safety.verdict import State

MS = 1_000_000
PENDANT, WALL = '010f78fd3e1965e800000000.00002303', '010f78fd3e1965e800000000.00002403'


class Robot:
    """A supervisor on a robot that stands still, and its steady clock."""

    def __init__(self, contract: Contract, collisions: Backend) -> None:
        self.contract, self.now = contract, 10_000 * MS
        self.supervisor = SafetySupervisor(contract, SafetyFilter(contract, collisions))

    def tick(self, *beating: str) -> State:
        """One command period in which some publishers say that nothing is pressed."""
        self.now += 10 * MS
        still = self.contract.home * 0.0
        self.supervisor.push_state(self.now, self.now, self.contract.home, still)
        for source in beating:
            self.supervisor.push_estop(self.now, False, source)
        verdict = self.supervisor.step(self.now, self.now)
        self.texts = [note.text for note in verdict.interventions]
        return verdict.state


@pytest.fixture
def make(contract: Contract, collisions: Backend) -> Callable[..., Robot]:
    def build(**safety: object) -> Robot:
        changed = replace(contract, safety=contract.safety.model_copy(update=safety))
        return Robot(changed, collisions)

    return build


def test_a_false_takes_back_nobodys_true_but_its_own(make: Callable[..., Robot]) -> None:
    robot = make()
    supervisor = robot.supervisor
    supervisor.push_estop(robot.now, True, PENDANT)
    supervisor.push_estop(robot.now, False, WALL)
    supervisor.push_estop(robot.now, False)
    assert robot.tick(WALL) is State.ESTOP
    with pytest.raises(SafetyError, match=r'still pressed by "010f78fd\.\.00002303"$'):
        supervisor.reset()
    supervisor.see_estop_publishers(robot.now, {PENDANT: '/pendant', WALL: '/wall'})
    with pytest.raises(SafetyError, match=r'still pressed by "/pendant"$'):
        supervisor.reset()
    supervisor.push_estop(robot.now, False, PENDANT)
    assert supervisor.reset() == ()
    assert robot.tick() is State.DISARMED


def test_a_publisher_that_died_pressing_holds_until_it_is_gone_and_reset(
    make: Callable[..., Robot],
) -> None:
    robot = make()
    supervisor = robot.supervisor
    listed = {PENDANT: '/pendant', WALL: '/wall'}
    supervisor.push_estop(robot.now, True, PENDANT)
    supervisor.see_estop_publishers(robot.now, listed)
    del listed[PENDANT]
    supervisor.see_estop_publishers(robot.now, listed)
    with pytest.raises(SafetyError, match='pressed by "/pendant"; "/pendant" left the graph'):
        supervisor.reset()
    supervisor.see_estop_publishers(robot.now + GONE_NS - 1, listed)
    with pytest.raises(SafetyError, match='left the graph less than 1 s ago'):
        supervisor.reset()
    supervisor.see_estop_publishers(robot.now + GONE_NS, listed)
    assert robot.tick() is State.ESTOP, 'only a reset releases it'
    assert supervisor.reset() == ('/pendant',)
    assert supervisor.reset() == ()
    robot.tick()
    supervisor.arm(robot.now, robot.now)
    # Back again, it has a say again.
    supervisor.push_estop(robot.now, True, PENDANT)
    assert robot.tick() is State.ESTOP
    with pytest.raises(SafetyError, match='still pressed'):
        supervisor.reset()


def test_one_that_comes_back_was_not_gone(make: Callable[..., Robot]) -> None:
    robot = make()
    supervisor = robot.supervisor
    supervisor.push_estop(robot.now, True, PENDANT)
    supervisor.see_estop_publishers(robot.now, {})
    supervisor.see_estop_publishers(robot.now + GONE_NS // 2, {PENDANT: '/pendant'})
    supervisor.see_estop_publishers(robot.now + GONE_NS, {})
    with pytest.raises(SafetyError, match='left the graph'):
        supervisor.reset()
    supervisor.see_estop_publishers(robot.now + 2 * GONE_NS, {})
    supervisor.push_estop(robot.now + 2 * GONE_NS, True, PENDANT)
    with pytest.raises(SafetyError, match='still pressed by'):
        supervisor.reset()


def test_an_unknown_false_may_be_told_to_release_nothing(make: Callable[..., Robot]) -> None:
    robot = make()
    robot.supervisor.push_estop(robot.now, True)
    robot.supervisor.push_estop(robot.now, False, releases=False)
    with pytest.raises(SafetyError, match=r'still pressed$'):
        robot.supervisor.reset()
    robot.supervisor.push_estop(robot.now, False)
    robot.supervisor.reset()


def test_every_heartbeat_is_wanted_once_it_was_there(make: Callable[..., Robot]) -> None:
    robot = make(estop_heartbeat_s=0.1)
    for _ in range(5):
        robot.tick(WALL)
    robot.supervisor.arm(robot.now, robot.now)
    for _ in range(30):
        assert robot.tick(WALL, PENDANT) is State.HOLD
    robot.supervisor.see_estop_publishers(robot.now, {PENDANT: '/pendant', WALL: '/wall'})
    for _ in range(10):
        assert robot.tick(WALL) is State.HOLD
    assert robot.tick(WALL) is State.ESTOP, 'the pendant is lost while the wall still beats'
    assert robot.texts == ['e-stop: its heartbeat is lost (that of "/pendant")']
    # Whoever is not there at the next arming is not waited for.
    robot.supervisor.reset()
    robot.tick(WALL)
    robot.supervisor.arm(robot.now, robot.now)
    for _ in range(30):
        assert robot.tick(WALL) is State.HOLD


def test_a_single_message_is_no_heartbeat(make: Callable[..., Robot]) -> None:
    robot = make(estop_heartbeat_s=0.1)
    robot.tick(WALL)
    robot.supervisor.arm(robot.now, robot.now)
    robot.tick(WALL, PENDANT)
    for _ in range(30):
        assert robot.tick(WALL) is State.HOLD


@given(st.lists(st.tuples(st.sampled_from('abc'), st.booleans()), max_size=30))
def test_it_is_released_when_the_last_word_of_everybody_is_false(
    said: list[tuple[str, bool]],
) -> None:
    publishers = EstopPublishers(0)
    for source, pressed in said:
        publishers.push(0, pressed, source)
    holding = sorted(source for source, pressed in dict(said).items() if pressed)
    if not holding:
        publishers.check_released()
        return
    with pytest.raises(SafetyError) as refused:
        publishers.check_released()
    assert all(f'"{source}"' in str(refused.value) for source in holding)
