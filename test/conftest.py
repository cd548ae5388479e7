# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests."""

import os

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
# 1-101 are free of the ephemeral port range; every pytest worker inherits the environment of the
# first process and takes a domain of its own.
domain = int(os.environ.get('ROS_DOMAIN_ID', os.getpid()))
worker = os.environ.get('PYTEST_XDIST_WORKER')
if worker is not None:
    domain += 37 * (1 + int(worker.removeprefix('gw')))
os.environ['ROS_DOMAIN_ID'] = str(1 + domain % 101)
for variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(variable, '1')

from collections.abc import Iterator  # noqa: E402
from typing import Any  # noqa: E402

from hypothesis import settings  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from imitation_ros.contract import Contract, load  # noqa: E402

# The same examples in every run; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile('repeatable', derandomize=True, deadline=None)
settings.register_profile('explore', deadline=None)
settings.load_profile('repeatable')


@pytest.fixture(scope='session')
def contract() -> Contract:
    """Contract of our own humanoid."""
    return load('imi_humanoid')


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def ros() -> Iterator[Any]:
    """An rclpy context of this test's own; the test is skipped, visibly, without rclpy."""
    rclpy = pytest.importorskip('rclpy', reason='rclpy is not installed')
    from rclpy.context import Context
    from rclpy.signals import SignalHandlerOptions

    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    yield context
    rclpy.try_shutdown(context=context)


@pytest.fixture(scope='session')
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Bags, a dataset, a run and a policy, made once through the public functions."""
    from workshop import make

    return make(tmp_path_factory.mktemp('workshop'))
