# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The architecture, as tests."""

from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / 'imitation_ros'


@pytest.mark.parametrize(
    'module',
    [
        'contract',
        'data.store',
        'bags.codec',
        'bags.convert',
        'runtime.loop',
        'safety.governor',
        'teleop.gate',
        'sim.robot',
        'training.run',
        'evaluation.report',
        'cli',
    ],
)
def test_ros_stays_in_the_nodes(module: str) -> None:
    probe = (
        f'import sys, imitation_ros.{module}; '
        'print([m for m in ("rclpy", "sensor_msgs", "std_msgs") if m in sys.modules])'
    )
    done = subprocess.run(
        [sys.executable, '-c', probe], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == '[]'


@pytest.mark.parametrize('module', ['runtime.loop', 'safety.governor', 'bags.convert', 'cli'])
def test_the_robot_needs_no_torch(module: str) -> None:
    probe = f'import sys, imitation_ros.{module}; print("torch" in sys.modules)'
    done = subprocess.run(
        [sys.executable, '-c', probe], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == 'False'


def test_no_file_outgrows_a_head() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in PACKAGE.rglob('*.py')
        if (lines := len(path.read_text().splitlines())) > 420
    }
    assert not long, f'split by noun: {long}'


def test_no_module_is_named_after_nothing() -> None:
    names = {path.stem for path in PACKAGE.rglob('*.py')}
    assert not names & {'utils', 'helpers', 'manager', 'factory', 'misc', 'common'}


def test_every_file_says_its_licence() -> None:
    missing = [
        str(path.relative_to(ROOT))
        for folder in ('imitation_ros', 'launch', 'tools', 'benchmarks', 'test')
        for path in (ROOT / folder).rglob('*.py')
        if 'SPDX-License-Identifier: Apache-2.0' not in path.read_text()[:200]
    ]
    assert not missing
