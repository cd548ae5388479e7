# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A step is decided, which changes nothing, and then explained from the decision alone."""

from dataclasses import replace

import numpy as np
import pytest
from safety_parts import Built, FEET

from imitation_ros.contract import Contract, Support, Torque
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.safety.decision import Outcome, Refusal, Subject
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.intervention import Rule

FEATURES = {
    'torque': Torque(share=0.6, groups=('torso', 'left_arm', 'right_arm')),
    'support': Support(feet=FEET['imi_humanoid']),
    'tool_speed': 0.5,
}


def changed(contract: Contract, **keys: object) -> Contract:
    return replace(contract, safety=contract.safety.model_copy(update=keys))


@pytest.mark.parametrize('mode', ['project', 'path'])
@pytest.mark.parametrize('features', [{}, FEATURES])
def test_deciding_and_explaining_change_nothing(
    contract: Contract, built: Built, backend: str, mode: str, features: dict[str, object]
) -> None:
    distances = built('imi_humanoid', backend)
    robot = SafetyFilter(changed(contract, mode=mode, **features), distances)
    explained = 0
    for name, ask in all_streams(contract, distances, 2).items():
        robot.reset(contract.home)
        for tick in range(60):
            asked = ask(tick, robot.q)
            state = robot.q.copy(), robot.v.copy(), robot.threshold.copy()
            robot.decide(*asked)
            decision = robot.decide(*asked)
            notes = [robot._explainer.explain(decision) for _ in range(2)]
            now = robot.q, robot.v, robot.threshold
            assert all(np.array_equal(a, b) for a, b in zip(state, now, strict=True)), name
            # Not a number is not itself.
            assert repr(notes[0]) == repr(notes[1])
            step = robot.step(*asked)
            assert np.array_equal(step.v, decision.x)
            assert repr(step.interventions) == repr(notes[0])
            explained += len(step.interventions)
    assert explained > 1000


def test_a_decision_says_how_it_came_about(contract: Contract, built: Built, backend: str) -> None:
    robot = SafetyFilter(contract, built('imi_humanoid', backend))
    robot.reset(contract.home)
    home, bad = contract.home, np.full(contract.n, np.nan)
    assert robot.decide(None).outcome is Outcome.NOTHING_ASKED
    assert robot.decide(home[1:]).outcome is Outcome.MALFORMED
    assert robot.decide(home, home[1:]).outcome is Outcome.MALFORMED
    assert robot.decide(bad).outcome is Outcome.NON_FINITE
    assert robot.decide(home, bad).outcome is Outcome.NON_FINITE
    assert robot.decide(home).outcome is Outcome.PROJECTED
    assert robot.decide(home, None, lambda: True).outcome is Outcome.OUT_OF_TIME
    answers = iter([False, True])
    late = robot.decide(home, None, lambda: next(answers))
    assert late.outcome is Outcome.OUT_OF_TIME_AFTER_QP
    path = SafetyFilter(changed(contract, mode='path'), built('imi_humanoid', backend))
    path.reset(home)
    slowed = path.decide(home + 1e-4)
    assert (slowed.outcome, slowed.share) == (Outcome.SLOWED, 1.0)


@pytest.mark.parametrize('subject', list(Subject))
def test_a_refusal_names_what_would_break_its_promise(
    contract: Contract,
    built: Built,
    backend: str,
    subject: Subject,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Number 3 of each kind: no kind is told from another by the size of a number."""
    distances = built('imi_humanoid', backend)
    robot = SafetyFilter(changed(contract, **FEATURES), distances)
    robot.reset(contract.home)
    number = len(contract.tools) - 1 if subject is Subject.TOOL else 3
    checks = {
        Subject.PAIR: (robot._certification._distances, lambda *_: number),
        Subject.TOOL: (robot._tools, lambda *_: number),
        Subject.JOINT: (robot._optional, lambda *_: number),
    }
    on, refuse = checks[subject]
    monkeypatch.setattr(on, 'refused', refuse)
    decision = robot.decide(contract.home + 1e-3)
    assert decision.refusal == Refusal(subject, number)
    assert np.array_equal(decision.x, robot.box.brake(robot.v))
    [note] = [n for n in robot.step(contract.home + 1e-3).interventions if n.rule is Rule.BRAKING]
    names = {
        Subject.PAIR: '{} and {} apart'.format(*distances.links[number]),
        Subject.TOOL: contract.tools[-1],
        Subject.JOINT: f'"{contract.joints[number]}"',
    }
    assert names[subject] in note.text
    assert (note.joint is not None) == (subject is Subject.JOINT)
    assert (note.pair is not None) == (subject is Subject.PAIR)
