# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames, episodes and proposals refuse what cannot be."""

from dataclasses import replace

import numpy as np
import pytest

from imitation_ros.data.episode import Episode, EpisodeMeta
from imitation_ros.data.frame import Frame
from imitation_ros.data.proposal import Proposal
from imitation_ros.errors import DataError


def episode(steps: int = 4, **changes) -> Episode:
    values = {
        'meta': EpisodeMeta('pick_0001'),
        'tick_ns': np.arange(steps) * 40_000_000,
        'q': np.zeros((steps, 3)),
        'v': np.zeros((steps, 3)),
        'action': np.zeros((steps, 3)),
        'images': {'head': np.zeros((steps, 2, 2, 3), np.uint8)},
        'poses': {'object': np.zeros((steps, 7))},
        'age_ns': {'head': np.zeros(steps, np.int64)},
    }
    return Episode(**(values | changes))


def test_length():
    assert len(episode(7)) == 7


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'q': np.zeros((4, 2))}, 'differ'),
        ({'action': np.full((4, 3), np.nan)}, 'action holds NaN'),
        ({'poses': {'object': np.full((4, 7), np.inf)}}, 'pose object holds NaN or infinity'),
        ({'images': {'head': np.zeros((3, 2, 2, 3), np.uint8)}}, 'images head has 3 steps'),
        ({'age_ns': {'head': np.array([0, 0, -1, 0])}}, 'from the future'),
        ({'tick_ns': np.zeros(5, np.int64)}, 'has 4 steps, the episode 5'),
    ],
)
def test_what_an_episode_refuses(changes, words):
    with pytest.raises(DataError, match=words):
        episode(**changes)


def test_an_episode_of_one_step_is_none():
    with pytest.raises(DataError, match='fewer than 2'):
        episode(1)


def test_meta_goes_through_plain_values():
    where = ('a', 'pick', 'ada', 'success', 'robot', 'hash')
    meta = EpisodeMeta(*where, 'warn', ('slow',), True, {'k': 'v'})
    assert EpisodeMeta.from_dict(meta.to_dict()) == meta
    assert isinstance(meta.to_dict()['reasons'], list)
    with pytest.raises(DataError, match='outcome "good"'):
        replace(meta, outcome='good')


def test_frame_refuses_the_future_and_wrong_shapes():
    q = np.zeros(3)
    assert Frame(10, q, q, stamp_ns={'joint_states': 4}).age_ns('joint_states') == 6
    with pytest.raises(DataError, match='later than its tick'):
        Frame(10, q, q, stamp_ns={'head': 11})
    with pytest.raises(DataError, match='differ in shape'):
        Frame(10, q, np.zeros(2))
    with pytest.raises(DataError, match='not \\(7,\\)'):
        Frame(10, q, q, poses={'object': np.zeros(6)})


def test_proposal():
    good = Proposal(5, ('a', 'b'), (10, 20), np.zeros((2, 2)))
    assert good.finite
    assert not replace(good, positions=np.full((2, 2), np.nan)).finite
    for change, words in (
        ({'times_ns': (20, 20)}, 'must rise'),
        ({'joints': ('a', 'a')}, 'stands twice'),
        ({'positions': np.zeros((2, 3))}, 'not \\(2, 2\\)'),
        ({'times_ns': (), 'positions': np.zeros((0, 2))}, 'at least one point'),
    ):
        with pytest.raises(DataError, match=words):
            replace(good, **change)
