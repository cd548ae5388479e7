# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Robot descriptions as people have them: a model, or one sentence with the name."""

import numpy as np
import pytest
from typer.testing import CliRunner

from imitation_ros.cli.app import app
from imitation_ros.contract import loads
from imitation_ros.errors import ContractError
from imitation_ros.kinematics.model import RobotModel

LIMIT = '<limit lower="-1" upper="1" velocity="2" effort="9"/>'


def joint(name, kind, parent, child, inside=LIMIT):
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
        f'<axis xyz="0 1 0"/>{inside}</joint>'
    )


def robot(folder, *more, links=('base', 'l1', 'l2', 'l3')):
    """A robot whose contract has the joint j1 alone."""
    bodies = ''.join(f'<link name="{name}"/>' for name in links)
    urdf = (
        f'<robot name="r">{bodies}{joint("j1", "revolute", "base", "l1")}{"".join(more)}</robot>'
    )
    text = (
        'name: r\nurdf: r.urdf\nrates: {policy_hz: 25.0, command_hz: 100.0}\n'
        'joint_states: {rate_hz: 100.0, max_age_s: 0.06}\n'
        'groups: [{name: arm, joints: [j1], output: {topic: /arm/trajectory}}]\n'
    )
    return loads(text, folder / 'r.yaml', urdf)


@pytest.mark.parametrize('kind', ['revolute', 'continuous'])
def test_a_follower_follows_by_its_factor(tmp_path, kind):
    inside = (LIMIT if kind == 'revolute' else '') + '<mimic joint="j1" multiplier="-0.5"/>'
    model = RobotModel(
        robot(tmp_path, joint('tip', kind, 'l1', 'l2', inside), links=('base', 'l1', 'l2'))
    )
    turned = model.placement(np.array([0.8]), 'l2').rotation
    np.testing.assert_allclose(np.arctan2(turned[0, 2], turned[0, 0]), 0.4, atol=1e-9)


@pytest.mark.parametrize('kind', ['planar', 'floating'])
def test_a_base_that_moves_is_held(tmp_path, kind):
    links = ('world', 'base', 'l1')
    model = RobotModel(robot(tmp_path, joint('root', kind, 'world', 'base', ''), links=links))
    assert model.model.nq == 1


@pytest.mark.parametrize(
    ('more', 'match'),
    [
        (['<link name="l3"/>'], r'several links are called "l3"'),
        ([joint('j1', 'fixed', 'l1', 'l2')], r'several joints are called "j1"'),
        ([joint('a', 'revolute', 'l1', 'l2', LIMIT.replace('"1"', '"${pi/2}"'))], r'is of xacro'),
        ([joint('a', 'fixed', 'l1', 'l2', '<origin xyz="$(arg x) 0 0"/>')], r'is of xacro'),
        (
            [joint('a', 'revolute', 'l1', 'l2', LIMIT.replace('"1"', '"one"'))],
            r"joint 'a': upper is 'one', no finite number",
        ),
        (
            [joint('a', 'revolute', 'l1', 'l2', LIMIT.replace('"1"', '"nan"'))],
            r"joint 'a': upper is 'nan', no finite number",
        ),
        (
            [joint('a', 'revolute', 'l1', 'l2', LIMIT + '<mimic joint="j"/>')],
            r'joint "a" mimics "j" is not a joint.*j1',
        ),
        (
            [
                joint('a', 'revolute', 'l1', 'l2', LIMIT + '<mimic joint="j1"/>'),
                joint('b', 'revolute', 'l2', 'l3', LIMIT + '<mimic joint="a"/>'),
            ],
            r'joint "b" mimics "a", which mimics another',
        ),
    ],
)
def test_one_sentence_names_what_is_wrong(tmp_path, more, match):
    with pytest.raises(ContractError, match=match):
        robot(tmp_path, *more)


def test_a_joint_on_no_link_is_one_sentence(tmp_path):
    with pytest.raises(
        ContractError, match=r"r\.urdf: joint 'a': its parent 'nowhere' is no link"
    ):
        robot(tmp_path, joint('a', 'revolute', 'nowhere', 'l2'))


@pytest.mark.parametrize(('speed', 'told'), [('2', False), ('0', True)])
def test_check_reports_on_one_joint_and_one_that_cannot_move(tmp_path, monkeypatch, speed, told):
    """No pair of links is watched either."""
    monkeypatch.setenv('HOME', str(tmp_path))
    links = ('world', 'base', 'l1')
    contract = robot(tmp_path, joint('root', 'planar', 'world', 'base', ''), links=links)
    shape = '<collision><geometry><sphere radius="0.1"/></geometry></collision>'
    urdf = contract.urdf_text.replace('<link name="l1"/>', f'<link name="l1">{shape}</link>')
    (tmp_path / 'r.urdf').write_text(urdf.replace('velocity="2"', f'velocity="{speed}"'))
    (tmp_path / 'r.yaml').write_text(contract.text)
    done = CliRunner().invoke(app, ['check', '--robot', '~/r.yaml'])
    assert done.exit_code == 0, done.output
    assert 'no pair of links is watched' in done.output
    assert ('j1 can never move: its velocity limit is 0' in done.output) == told
