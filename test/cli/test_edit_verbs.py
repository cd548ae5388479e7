# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""trim, drop, relabel and merge from the command line: what is printed, and the exit codes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from imitation_ros.bags.layout import find_bags
from imitation_ros.bags.topics import recorded
from imitation_ros.bags.writer import BagWriter
from imitation_ros.cli.app import app
from imitation_ros.contract import Contract
from imitation_ros.data.episode import EpisodeMeta
from imitation_ros.errors import ImitationError
from imitation_ros.messages.definitions import typestore

NS = 1_000_000_000


def invoke(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(word) for word in words], env={'COLUMNS': '160'})
    if isinstance(done.exception, ImitationError):
        return 1, str(done.exception)
    return done.exit_code, done.output


@pytest.fixture
def session(contract: Contract, tmp_path: Path) -> Path:
    """Two short bags: one fit, one rejected."""
    store = typestore()
    make, serialize = store.types, store.serialize_cdr
    for number, verdict in ((1, 'ok'), (2, 'reject')):
        meta = EpisodeMeta(
            episode=f'lift_000{number}', task='lift', outcome='success', verdict=verdict
        )
        channels = [(topic.name, topic.type, ()) for topic in recorded(contract)]
        writer = BagWriter(tmp_path / 's' / meta.episode, channels, meta, contract, 0)
        for k in range(150):
            stamp = make['builtin_interfaces/msg/Time'](sec=k // 50, nanosec=k % 50 * 20_000_000)
            q = contract.home + (0.1 if k >= 75 else 0.0)
            message = make['sensor_msgs/msg/JointState'](
                header=make['std_msgs/msg/Header'](stamp=stamp, frame_id=''),
                name=list(contract.joints),
                position=q,
                velocity=0 * q,
                effort=0 * q,
            )
            data = bytes(serialize(message, 'sensor_msgs/msg/JointState'))
            writer.write(0, k * NS // 50, k * NS // 50, data, k + 1)
        writer.close(meta)
    return tmp_path / 's'


def test_trim_tells_what_it_cut(session: Path, tmp_path: Path) -> None:
    code, text = invoke('trim', session, '--out', tmp_path / 'out', '--dry-run')
    assert code == 0 and '2 episodes would be trimmed' in text and 'nothing was written' in text
    assert not (tmp_path / 'out').exists()
    code, text = invoke('trim', session, '--out', tmp_path / 'out', '--margin', '0.5')
    assert code == 0 and '2 episodes trimmed' in text and '2.98 s to 1.00 s' in text
    assert len(find_bags(tmp_path / 'out')) == 2
    code, text = invoke('trim', session, '--out', tmp_path / 'out')
    assert code == 1 and 'left alone' in text and 'is there already' in text


def test_drop_by_verdict_and_undo(session: Path) -> None:
    assert invoke('drop', session)[1].startswith('drop what?')
    code, text = invoke('drop', session, '--verdict', 'rejected')
    assert code == 1 and 'did you mean "reject"' in text
    code, text = invoke('drop', session, '--verdict', 'reject')
    assert code == 0 and '1 episode dropped' in text and 'lift_0002' in text
    assert [path.name for path in find_bags(session)] == ['lift_0001']
    code, text = invoke('drop', session, '--undo')
    assert code == 0 and len(find_bags(session)) == 2


def test_relabel_by_name(session: Path) -> None:
    code, text = invoke('relabel', session, '--name', 'lift_0003', '--outcome', 'failure')
    assert code == 1 and 'did you mean' in text
    code, text = invoke('relabel', session, '--name', 'lift_0002', '--outcome', 'failure')
    assert code == 0 and 'outcome "success" to "failure"' in text
    code, text = invoke('drop', session, '--outcome', 'failure', '--dry-run')
    assert code == 0 and 'lift_0002' in text and 'lift_0001' not in text
    code, text = invoke('relabel', session, '--undo')
    assert code == 0 and '1 episode relabelled' in text


def test_merge_tells_the_new_names(session: Path, tmp_path: Path) -> None:
    code, text = invoke('merge', session, session, '--out', tmp_path / 'm')
    assert code == 0 and '4 episodes merged' in text and 'copied as lift_0003' in text
    assert len(find_bags(tmp_path / 'm')) == 4
