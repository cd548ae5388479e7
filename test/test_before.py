# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What version 0.1.0 wrote is read as it read it: a bag, a dataset and a policy.onnx.

`test/before/` was made by that version: a bag of 0.4 s, three demonstrations of reaching, and a
small policy cloned from them; `expected.json` is what it read there itself.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imitation_ros.bags.reader import Bag
from imitation_ros.contract import Contract
from imitation_ros.data.episode import Episode
from imitation_ros.data.frame import Frame
from imitation_ros.data.store import Dataset
from imitation_ros.runtime.bundle import load
from imitation_ros.runtime.session import Session

BEFORE = Path(__file__).parent / 'before'


@pytest.fixture(scope='module')
def expected() -> dict[str, Any]:
    return json.loads((BEFORE / 'expected.json').read_text())


@pytest.fixture(scope='module')
def episodes() -> list[Episode]:
    return list(Dataset(BEFORE / 'dataset').episodes())


def test_the_bag(expected: dict[str, Any]) -> None:
    digest = hashlib.sha256()
    with Bag(BEFORE / 'bag' / 'pick_0001') as bag:
        for message in bag.messages():
            stamp = message.publish_ns.to_bytes(8, 'big')
            digest.update(message.topic.encode() + stamp + message.data)
        assert bag.meta is not None and bag.contract is not None
        assert {
            'counts': dict(sorted(bag.counts.items())),
            'start_ns': bag.start_ns,
            'end_ns': bag.end_ns,
            'outcome': bag.meta.outcome,
            'task': bag.meta.task,
            'contract': bag.contract.hash,
            'sha256': digest.hexdigest(),
        } == expected['bag']


def test_the_dataset(expected: dict[str, Any], episodes: list[Episode]) -> None:
    digest = hashlib.sha256()
    for episode in episodes:
        digest.update(np.ascontiguousarray(episode.q).tobytes())
        digest.update(np.ascontiguousarray(episode.action).tobytes())
    assert {
        'episodes': [episode.meta.episode for episode in episodes],
        'frames': [len(episode) for episode in episodes],
        'outcomes': [episode.meta.outcome for episode in episodes],
        'sha256': digest.hexdigest(),
    } == expected['dataset']


def test_the_policy(expected: dict[str, Any], episodes: list[Episode], contract: Contract) -> None:
    session = Session(load(BEFORE / 'policy.onnx'), contract)
    for episode, actions in zip(episodes, expected['policy']['actions'], strict=True):
        poses = {name: np.array(pose[5], float) for name, pose in episode.poses.items()}
        frame = Frame(
            int(episode.tick_ns[5]),
            np.array(episode.q[5], float),
            np.array(episode.v[5], float),
            poses=poses,
        )
        found = session.infer([frame] * session.spec.history)[0]
        np.testing.assert_allclose(found, actions, atol=2e-5)
