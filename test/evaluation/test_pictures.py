# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Strips and plots: what is on them is what was recorded, and they need no other file."""

import base64

import cv2
import numpy as np
import pytest

from imitation_ros.data.camera_strips import (
    encode_png,
    evenly,
    png_uri,
    strip_of_array,
    strip_of_episode,
)
from imitation_ros.data.episode import Episode, EpisodeMeta
from imitation_ros.errors import DataError
from imitation_ros.reports import plots

NS = 1_000_000_000


def movie(count: int, height: int = 12, width: int = 16) -> np.ndarray:
    """Images whose every pixel is the number of the image."""
    numbers = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return np.broadcast_to(numbers, (count, height, width, 3)).copy()


@pytest.mark.parametrize(('count', 'expected'), [(1, [0]), (3, [0, 1, 2]), (9, [0, 2, 4, 6, 8])])
def test_frames_are_evenly_spaced_and_both_ends_are_shown(count: int, expected: list[int]) -> None:
    assert evenly(count, 5) == expected


def test_a_strip_keeps_frames_with_their_times() -> None:
    stamps = np.arange(100) * NS // 10 + 5 * NS
    strip = strip_of_array('head', stamps, movie(100), frames=4)
    assert strip.times_s == (0.0, 3.3, 6.6, 9.9)
    assert strip.images[:, 0, 0, 0].tolist() == [0, 33, 66, 99]


def test_a_png_comes_back_as_it_was(rng: np.random.Generator) -> None:
    image = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    uri = png_uri(image)
    head, data = uri.split(',', 1)
    assert head == 'data:image/png;base64'
    assert base64.b64decode(data) == encode_png(image)
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded[:, :, ::-1], image)


def test_one_picture_holds_every_frame_and_its_caption() -> None:
    strip = strip_of_array('head', np.arange(3) * NS, movie(3) * 100, frames=3)
    png = cv2.imdecode(np.frombuffer(strip.png(60), np.uint8), cv2.IMREAD_COLOR)
    height, width = png.shape[:2]
    assert (height, width) == (60 + 22, 3 * 80 + 2 * 4)
    assert [int(png[30, 40 + 84 * i, 0]) for i in range(3)] == [0, 100, 200]
    captions = png[60:]
    assert all((captions[:, 84 * i : 84 * i + 80] < 128).any() for i in range(3))


def test_an_episode_shows_its_largest_camera_and_lists_the_others() -> None:
    meta = EpisodeMeta('lift_0001', outcome='failure')
    q = np.zeros((5, 2))
    images = {'wrist': movie(5), 'head': movie(5, 24, 32)}
    episode = Episode(meta, np.arange(5) * NS, q, q, q, images)
    strip = strip_of_episode(episode)
    assert (strip.camera, strip.title, strip.failed) == ('head', 'lift_0001', True)
    with pytest.raises(DataError, match='did you mean "wrist"'):
        strip_of_episode(episode, 'wrst')
    with pytest.raises(DataError, match='camera of the episode'):
        strip_of_episode(Episode(meta, np.arange(5) * NS, q, q, q))


def test_plots_fit_into_a_page_and_follow_its_colours() -> None:
    x = (1.0, 10.0, 100.0)
    lines = {'training': (x, (1.0, 0.1, 0.01)), 'held out': (x, (2.0, 0.2, 0.02))}
    svg = plots.curves('a', 'Loss', ('update', x), lines, 'loss', ('hold', 0.5))
    other = plots.latency_histogram('b', 'Latency', [1.0, 2.0, 90.0], 2.0, 3.0)
    for text in (svg, other):
        assert text.startswith('<svg ') and text.endswith('</svg>')
        assert 'http' not in text and '<style' not in text and 'xmlns' not in text
        assert 'var(--blue, #0072b2)' in text and 'var(--ink' in text
    assert 'held out' in svg and 'hold' in svg
    assert 'beyond, up to 90 ms' in other


def test_ids_of_two_plots_do_not_meet() -> None:
    import re

    x = (0.0, 1.0)
    found = [
        set(re.findall(r'id="([^"]+)"', plots.curves(n, n, ('x', x), {n: (x, (1, 2))}, 'y')))
        for n in ('a', 'b')
    ]
    assert found[0] and found[1] and not found[0] & found[1]


def test_a_trace_shows_the_joints_that_were_altered_first() -> None:
    times = np.linspace(0, 1, 50)
    sent = np.stack([np.sin(times), np.zeros(50), np.zeros(50), 5 * times], axis=1)
    asked = sent.copy()
    asked[:, 2] += 0.4
    joints = ('waving', 'still', 'altered', 'moved')
    svg = plots.command_trace('t', 'Commands', joints, times, asked, sent, most=2)
    assert 'altered' in svg and 'moved' in svg
    assert 'still' not in svg and 'waving' not in svg


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(DataError, match='no points'):
        plots.curves('a', 'Loss', ('x', (0, 1)), {'a': ((), ())}, 'y')
    with pytest.raises(DataError, match='no samples'):
        plots.latency_histogram('a', 'Latency', [], 0.0, 0.0)
    with pytest.raises(DataError, match='do not fit'):
        plots.command_trace('t', '', ('a',), np.zeros(2), np.zeros((2, 2)), np.zeros((2, 2)))
