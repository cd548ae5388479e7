# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The architecture, as tests."""

from pathlib import Path
import subprocess
import sys

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / 'imitation_ros'


def loaded_by(modules: tuple[str, ...]) -> set[str]:
    """Top-level packages that are there once modules of ours are imported, in a new process."""
    names = ', '.join(f'imitation_ros.{module}' for module in modules)
    probe = f'import sys, {names}; print(*{{name.partition(".")[0] for name in sys.modules}})'
    done = subprocess.run(
        [sys.executable, '-c', probe], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_ros_stays_in_the_nodes() -> None:
    """What import-linter (setup.cfg) reads from the sources, seen on imported modules."""
    modules = (
        *('contract', 'data.store', 'messages.codec', 'conversion.convert', 'recording.session'),
        *('runtime.loop', 'safety.supervisor', 'teleop.gate', 'sim.robot', 'rollout.rollout'),
        *('training.run', 'reports.run_page', 'cli'),
    )
    assert not loaded_by(modules) & {'rclpy', 'sensor_msgs', 'std_msgs'}


def test_the_robot_needs_no_torch() -> None:
    modules = ('runtime.loop', 'safety.supervisor', 'conversion.convert', 'recording.session')
    assert 'torch' not in loaded_by((*modules, 'cli'))


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
        for folder in ('imitation_ros', 'launch', 'tools', 'benchmarks', 'examples', 'test')
        for path in (ROOT / folder).rglob('*.py')
        if 'SPDX-License-Identifier: Apache-2.0' not in path.read_text()[:200]
    ]
    assert not missing
