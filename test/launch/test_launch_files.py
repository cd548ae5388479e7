# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Launch files: what they start exists, and every argument says what it is for."""

import ast
from dataclasses import fields
import importlib
from pathlib import Path
from typing import Any

from node_modules import module_of
import pytest

from imitation_ros.cli.processes import NODES

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / 'launch').glob('*.launch.py'))


def calls(tree: ast.AST, name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == name
    ]


def keyword(call: ast.Call, name: str) -> Any:
    return next((k.value for k in call.keywords if k.arg == name), None)


def test_the_launch_files_are_there() -> None:
    names = {path.name for path in FILES}
    kinds = ('sim', 'gazebo', 'record', 'deploy', 'demo')
    assert names == {f'{kind}.launch.py' for kind in kinds}


@pytest.mark.ros
@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_nodes_are_installed_and_take_the_parameters_they_are_given(path: Path) -> None:
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    for call in calls(ast.parse(path.read_text()), 'Node'):
        if keyword(call, 'package').value != 'imitation_ros':
            continue
        executable = keyword(call, 'executable').value
        program = (ROOT / 'resource' / 'nodes' / executable).read_text()
        assert f"run_module('{NODES[executable]}'" in program
        module = importlib.import_module(module_of(executable))
        known = {field.name for field in fields(module.Parameters)}
        for element in keyword(call, 'parameters').elts:
            if isinstance(element, ast.Dict):
                given = {key.value for key in element.keys if isinstance(key, ast.Constant)}
                assert given <= known, f'{executable} takes {sorted(known)}'


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_launch_describes_every_argument(path: Path) -> None:
    pytest.importorskip('launch', reason='launch is not on PyPI; it comes with ROS 2')
    pytest.importorskip('launch_ros', reason='launch_ros is not on PyPI; it comes with ROS 2')
    from launch.launch_description_sources import get_launch_description_from_python_launch_file

    arguments = get_launch_description_from_python_launch_file(str(path)).get_launch_arguments()
    assert arguments
    assert all(argument.description for argument in arguments)
