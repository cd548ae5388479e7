# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Capsules of links: they contain the links, and a file of them may not be stale."""

from dataclasses import replace
from pathlib import Path

import coal
import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.errors import SafetyError
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety.geometry import link_capsules, shapes

ROBOTS = ['contract', 'g1']


@pytest.mark.parametrize('robot', ROBOTS)
def test_the_stored_ones_contain_every_vertex(robot: str, request: pytest.FixtureRequest) -> None:
    model = RobotModel(request.getfixturevalue(robot))
    found = link_capsules.obtain(model)
    assert found.path is not None, 'no capsules beside the contract'
    elements = shapes.read(model.contract, model.model).geometryObjects
    for item in elements:
        frame = model.model.frames[item.parentFrame]
        pose = frame.placement.inverse() * item.placement
        if isinstance(item.geometry, coal.Sphere):
            continue  # held as it is; the polyhedron around it would stick out
        points = shapes.points(item) @ pose.rotation.T + pose.translation
        depth = np.max([one.depth(points) for one in found.links[frame.name]], axis=0)
        assert depth.min() >= -1e-12, item.name
    assert len(elements) > 20


def test_fitting_again_gives_the_stored_ones(contract: Contract) -> None:
    model = RobotModel(contract)
    stored, fitted = link_capsules.obtain(model), link_capsules.fit(model)
    assert stored.fingerprint == fitted.fingerprint
    assert stored.links.keys() == fitted.links.keys()
    for link, capsules in fitted.links.items():
        for one, other in zip(capsules, stored.links[link], strict=True):
            assert np.allclose(one.start, other.start, atol=1e-6)
            assert np.allclose(one.end, other.end, atol=1e-6)
            assert one.radius == pytest.approx(other.radius, abs=1e-6)


def test_a_file_is_read_as_it_was_written(contract: Contract, tmp_path: Path) -> None:
    fitted = link_capsules.obtain(RobotModel(contract))
    path = tmp_path / 'robot.capsules.yaml'
    path.write_text(fitted.dump('robot'))
    again = link_capsules.read(path, contract)
    assert again.path == path
    for link, capsules in fitted.links.items():
        for one, other in zip(capsules, again.links[link], strict=True):
            assert np.array_equal(one.start, other.start)
            assert one.radius == other.radius


def test_a_stale_file_is_refused_with_the_command(contract: Contract, tmp_path: Path) -> None:
    path = tmp_path / 'robot.capsules.yaml'
    path.write_text(link_capsules.obtain(RobotModel(contract)).dump('robot'))
    wider = contract.urdf_text.replace('0.16 0.22 0.3', '0.17 0.22 0.3')
    assert wider != contract.urdf_text
    changed = replace(contract, urdf_text=wider, path=tmp_path / 'robot.yaml')
    with pytest.raises(SafetyError, match=r'stale.*check --robot .*robot.yaml --fit-capsules'):
        link_capsules.obtain(RobotModel(changed))
    # What does not concern the geometry does not make it stale.
    renamed = contract.urdf_text.replace('<mass value=', '<mass  value=')
    link_capsules.read(path, replace(contract, urdf_text=renamed))


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('format: 1', 'format: 0'),
        ('format: 1', ''),
        ('links:', 'links: ['),
        ('capsules:', 'balls:'),
    ],
)
def test_a_broken_file_is_refused(old: str, new: str, contract: Contract, tmp_path: Path) -> None:
    text = link_capsules.obtain(RobotModel(contract)).dump('robot')
    path = tmp_path / 'robot.capsules.yaml'
    path.write_text(text.replace(old, new))
    with pytest.raises(SafetyError, match='--fit-capsules'):
        link_capsules.read(path, contract)


def test_without_a_file_they_are_fitted(contract: Contract, tmp_path: Path) -> None:
    elsewhere = replace(contract, path=tmp_path / 'robot.yaml')
    assert link_capsules.obtain(RobotModel(elsewhere)).path is None
