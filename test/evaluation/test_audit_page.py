# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The page of an audit: what it measures, what it draws, and that it needs no other file."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
import re
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from typer.testing import CliRunner

from imitation_ros.cli.app import app
from imitation_ros.errors import DataError
from imitation_ros.messages.definitions import typestore
from imitation_ros.reports.audit_page import render, severity
from imitation_ros.reports.audit_plots import next_step, skew_histogram, timeline
from imitation_ros.reports.audit_survey import rates, survey

NS = 1_000_000_000
T0 = 1_700_000_000 * NS
STATES, CAMERA = '/arm/joint_states', '/camera/color/image_raw'


@pytest.fixture
def foreign(tmp_path: Path) -> Callable[..., Path]:
    """Makes sqlite3 bags of another recorder: joints at 100 Hz and a camera at 30 Hz."""

    def make(name: str, silent: tuple[float, float] = (9e9, 9e9)) -> Path:
        store = typestore()
        types = store.types

        def header(ns: int) -> object:
            stamp = types['builtin_interfaces/msg/Time'](sec=ns // NS, nanosec=ns % NS)
            return types['std_msgs/msg/Header'](stamp=stamp, frame_id='')

        path = tmp_path / name
        with Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
            joint, image = 'sensor_msgs/msg/JointState', 'sensor_msgs/msg/Image'
            states = writer.add_connection(STATES, joint, typestore=store)
            camera = writer.add_connection(CAMERA, image, typestore=store)
            entries = []
            for k in range(400):
                ns, q = T0 + k * NS // 100, np.array([np.sin(k / 50), 0.0])
                message = types[joint](
                    header=header(ns), name=['a', 'b'], position=q, velocity=0 * q, effort=0 * q
                )
                entries.append((ns + 300_000, states, store.serialize_cdr(message, joint)))
            for k in range(120):
                ns = T0 + k * NS // 30 + 4_000_000
                if silent[0] < (ns - T0) / NS < silent[1]:
                    continue
                pixels = np.full((60, 400, 3), 2 * k, np.uint8)
                message = types[image](
                    header=header(ns),
                    height=60,
                    width=400,
                    encoding='rgb8',
                    is_bigendian=0,
                    step=1200,
                    data=pixels.reshape(-1),
                )
                entries.append((ns + 20_000_000, camera, store.serialize_cdr(message, image)))
            for ns, connection, data in sorted(entries, key=lambda entry: entry[0]):
                writer.write(connection, ns, data)
        return path

    return make


def test_a_steady_topic_is_a_level_line() -> None:
    stamps = T0 + np.arange(300) * NS // 30
    level = rates(stamps, int(stamps[0]), int(stamps[-1]), 30.0)
    assert np.allclose(level, 30.0, rtol=1e-3)
    broken = np.delete(stamps, np.arange(100, 160))
    line = rates(broken, int(stamps[0]), int(stamps[-1]), 30.0)
    assert line.min() < 1.0 and np.median(line) == pytest.approx(30.0, rel=1e-3)


def test_survey_of_any_bag(foreign: Callable[..., Path]) -> None:
    found = survey(foreign('run', silent=(1.0, 1.5)))
    lanes = {lane.name: lane for lane in found.lanes}
    assert lanes[STATES].expected_hz == pytest.approx(100.0)
    assert lanes[CAMERA].expected_hz == pytest.approx(30.0, rel=0.01)
    assert lanes[STATES].gaps_s == ()
    ((begin, end),) = lanes[CAMERA].gaps_s
    assert (begin, end) == pytest.approx((0.97, 1.504), abs=0.04)
    assert found.audit.verdict == 'warn' and found.contract == ''
    # A camera at 30 Hz beside joints at 100 Hz: up to a period of the camera, more in its gap.
    assert 0.0 <= np.median(found.skew_ms) < 34.0 and found.skew_ms.max() > 400.0
    first, middle, last = found.thumbnails[CAMERA]
    assert (first.seconds, last.seconds) == pytest.approx((0.004, 3.97), abs=0.01)
    assert first.seconds < middle.seconds < last.seconds
    data = np.frombuffer(__import__('base64').b64decode(last.uri.split(',')[1]), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert pixels.shape == (24, 160, 3) and abs(int(pixels.mean()) - 2 * 119) <= 2


def test_plots_are_svg_and_mark_every_gap(foreign: Callable[..., Path]) -> None:
    found = survey(foreign('run', silent=(1.0, 1.5)))
    root = ElementTree.fromstring(timeline(found))
    gaps = [e for e in root.iter('rect') if e.get('class') == 'gap']
    assert len(gaps) == 1 and 'ms from 0.97 s' in ''.join(gaps[0].itertext())
    width = float(gaps[0].get('width', 0))
    assert width == pytest.approx((900 - 262 - 64) * 0.534 / found.seconds, abs=1.0)
    histogram = ElementTree.fromstring(skew_histogram(found.skew_ms))
    bars = [e for e in histogram.iter('rect') if e.get('class') == 'column']
    ticks = sum(int(''.join(bar.itertext()).split()[0]) for bar in bars)
    assert ticks == len(found.skew_ms), 'every tick is in a bar'
    with pytest.raises(DataError, match='two sensors'):
        skew_histogram(np.zeros(0))


@pytest.mark.parametrize(('least', 'step'), [(0.3, 0.5), (1.0, 1.0), (1.01, 2.0), (60.0, 100.0)])
def test_steps_are_round(least: float, step: float) -> None:
    assert next_step(least) == pytest.approx(step)


class Links(HTMLParser):
    """Whatever a page refers to, and the ids it has."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in ('src', 'href'):
                self.targets.append(value or '')
            if key == 'id':
                self.ids.append(value or '')


def test_the_page_stands_alone_and_names_the_worst_first(
    foreign: Callable[..., Path], tmp_path: Path
) -> None:
    paths = [foreign('fine'), foreign('broken', silent=(1.0, 1.5))]
    (tmp_path / 'cut').mkdir()
    (tmp_path / 'cut' / 'cut_0.mcap').write_bytes(b'\x89MCAP0\r\n and no more')
    page = tmp_path / 'audit.html'
    done = CliRunner().invoke(app, ['audit', str(tmp_path), '--html', str(page), '--json'])
    assert done.exit_code == 1, 'one bag cannot be read'
    text = page.read_text()
    links = Links()
    links.feed(text)
    assert all(t.startswith(('data:image/jpeg;base64,', '#')) for t in links.targets)
    assert {t[1:] for t in links.targets if t.startswith('#')} <= set(links.ids)
    assert 'http' not in re.sub(r'data:[^"]*', '', text)
    order = re.findall(r'<details.*?<strong>(.*?)</strong>', text, re.DOTALL)
    assert order == ['cut', 'broken', 'fine']
    assert '2 of 3 episodes fit for training' in text
    assert sorted(severity(survey(path).audit) for path in paths)[0][0] == 1


def test_what_a_bag_says_is_escaped(foreign: Callable[..., Path]) -> None:
    found = survey(foreign('a<b'))
    text = render([found], '<script>alert(1)</script>')
    assert '<script' not in text and 'a&lt;b' in text
    with pytest.raises(DataError, match='no bag'):
        render([], 'nowhere')
