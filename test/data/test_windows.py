# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0

import demonstrations
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.observation import CameraInput, ObservationSpec
from imitation_ros.data.store import Dataset
from imitation_ros.data.windows import Sampler, Windows
from imitation_ros.errors import DataError

LENGTHS = (9, 7, 12)


def spec(**changes: object) -> ObservationSpec:
    values = {
        'joints': demonstrations.MOVING,
        'velocity': True,
        'poses': ('object',),
        'cameras': (),
        'history': 3,
        'policy_hz': 25.0,
        'chunk': 5,
        'execute': 2,
    }
    return ObservationSpec(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture(scope='module')
def dataset(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Dataset:
    root = tmp_path_factory.mktemp('windows') / 'dataset'
    episodes = [
        demonstrations.demonstrate(contract, f'e{i}', i, frames, camera=True)
        for i, frames in enumerate(LENGTHS)
    ]
    return demonstrations.write(root, contract, episodes)


def test_every_window_is_what_was_recorded(dataset: Dataset, contract: Contract) -> None:
    """Against a reference that walks frame by frame."""
    windows = Windows(dataset, [0, 1, 2], spec())
    assert len(windows) == sum(LENGTHS)
    columns = spec().indices(contract)
    batch = windows.batch(np.arange(len(windows)))
    place = 0
    for number, length in enumerate(LENGTHS):
        episode = dataset.episode(number)
        for t in range(length):
            for j, tau in enumerate((t - 2, t - 1, t)):
                q = episode.q[max(tau, 0), columns]
                np.testing.assert_array_equal(batch.state[place, j, :4], q)
            for i in range(5):
                real = t + i < length
                assert batch.mask[place, i] == real
                at = t + i if real else length - 1
                np.testing.assert_array_equal(batch.action[place, i], episode.action[at, columns])
            place += 1


def test_only_the_chosen_episodes_are_cut(dataset: Dataset) -> None:
    windows = Windows(dataset, [2, 0], spec())
    assert windows.names == ('e2', 'e0')
    assert len(windows) == 12 + 9


def test_images_belong_to_their_frames(dataset: Dataset) -> None:
    seen = spec(cameras=(CameraInput('head_camera', 24, 32),), history=2)
    batch = Windows(dataset, [0, 1], seen).batch(np.array([0, 8, 9, 15]))
    assert batch.images['head_camera'].shape == (4, 2, 24, 32, 3)
    for row, (episode, frames) in enumerate([(0, (0, 0)), (0, (7, 8)), (1, (0, 0)), (1, (5, 6))]):
        recorded = dataset.episode(episode).images['head_camera']
        np.testing.assert_array_equal(batch.images['head_camera'][row], recorded[list(frames)])


def test_images_are_shrunk_as_on_the_robot(dataset: Dataset) -> None:
    from imitation_ros.data.images import resize

    seen = spec(cameras=(CameraInput('head_camera', 12, 16),), history=1)
    batch = Windows(dataset, [1], seen).batch(np.array([3]))
    expected = resize(dataset.episode(1).images['head_camera'][3], 12, 16)
    np.testing.assert_array_equal(batch.images['head_camera'][0, 0], expected)


def test_an_episode_shorter_than_the_chunk_is_named(dataset: Dataset) -> None:
    with pytest.raises(DataError, match='"e1" has 7 frames, fewer than the chunk of 8'):
        Windows(dataset, [0, 1], spec(chunk=8))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'joints': ('left_elbow_join',)}, 'did you mean "left_elbow_joint"'),
        ({'poses': ('objekt',)}, 'did you mean "object"'),
        ({'cameras': (CameraInput('hand_camera', 24, 32),)}, 'did you mean "head_camera"'),
    ],
)
def test_what_is_not_in_the_data_is_named(
    dataset: Dataset, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Windows(dataset, [0], spec(**changes))


def test_no_episodes(dataset: Dataset) -> None:
    with pytest.raises(DataError, match='no episodes'):
        Windows(dataset, [], spec())


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 40),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=8),
    stop=st.integers(0, 7),
    seed=st.integers(0, 5),
)
def test_a_restored_sampler_goes_on_where_it_stopped(
    count: int, sizes: list[int], stop: int, seed: int
) -> None:
    through, broken = Sampler(count, seed), Sampler(count, seed)
    for i, size in enumerate(sizes):
        if i == stop:
            broken = Sampler.from_state_dict(broken.state_dict())
        np.testing.assert_array_equal(through.draw(size), broken.draw(size))


@given(count=st.integers(1, 40), seed=st.integers(0, 5))
def test_an_epoch_holds_every_window_once(count: int, seed: int) -> None:
    sampler = Sampler(count, seed)
    drawn = sampler.draw(2 * count)
    assert sorted(drawn[:count]) == sorted(drawn[count:]) == list(range(count))
