# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every program in examples/ runs, as its docstring says, and says what it should."""

from collections.abc import Callable, Iterator
from pathlib import Path
import re
import runpy
import sys
from typing import Any

import pytest
from workshop import Workshop

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / 'examples').glob('*.py'))
RUNS: dict[str, tuple[Callable[[Workshop, Path], list[object]], str]] = {
    'bags_with_pandas': (lambda shop, out: [shop.bags / 'pick_0001'], r'/joint_states +4\d\d'),
    'closed_loop': (
        lambda shop, out: [shop.policy, 'reach', out, 1],
        r'nominal: [01] of 1 \(.*\npush1\+delay1: [01] of 1',
    ),
    'contract_in_python': (lambda shop, out: [out], r'stops at \[1\.45 1\.45\]'),
    'custom_loss': (
        lambda shop, out: [shop.data, out, 40],
        r'bc: first action 0\.\d+ rad.*\nbc-near: first action 0\.\d+ rad',
    ),
    'filter_your_loop': (lambda shop, out: [0.6], r'closest pair: \d+\.\d mm'),
    'own_irl_method': (lambda shop, out: [shop.data, shop.run, out], 'irl-amp: finished True'),
    'own_policy': (lambda shop, out: [shop.data, out, 60], r'linear: 0\.\d+ rad; holding'),
    'own_task': (lambda shop, out: [out], 'linger: success'),
    'own_teleop_device': (lambda shop, out: [1.0], r'swung over [1-9]\d*\.\d cm'),
    'reward_as_cost': (
        lambda shop, out: [shop.data, shop.run, out, 20],
        r'reach_0000 \(success\): cost [+-]\d',
    ),
    'step_a_policy': (lambda shop, out: [shop.policy], r'_joint moved most: 0\.\d+ rad'),
    'sweep': (lambda shop, out: [shop.data, out, 10], r'(\n.*){4}\nbest: .*lr'),
    'train_from_bags': (
        lambda shop, out: [shop.bags, out, 20],
        r'pick_0002: ok\n2 episodes at 25 Hz\n.*policy\.onnx: differs from torch by',
    ),
}
"""Arguments of each program, small, and what it prints."""


def test_every_example_is_run_here() -> None:
    assert [path.stem for path in EXAMPLES] == sorted(RUNS)
    assert len(RUNS) >= 12


@pytest.mark.parametrize('path', EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_and_says_how_to_run_it(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) < 60
    text = path.read_text().split('"""')[1]
    assert re.search(rf'^ {{0,4}}python examples/{path.name}( |$)', text, re.MULTILINE)
    assert path.name in (ROOT / 'docs' / 'library.md').read_text()


@pytest.fixture
def registries() -> Iterator[None]:
    """What examples register is gone when they are done."""
    from imitation_ros.irl import methods
    from imitation_ros.sim.experts import EXPERTS
    from imitation_ros.sim.tasks import TASKS
    from imitation_ros.training.config import METHODS

    registries: tuple[dict[str, Any], ...] = tuple(
        registry.built_in for registry in (methods.METHODS, EXPERTS, TASKS, METHODS)
    )
    before = [dict(registry) for registry in registries]
    yield
    for registry, known in zip(registries, before, strict=True):
        registry.clear()
        registry.update(known)


@pytest.mark.slow
@pytest.mark.usefixtures('registries')
@pytest.mark.parametrize('path', EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(
    path: Path,
    workshop: Workshop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if path.stem == 'bags_with_pandas':
        pytest.importorskip('pandas', reason='pandas is not installed')
    arguments, wanted = RUNS[path.stem]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', [str(path), *map(str, arguments(workshop, tmp_path / 'out'))])
    # In this process: importing torch anew takes longer than most examples.
    runpy.run_path(str(path), run_name='__main__')
    assert re.search(wanted, told := capsys.readouterr().out), told
