# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A URDF is one tree of finite numbers before any other library sees it."""

from pathlib import Path
import re
import subprocess
import sys

import pytest

from imitation_ros import resources, urdf
from imitation_ros.errors import ContractError

TEXT = resources.path('urdf/imi_humanoid.urdf').read_text()


def _attribute(name: str, value: str) -> str:
    changed = re.sub(rf'\b{name}="[^"]*"', f'{name}="{value}"', TEXT, count=1)
    assert changed != TEXT
    return changed


def _extra(text: str) -> str:
    return TEXT.replace('</robot>', f'{text}</robot>')


def _chain(length: int) -> str:
    parts = ['<link name="l0"/>']
    for i in range(length):
        parts.append(
            f'<link name="l{i + 1}"/><joint name="j{i}" type="fixed"><parent link="l{i}"/>'
            f'<child link="l{i + 1}"/></joint>'
        )
    return f'<robot name="chain">{"".join(parts)}</robot>'


def _fixed(name: str, parent: str, child: str) -> str:
    ends = f'<parent link="{parent}"/><child link="{child}"/>'
    return f'<joint name="{name}" type="fixed">{ends}</joint>'


CASES = {
    'place of NaN': (_attribute('xyz', 'nan nan nan'), 'xyz of <origin> is'),
    'place of text': (_attribute('xyz', 'a b c'), 'no finite number'),
    'place of two numbers': (_attribute('xyz', '0 0'), 'it has 3 numbers'),
    'place far away': (_attribute('xyz', '1e300 0 0'), 'more than 1000 m'),
    'angle of infinity': (_attribute('rpy', '0 inf 0'), 'rpy of <origin>'),
    'lower': (_attribute('lower', '-inf'), 'lower is'),
    'upper': (_attribute('upper', 'nan'), 'upper is'),
    'upper of text': (_attribute('upper', 'pi'), 'upper is'),
    'speed of NaN': (_attribute('velocity', 'nan'), 'velocity is'),
    'negative speed': (_attribute('velocity', '-1'), r'outside \[0, 10000\] rad/s'),
    'absurd speed': (_attribute('velocity', '1e300'), r'outside \[0, 10000\] rad/s'),
    'effort of NaN': (_attribute('effort', 'nan'), 'effort is'),
    'negative effort': (_attribute('effort', '-5'), r'outside \[0, 1e\+09\] N m'),
    'axis': (_attribute('axis xyz', '0 0 0'), 'no direction'),
    'axis of NaN': (_attribute('axis xyz', 'nan 0 0'), 'no finite number'),
    'radius of NaN': (_attribute('radius', 'nan'), 'radius of'),
    'negative radius': (_attribute('radius', '-0.1'), 'above 0 m'),
    'no radius': (_attribute('radius', '0'), 'above 0 m'),
    'absurd radius': (_attribute('radius', '1e9'), 'up to 1000 m'),
    'negative length': (_attribute('length', '-1'), 'at least 0 m'),
    'mass of NaN': (_attribute('mass value', 'nan'), 'value of <mass>'),
    'negative mass': (_attribute('mass value', '-1'), 'mass of -1 kg'),
    'inertia of NaN': (_attribute('ixx', 'nan'), 'ixx of <inertia>'),
    'box': (
        _extra(
            '<link name="x"><collision><geometry><box size="1 -1 1"/></geometry></collision>'
            f'</link>{_fixed("f", "pelvis", "x")}'
        ),
        'each side is above 0 m',
    ),
    'ring': (_extra(_fixed('ring', 'left_hand_link', 'pelvis')), 'ring'),
    'ring apart': (
        _extra('<link name="a"/><link name="b"/>' + _fixed('x', 'a', 'b') + _fixed('y', 'b', 'a')),
        'in a ring',
    ),
    'itself': (_extra('<link name="a"/>' + _fixed('x', 'a', 'a')), 'in a ring'),
    'two roots': (_extra('<link name="a"/>'), 'has 2 roots, not one'),
    'two parents': (
        _extra(_fixed('more', 'pelvis', 'left_hand_link')),
        'hangs on another joint already',
    ),
    'parent that is none': (_extra(_fixed('x', 'nowhere', 'pelvis')), "'nowhere' is no link"),
    'child that is none': (_extra(_fixed('x', 'pelvis', 'nowhere')), "'nowhere' is no link"),
    'chain': (_chain(150), 'more than 100 joints away'),
    'long chain': (_chain(20_000), 'more than 1000'),
    'many links': (
        _extra(
            ''.join(
                f'<link name="l{i}"/>' + _fixed(f'f{i}', 'pelvis', f'l{i}') for i in range(3000)
            )
        ),
        '3041 links and',
    ),
    'nested': ('<robot>' + '<a>' * 100_000, 'nested deeper'),
    'entity': ('<!DOCTYPE r [<!ENTITY x "y">]>' + TEXT.split('?>', 1)[-1], 'DOCTYPE'),
    'no XML': ('not a robot', 'not well-formed XML'),
}


@pytest.mark.parametrize(('text', 'reason'), CASES.values(), ids=list(CASES))
def test_a_urdf_that_is_none(text: str, reason: str) -> None:
    with pytest.raises(ContractError, match=reason) as caught:
        urdf.parse(text, 'arm.urdf')
    assert str(caught.value).startswith('arm.urdf: ')
    assert len(str(caught.value)) < 400


def test_urdfs_of_others_are_read() -> None:
    folders = [folder for folder in resources.share_folders() if folder.name == 'robots']
    paths = [path for folder in folders for path in folder.rglob('*.urdf')]
    if not paths:
        pytest.skip('example-robot-data is not installed')
    refused = {}
    for path in paths:
        try:
            urdf.load(path)
        except ContractError as error:
            refused[path.name] = str(error)
    assert len(paths) > 20
    # Its fingers follow "index_q1" and the like, which are no joints of it.
    reason = refused.pop('alex_psyonic_hands.urdf', 'mimics')
    assert 'mimics' in reason and not refused


def test_check_says_it_in_a_line(tmp_path: Path) -> None:
    contract = resources.path('config/robots/imi_humanoid.yaml').read_text()
    (tmp_path / 'x.yaml').write_text(re.sub('urdf: .*', 'urdf: x.urdf', contract))
    (tmp_path / 'x.urdf').write_text(_chain(100_000))
    line = [sys.executable, '-m', 'imitation_ros', 'check', '--robot', str(tmp_path / 'x.yaml')]
    run = subprocess.run(line, check=False, capture_output=True, text=True, timeout=120)
    assert run.returncode == 1 and run.stdout == ''
    assert run.stderr.startswith(f'error: {tmp_path / "x.urdf"}: ') and 'more than' in run.stderr
