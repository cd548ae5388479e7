# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The safety report: its judge, its rivals, and the page."""

from html.parser import HTMLParser
import json
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.evaluation.safety.baselines import Ours, SoftLimiterTranscription, StepClamp
from imitation_ros.evaluation.safety.comparison import METHODS, OURS
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.evaluation.safety.trial import judge, play, Violations
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety import backends
from imitation_ros.safety.backend import Backend


@pytest.fixture(scope='module')
def collisions(contract: Contract) -> Backend:
    return backends.build(RobotModel(contract))


def path_of(contract: Contract, joint: str, offsets: list[float]) -> list[np.ndarray]:
    path = []
    for offset in offsets:
        q = contract.home.copy()
        q[contract.index(joint)] += offset
        path.append(q)
    return path


def test_the_judge_finds_what_is_planted(contract: Contract, collisions: Backend) -> None:
    joint, dt = 'neck_yaw_joint', 1.0 / contract.rates.command_hz
    i = contract.index(joint)
    a, v = contract.limits.acceleration[i], contract.limits.velocity[i]
    fine = path_of(contract, joint, [0.0, a * dt**2, 3 * a * dt**2])
    assert judge(contract, collisions, fine)[0].total == 0
    hard, _ = judge(contract, collisions, path_of(contract, joint, [0.0, 1.5 * a * dt**2]))
    assert (hard.acceleration, hard.total) == (1, 1)
    assert hard.hardest == pytest.approx(1.5)
    fast, _ = judge(contract, collisions, path_of(contract, joint, [0.0, 1.1 * v * dt]))
    assert (fast.velocity, fast.acceleration) == (1, 1)
    out, _ = judge(contract, collisions, path_of(contract, joint, [5.0, 5.0]))
    assert out.position == 2
    bad, _ = judge(contract, collisions, path_of(contract, joint, [0.0, np.nan, 0.0]))
    assert (bad.non_finite, bad.total) == (1, 1)
    q = contract.home.copy()
    while collisions.distances(q).min() > 0.0:
        pair = np.array([int(collisions.distances(q).argmin())])
        q = q - 0.01 * np.sign(collisions.gradients(q, pair)[0])
    close, distances = judge(contract, collisions, [contract.home, q])
    assert close.distance == 1
    assert close.closest_mm == pytest.approx(1e3 * distances[1])
    both = close + bad
    assert (both.non_finite, both.closest_mm) == (1, close.closest_mm)
    assert both.total == close.total + bad.total
    assert Violations().total == 0


def test_the_soft_limiter_has_the_holes_that_were_measured(
    contract: Contract, collisions: Backend
) -> None:
    limits, dt = contract.limits, 1.0 / contract.rates.command_hz
    robot = SoftLimiterTranscription(contract, collisions)
    neck = contract.index('neck_yaw_joint')
    away = contract.home.copy()
    away[neck] = 1.0
    q = [robot.step(away)[neck] for _ in range(60)]
    v = np.diff(q) / dt
    assert v.max() == pytest.approx(limits.velocity[neck])
    assert (np.diff(v) / dt <= limits.acceleration[neck] * (1 + 1e-6)).all()
    # From full speed one way to full speed the other, in one period.
    back = (robot.step(contract.home - 1.0)[neck] - q[-1]) / dt
    assert back == pytest.approx(-limits.velocity[neck])
    bad = robot.q.copy()
    bad[neck] = np.nan
    before = robot.q.copy()
    assert np.isnan(robot.step(bad)[neck])
    assert np.isfinite(robot.q).all() and robot.q[neck] == before[neck]
    for _ in range(2000):
        q_end = robot.step(limits.upper + 1.0)
    assert (q_end <= limits.upper).all()


def test_the_step_clamp_leaves_the_limits(contract: Contract, collisions: Backend) -> None:
    robot = StepClamp(contract, collisions)
    for _ in range(400):
        q = robot.step(contract.limits.upper + 1.0)
    assert (q > contract.limits.upper).any()
    assert np.array_equal(robot.step(None), q)
    assert np.array_equal(robot.step(q[:3]), q)


def test_playing_measures_what_it_says(contract: Contract, collisions: Backend) -> None:
    stream = all_streams(contract, collisions, 0)['realistic']
    run = play(contract, collisions, stream, Ours(contract, collisions), 80)
    assert run.violations.total == 0
    assert run.distances.shape == (81,)
    assert run.deviation < 1e-3 < run.speed
    assert (run.times_ns > 0).all()


class Sources(HTMLParser):
    """Everything a page would have to load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.plots = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.plots += tag == 'svg'
        if tag in ('script', 'link', 'iframe'):
            self.found.append(tag)
        self.found += [value or '' for key, value in attrs if key == 'src']


def test_the_verb_writes_a_page_of_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'imitation_ros', 'safety-report', '--smoke', '--json'],
        cwd=tmp_path,
        env=os.environ | {'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert values == json.loads((tmp_path / 'safety.json').read_text())
    assert list(values['streams']) == ['realistic', 'random', 'attack', 'edge', 'garbage']
    assert values['violations'][OURS]['total'] == 0
    assert values['violations']['step clamp']['position'] >= 0
    assert values['violations']['step clamp']['non_finite'] > 0
    assert values['violations']['soft limiter']['acceleration'] > 0
    page = (tmp_path / 'safety.html').read_text()
    sources = Sources()
    sources.feed(page)
    assert sources.found == []
    assert sources.plots == 5
    assert 'No violations in 300 set-points' in page
    assert all(f'✗ {name}' in page or f'✓ {name}' in page for name in METHODS)
