# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Takes: counted exactly, numbered without collisions, kept or discarded as asked."""

import json
import shutil
import subprocess
import sys
import threading
import time

import pytest

from imitation_ros.bags.audit.audit import check_written
from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.layout import find_bags
from imitation_ros.bags.reader import Bag
from imitation_ros.bags.topics import recorded
from imitation_ros.errors import BagError
from imitation_ros.recording.session import Session
from imitation_ros.recording.take import Take

NS = 1_000_000_000


@pytest.fixture
def channels(robot):
    return [(topic.name, topic.type, ()) for topic in recorded(robot)]


def feed(take: Take, entries, robot, publisher=b'a', first=1):
    index = {topic.name: i for i, topic in enumerate(recorded(robot))}
    sequences: dict[str, int] = {}
    for log_ns, topic, data in entries:
        sequences[topic] = sequences.get(topic, first - 1) + 1
        take.put((index[topic], log_ns, log_ns, sequences[topic], publisher, data))


def test_take_is_audited_and_the_verdict_is_in_the_bag(tmp_path, robot, channels, good_script):
    session = Session(tmp_path / 's', robot, time.monotonic_ns)
    name = session.start(channels, 0, task='pick up', operator='ada', extra={'host': 'x'})
    assert name == 'pick_up_0001'
    feed(session.take, good_script, robot)
    session.mark('success')
    finished = session.stop()
    assert finished.audit.verdict == 'ok'
    assert finished.to_dict()['counts']['/joint_states'] == 400
    with Bag(finished.path) as bag:
        assert (bag.meta.verdict, bag.meta.outcome) == ('ok', 'success')
        assert (bag.meta.operator, bag.meta.extra['host']) == ('ada', 'x')
        assert bag.meta.contract_hash == robot.hash
        assert sum(bag.counts.values()) == len(good_script)
    session.mark('failure')
    with Bag(finished.path) as bag:
        assert (bag.meta.verdict, bag.meta.outcome) == ('ok', 'failure')


def test_the_audit_while_writing_is_the_audit_of_the_bag(tmp_path, robot, channels, maker):
    """A take with faults of every kind; the verdict at stop is that of a reader, word for word."""
    entries = maker.script(seconds=3.0)
    head, wrist = (camera.topic for camera in robot.cameras)
    entries = [
        entry
        for k, entry in enumerate(entries)
        if not (entry[1] == head and 10**9 < entry[0] - entries[0][0] < 1.4 * 10**9)
        and not (entry[1] == wrist and k % 3)
    ]
    session = Session(tmp_path, robot, time.monotonic_ns)
    session.start(channels, 0, task='pick')
    feed(session.take, entries, robot)
    finished = session.stop()
    assert finished.audit.verdict == 'reject' and len(finished.audit.reasons) >= 3
    with Bag(finished.path) as bag:
        assert audit(bag) == finished.audit
        assert bag.meta.reasons == finished.audit.reasons


def test_a_watcher_that_fails_costs_no_message(
    tmp_path, robot, channels, good_script, monkeypatch
):
    """Then the bag is audited from the disk."""
    seen = []

    def broken(self, name, *rest):
        seen.append(name)
        if len(seen) == 100:
            raise RuntimeError('a fault in the audit')

    session = Session(tmp_path, robot, time.monotonic_ns)
    with monkeypatch.context() as patch:
        patch.setattr('imitation_ros.bags.audit.audit.Auditor.push', broken)
        session.start(channels, 0, task='pick')
        feed(session.take, good_script, robot)
        while session.take.queued_bytes:
            time.sleep(0.01)
    finished = session.stop()
    assert len(seen) == 100
    assert sum(count.written for count in finished.counts.values()) == len(good_script)
    assert finished.audit.verdict == 'ok'


def test_what_is_missing_on_the_disk_rejects(good_bag):
    with Bag(good_bag) as bag:
        found = audit(bag)
        written = bag.counts | {'/joint_states': bag.counts['/joint_states'] + 2}
        checked = check_written(found, written, bag.counts)
    assert checked.verdict == 'reject'
    assert checked.reasons == ('/joint_states: 400 messages on the disk of 402 written',)


def test_lost_messages_are_counted_per_publisher(tmp_path, robot, channels, good_script):
    session = Session(tmp_path, robot, time.monotonic_ns)
    session.start(channels, 0, task='pick')
    joint_states = [e for e in good_script if e[1] == '/joint_states']
    feed(session.take, joint_states[:10], robot, b'a', first=100)
    feed(session.take, joint_states[10:20], robot, b'b', first=7)
    feed(session.take, joint_states[20:30], robot, b'a', first=115)
    finished = session.stop()
    assert finished.counts['/joint_states'].lost == 5
    assert json.loads(finished.meta.extra['lost']) == {'/joint_states': 5}
    assert any('5 messages lost' in reason for reason in finished.audit.reasons)


def test_full_queue_drops_and_counts(tmp_path, maker, robot, good_script):
    """The writer is held up; what does not fit is counted, to the message."""
    writer = maker.open(tmp_path / 'pick_0001')
    held, write = threading.Event(), writer.write

    def slow(*args):
        held.wait(10)
        write(*args)

    writer.write = slow
    size = max(len(data) for _, _, data in good_script)
    take = Take(writer, [t.name for t in recorded(robot)], 20 * size, time.monotonic_ns)
    feed(take, good_script, robot)
    held.set()
    take.stop()
    counts = take.counts().values()
    dropped = sum(count.dropped for count in counts)
    assert dropped > 0
    assert sum(count.written for count in counts) + dropped == len(good_script)
    assert take.queued_bytes == 0
    writer.discard()


def test_numbers_never_collide(tmp_path, robot, channels):
    session = Session(tmp_path, robot, time.monotonic_ns)
    assert session.start(channels, 0, task='pick') == 'pick_0001'
    session.stop()
    shutil.copytree(tmp_path / 'pick_0001', tmp_path / 'pick_0007_edited')
    again = Session(tmp_path, robot, time.monotonic_ns)
    assert again.start(channels, 0, task='pick') == 'pick_0008'
    assert again.discard() == 'pick_0008'
    assert again.start(channels, 0, task='place') == 'place_0001'
    assert again.stop().audit.verdict == 'reject'
    assert sorted(p.name for p in find_bags(tmp_path)) == [
        'pick_0001',
        'pick_0007_edited',
        'place_0001',
    ]


def test_one_take_at_a_time(tmp_path, robot, channels):
    session = Session(tmp_path, robot, time.monotonic_ns)
    for verb in (session.stop, session.discard):
        with pytest.raises(BagError, match='no take is running'):
            verb()
    with pytest.raises(BagError, match='no take to mark'):
        session.mark('success')
    session.start(channels, 0, task='pick')
    with pytest.raises(BagError, match='a take is running'):
        session.start(channels, 0, task='pick')
    session.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_mark_after_a_discarded_take_is_refused(tmp_path, robot, channels):
    """It is meant for the take that is gone, not for the one before."""
    session = Session(tmp_path, robot, time.monotonic_ns)
    session.start(channels, 0, task='pick')
    session.mark('success')
    kept = session.stop()
    session.start(channels, 0, task='pick')
    session.discard()
    with pytest.raises(BagError, match='pick_0002 was discarded: nothing was marked; pick_0001'):
        session.mark('failure')
    with Bag(kept.path) as bag:
        assert bag.meta.outcome == 'success'
    session.start(channels, 0, task='pick')
    assert session.mark('failure').episode == 'pick_0002'
    session.stop()
    assert session.mark('success').episode == 'pick_0002'


def test_a_write_error_ends_the_take_and_saves_the_rest(tmp_path, robot, channels, good_script):
    """The disk refuses every write from some moment on."""
    session = Session(tmp_path, robot, time.monotonic_ns)
    session.start(channels, 0, task='pick')
    take = session.take
    feed(take, good_script[:400], robot)
    deadline = time.monotonic() + 10
    while sum(c.written for c in take.counts().values()) < 400 and time.monotonic() < deadline:
        time.sleep(0.01)
    take.writer._sync()

    def refuse(*_args):
        raise OSError(5, 'Input/output error')

    take.writer._writer.add_message = refuse
    feed(take, good_script[400:410], robot)
    while take.error is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert 'Input/output error' in str(take.error)
    assert 'pick_0001.recording' in str(take.error)
    text = session.fail()
    assert 'Input/output error' in text and 'are saved as' in text
    with pytest.raises(BagError, match=r'pick_0001 was cut off: nothing was marked$'):
        session.mark('failure')
    with Bag(tmp_path / 'pick_0001') as bag:
        assert bag.meta.recovered
        assert sum(bag.counts.values()) == 400
    assert session.start(channels, 0, task='pick') == 'pick_0002'
    session.discard()


def test_removed_session_ends_the_take(tmp_path, robot, channels, good_script):
    root = tmp_path / 's'
    session = Session(root, robot, time.monotonic_ns)
    session.start(channels, 0, task='pick')
    feed(session.take, good_script[:50], robot)
    shutil.rmtree(root)
    deadline = time.monotonic() + 10
    while session.take.error is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert 'removed' in str(session.take.error)
    assert 'nothing of it is left' in session.fail()
    with pytest.raises(BagError, match='was removed'):
        session.start(channels, 0, task='pick')


KILLED = """
import sys, time
sys.path[:0] = {path!r}
from pathlib import Path
from imitation_ros.recording.session import Session
from imitation_ros.contract import load
from imitation_ros.bags.topics import recorded
contract = load('imi_humanoid')
session = Session(Path({root!r}), contract, time.monotonic_ns)
session.start([(t.name, t.type, ()) for t in recorded(contract)], 0, task='pick')
data = bytes(1500)
for k in range(10**9):
    session.take.put((0, time.time_ns(), time.time_ns(), k, b'a', data))
    print(k, flush=True)
    time.sleep(0.002)
"""


def test_kill_9_loses_less_than_a_second(tmp_path, contract):
    code = KILLED.format(path=sys.path, root=str(tmp_path))
    process = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    sent = 0
    for line in process.stdout:
        sent = int(line)
        if sent >= 900:
            process.kill()
            break
    sent = max([sent, *(int(line) for line in process.stdout if line.strip().isdigit())])
    process.wait()
    assert (tmp_path / 'pick_0001.recording').is_dir()
    session = Session(tmp_path, contract, time.monotonic_ns)
    (repaired,) = session.repaired
    assert repaired.path == tmp_path / 'pick_0001'
    # 500 messages a second: half a second between flushes, and the time one takes.
    assert sent - repaired.messages < 500
    with Bag(repaired.path) as bag:
        assert [m.sequence for m in bag.messages()] == list(range(repaired.messages))
    assert session.next_name('pick') == 'pick_0002'
