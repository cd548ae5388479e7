# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Make a valid bag again of one that was cut off: by a crash, a kill, a full disk.

Everything that is whole is written to a new file. It takes the damaged one's place only when it is
complete on the disk, was read back, and holds no less than a plain reader finds in the damaged
one; that stays beside it as `*.damaged`. Running it twice changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import fcntl
import os
from pathlib import Path
import shutil
import stat
from typing import Any

from mcap.opcode import Opcode
from mcap.reader import make_reader
from mcap.records import Message, Statistics

from ...errors import BagError, counted
from ...files import sync_folder
from ..checksums import check_attachments, check_summary
from ..layout import CHUNK_SIZE, METADATA, SUFFIX
from ..mcap_file import McapFile
from ..reader import DAMAGE
from ..records import HEAD
from .rebuild import describes, rebuild_metadata, told_types
from .recover import Damage, scan
from .rewrite import Copy, survey
from .tally import digest_of, plain_messages

NS = 1_000_000_000
DAMAGED = '.damaged'
"""Behind the name of a file as it was before a repair."""


@dataclass(frozen=True)
class Repair:
    """What a repair did.

    Attributes:
        path: Folder of the bag now.
        changed: Whether anything had to be done.
        messages: Number of messages in it.
        seconds: From its first to its last message [s].
        lost_bytes: Bytes of the damaged file that belong to no whole message.
        notes: What was found, one sentence each.
        originals: The damaged files, as they were.
    """

    path: Path
    changed: bool
    messages: int
    seconds: float
    lost_bytes: int = 0
    notes: tuple[str, ...] = ()
    originals: tuple[Path, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            'path': str(self.path),
            'changed': self.changed,
            'messages': self.messages,
            'seconds': self.seconds,
            'lost_bytes': self.lost_bytes,
            'notes': list(self.notes),
            'originals': [str(path) for path in self.originals],
        }


def repair(bag: Path) -> Repair:
    """Repair a bag's folder and finish one that is still called `.recording`.

    Raises:
        BagError: If there is nothing to recover, or the disk refuses the new file. The damaged
            file is then untouched.
    """
    file = _only_file(bag)
    with _locked(file):
        for rest in bag.glob('*.repaired'):
            rest.unlink()
        return _repair(bag, file)


def remove_originals(bag: Path) -> tuple[Path, ...]:
    """Remove the damaged files that repairs left beside a bag; returns them.

    Raises:
        BagError: If the bag itself is not whole, so that they may still be needed.
    """
    originals = tuple(sorted(bag.glob(f'*{DAMAGED}')))
    if originals:
        file = _only_file(bag)
        if not (_is_whole(file) and describes(bag, file)):
            raise BagError(f'{bag}: is damaged; what stands beside it may still be needed')
    for path in originals:
        path.unlink()
    return originals


def _only_file(bag: Path) -> Path:
    """The recording of a bag's folder."""
    if bag.is_file():
        raise BagError(f'{bag}: is a file; name the folder of the bag: {bag.parent}')
    if not bag.is_dir():
        raise BagError(f'{bag}: there is no such folder')
    files = sorted(bag.glob('*.mcap'))
    if not files:
        if list(bag.glob('*.db3')):
            raise BagError(f'{bag}: a sqlite3 bag; "ros2 bag reindex" repairs those')
        raise BagError(f'{bag}: holds no .mcap file; nothing to recover')
    if len(files) > 1:
        raise BagError(f'{bag}: {len(files)} files; only bags of one file can be repaired')
    if not stat.S_ISREG(files[0].lstat().st_mode):
        raise BagError(f'{files[0]}: is a link or a device, no file; nothing was changed')
    return files[0]


def _repair(bag: Path, file: Path) -> Repair:
    damage = Damage()
    whole = _is_whole(file, damage)
    if whole and describes(bag, file):
        moved = bag.name.endswith(SUFFIX)
        return _result(_finish(bag), file.name, moved, damage, [])
    originals = []
    if not whole:
        damage = Damage()
        originals.append(_rewrite(bag, file, damage))
    if (bag / METADATA).exists():
        originals.append(_keep(bag / METADATA))
    rebuild_metadata(bag, file)
    if damage.cut:
        damage.notes.append('the file ends in the middle of a record, or before its index')
    return _result(_finish(bag), file.name, True, damage, originals)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keep the file from being repaired twice at a time, or while it is recorded."""
    try:
        with open(file, 'rb') as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise BagError(f'{file}: is being recorded or repaired right now') from error
            yield
    except OSError as error:
        raise BagError(f'{file}: {error.strerror or error}') from error


def _is_whole(file: Path, damage: Damage | None = None) -> bool:
    """Whether a file has its footer, its index, and every message the index counts."""
    damage = Damage() if damage is None else damage
    counted_there = _indexed(file)
    if counted_there is None:
        return False
    try:
        count = sum(isinstance(record, Message) for record in scan(file, damage))
    except DAMAGE:
        return False
    return count == counted_there and not damage


def _indexed(file: Path) -> int | None:
    """Messages that the index counts; None if footer, index or attachments are not whole."""
    try:
        with open(file, 'rb') as stream:
            reader = make_reader(stream)
            summary = reader.get_summary()
            if summary is None or summary.statistics is None:
                return None
            check_summary(stream)
            check_attachments(stream, summary.attachment_indexes)
            # Not every summary has a checksum: what it points to must be there.
            for _ in (*reader.iter_metadata(), *reader.iter_attachments()):
                pass
            chunks = summary.chunk_indexes
            if chunks and len(chunks) != summary.statistics.chunk_count:
                return None
            for chunk in chunks:
                stream.seek(chunk.chunk_start_offset)
                opcode, length = HEAD.unpack(stream.read(HEAD.size))
                if opcode != Opcode.CHUNK or HEAD.size + length != chunk.chunk_length:
                    return None
            return int(summary.statistics.message_count)
    except DAMAGE:
        return None


def _rewrite(bag: Path, file: Path, damage: Damage) -> Path:
    """Write what is whole to a new file, read it back, and put it in the old one's place.

    Returns the old one, which keeps its bytes under another name.
    """
    new = file.with_suffix('.mcap.repaired')
    try:
        found = survey(file, damage)
        if damage.unread and not found.messages:
            why = ' and '.join(sorted(damage.unread))
            raise BagError(f'{file}: what holds its messages {why}; nothing was changed')
        with open(new, 'wb', buffering=0) as stream:
            copy = Copy(McapFile(stream.fileno(), CHUNK_SIZE), found, told_types(bag))
            for record in scan(file, Damage()):
                copy.add(record)
            copy.finish(bag.name.removesuffix(SUFFIX))
            os.fsync(stream.fileno())
        _check(file, new, copy)
        original = _keep(file)
        os.replace(new, file)
        sync_folder(bag)
    except OSError as error:
        raise BagError(f'cannot write {new}: {error.strerror}; make room and try again') from error
    finally:
        with suppress(OSError):
            new.unlink()
    damage.notes += copy.notes
    if damage.private:
        damage.notes.append(f'{counted(damage.private, "record")} of private kinds left out')
    return original


def _check(file: Path, new: Path, copy: Copy) -> None:
    """Read the new file back, and hold it against the old one.

    Raises:
        BagError: If it is not what was written, or less than a plain reader finds in the old one.
    """
    again = Damage()
    read_back = digest_of(new, again)
    if read_back != copy.digest or again or _indexed(new) != copy.messages:
        raise BagError(f'{new}: what was written does not read back; nothing was changed')
    plain = plain_messages(file)
    if copy.messages < plain:
        raise BagError(
            f'{file}: a plain reader finds {plain} messages, a repair {copy.messages}; nothing '
            'was changed'
        )


def _keep(path: Path) -> Path:
    """Give a file a second name, under which it stays when another takes its place.

    Raises:
        OSError: If the disk refuses it.
    """
    kept, number = path.with_name(path.name + DAMAGED), 1
    while kept.exists():
        number += 1
        kept = path.with_name(f'{path.name}.{number}{DAMAGED}')
    try:
        os.link(path, kept)
    except OSError:  # a disk without hard links
        shutil.copy2(path, kept)
        with open(kept, 'rb') as stream:
            os.fsync(stream.fileno())
    sync_folder(path.parent)
    return kept


def _finish(bag: Path) -> Path:
    """Give a `.recording` folder its final name."""
    if not bag.name.endswith(SUFFIX):
        return bag
    final = bag.with_name(bag.name.removesuffix(SUFFIX))
    number = 1
    while final.exists():
        number += 1
        final = bag.with_name(f'{bag.name.removesuffix(SUFFIX)}_recovered{number}')
    try:
        os.rename(bag, final)
        sync_folder(final.parent)
    except OSError as error:
        raise BagError(f'cannot rename {bag} to {final}: {error.strerror}') from error
    return final


def _result(path: Path, file: str, changed: bool, damage: Damage, originals: list[Path]) -> Repair:
    with open(path / file, 'rb') as stream:
        summary = make_reader(stream).get_summary()
    told: Statistics = summary.statistics
    seconds = (told.message_end_time - told.message_start_time) / NS
    return Repair(
        path,
        changed,
        told.message_count,
        seconds,
        damage.lost_bytes,
        tuple(damage.notes),
        tuple(path / original.name for original in originals),
    )


def unfinished(session: Path) -> list[Path]:
    """Folders below a session that a crash left behind."""
    return sorted(path for path in session.rglob(f'*{SUFFIX}') if path.is_dir())
