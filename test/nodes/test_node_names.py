# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our nodes leave the names of rclpy's own attributes alone, and answer about their parameters.

rclpy keeps its state in attributes such as `_parameters`; a node that assigns one of them breaks
a service of every node, such as the one behind `ros2 param list`.
"""

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import importlib
import inspect
import os
from pathlib import Path
import pkgutil
import subprocess
import textwrap
import threading
from typing import Any

from node_modules import module_of
from onnx_models import write_hold
import pytest
from waiting import until

from imitation_ros import nodes
from imitation_ros.cli.processes import command, end
from imitation_ros.contract import Contract

pytestmark = pytest.mark.ros
OVERRIDES = {
    *('__init__', '__module__', '__doc__', '__dict__', '__weakref__', 'destroy_node'),
    *('on_configure', 'on_activate', 'on_deactivate', 'on_cleanup', 'on_shutdown', 'on_error'),
}
"""What a node of ours may define although rclpy does: it is made to be overridden."""
START_S, ANSWER_S = 150.0, 20.0


def mangled(name: str, owner: str) -> str:
    """Name that Python makes of a class's private name."""
    private = name.startswith('__') and not name.endswith('__')
    return f'_{owner.lstrip("_")}{name}' if private else name


def assigned(source: str, owner: str) -> set[str]:
    """Attributes that methods of a class assign to themselves, in whatever way."""
    names = set()
    for function in ast.walk(ast.parse(textwrap.dedent(source))):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = function.args.posonlyargs + function.args.args
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                if isinstance(node.value, ast.Name) and first and node.value.id == first[0].arg:
                    names.add(mangled(node.attr, owner))
            elif isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'setattr':
                names |= {a.value for a in node.args[1:2] if isinstance(a, ast.Constant)}
    return names


def own(kind: type) -> set[str]:
    """Every name that a class itself defines or assigns."""
    return set(vars(kind)) | assigned(inspect.getsource(kind), kind.__name__)


def rclpy_names(kind: type) -> set[str]:
    """Names of rclpy's classes under a node of ours."""
    theirs = [c for c in kind.__mro__ if c.__module__.split('.')[0] == 'rclpy']
    return set().union(*map(own, theirs)) | set(dir(object))


def node_classes() -> list[type]:
    """Every node class of the package, found in every module of it."""
    node = pytest.importorskip('rclpy.node', reason='rclpy is not installed').Node
    found = set()
    for module in pkgutil.walk_packages(nodes.__path__, 'imitation_ros.nodes.'):
        if module.name.endswith('__main__'):
            continue
        names = vars(importlib.import_module(module.name)).values()
        found |= {c for c in names if inspect.isclass(c) and issubclass(c, node)}
    return sorted(
        (c for c in found if c.__module__.startswith('imitation_ros')), key=lambda c: c.__name__
    )


def collisions(kind: type) -> set[str]:
    """Names of rclpy that a node class, or one that it is mixed from, takes for itself."""
    ours = [c for c in kind.__mro__ if c.__module__.split('.')[0] not in ('rclpy', 'builtins')]
    return set().union(*map(own, ours)) & rclpy_names(kind) - OVERRIDES


def test_no_node_takes_a_name_of_rclpy() -> None:
    classes = node_classes()
    assert {c.__name__ for c in classes} >= {
        *('PolicyNode', 'Recorder', 'SafetyNode', 'SimNode', 'TeleopNode')
    }
    assert {c.__name__: taken for c in classes if (taken := collisions(c))} == {}


def test_helpers_take_no_name_of_rclpy_either() -> None:
    """Functions that are given a node."""
    taken = set().union(*map(rclpy_names, node_classes()))
    paths = sorted(Path(nodes.__file__).parent.rglob('*.py'))
    assert len(paths) > len(node_classes())
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                owner = getattr(node.value, 'id', getattr(node.value, 'attr', ''))
                assert owner not in ('node', '_node') or node.attr not in taken, path.name


def test_each_way_to_take_a_name_is_seen() -> None:
    node = pytest.importorskip('rclpy.node', reason='rclpy is not installed').Node

    class Mixin:
        def get_logger(self) -> None:
            pass

    class Taking(Mixin, node):  # type: ignore[misc, valid-type]
        _clock = None

        def __init__(this) -> None:  # noqa: N805
            this._parameters, this.fine = {}, 1
            with open(os.devnull) as this._services:
                this._descriptors: dict[str, str] = {}
            this.__node = 1

        def destroy_node(this) -> None:  # noqa: N805
            for this._timers in ():
                setattr(this, '_guards', 1)  # noqa: B010

    assert collisions(Taking) == {
        *('_parameters', '_services', '_descriptors', '_clock', '_timers', '_guards'),
        'get_logger',
    }


@contextmanager
def process(name: str, folder: Path, contract: Contract) -> Iterator['subprocess.Popen[bytes]']:
    """A node alone in its graph: those that run a script wait for the others."""
    waits = {'timeout_s': 600.0}
    given: dict[str, dict[str, object]] = {
        'sim': {'task': 'reach', 'renderer': 'ray'},
        'safety': {},
        'policy': {'model': str(folder / 'policy.onnx')},
        'teleop': {},
        'recorder': {'contract': contract.name, 'task': 'reach', 'output': str(folder / 'bags')},
        'operator': {'task': 'reach', **waits},
        'trials': {'task': 'reach', 'output': str(folder / 'trials.json'), **waits},
    }
    write_hold(folder / 'policy.onnx', contract)
    with (folder / 'log').open('wb') as log:
        started = subprocess.Popen(
            command(name, given[name]), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield started
    finally:
        end(started)


@pytest.fixture(scope='module')
def client() -> Iterator[Any]:
    rclpy = pytest.importorskip('rclpy', reason='rclpy is not installed')
    from rclpy.context import Context
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions

    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.node.Node('asks', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    yield node
    executor.shutdown(timeout_sec=1.0)
    thread.join(5)
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def ask(client: Any, kind: Any, service: str, request: Any, alive: Callable[[], None]) -> Any:
    made = client.create_client(kind, service)

    def holds(condition: Callable[[], bool]) -> bool:
        alive()
        return condition()

    try:
        until(lambda: holds(made.service_is_ready), service, START_S)
        future = made.call_async(request)
        until(lambda: holds(future.done), f'answer of {service}', ANSWER_S)
        return future.result()
    finally:
        client.destroy_client(made)


@pytest.mark.slow
@pytest.mark.sim
@pytest.mark.parametrize(
    'name', ['sim', 'safety', 'policy', 'teleop', 'recorder', 'operator', 'trials']
)
def test_parameters_are_listed_read_and_described(
    name: str, client: Any, contract: Contract, tmp_path: Path
) -> None:
    """What `ros2 param list`, `get`, `describe` and `dump` do; the node goes on running."""
    from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters

    module = importlib.import_module(module_of(name))
    wanted = set(module.Parameters.__dataclass_fields__)
    with process(name, tmp_path, contract) as node:

        def alive() -> None:
            assert node.poll() is None, (tmp_path / 'log').read_text()

        def call(kind: Any, verb: str, **request: Any) -> Any:
            made = kind.Request(**request)
            return ask(client, kind, f'/{name}/{verb}_parameters', made, alive)

        def listed() -> set[str]:
            return set(call(ListParameters, 'list').result.names)

        until(lambda: wanted <= listed(), f'parameters of {name}', START_S)
        for _ in range(2):
            names = sorted(listed())
            values = call(GetParameters, 'get', names=names).values
            assert len(values) == len(names) and all(value.type for value in values)
            told = call(DescribeParameters, 'describe', names=names).descriptors
            assert [one.name for one in told] == names
        alive()
