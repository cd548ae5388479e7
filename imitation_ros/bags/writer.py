# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write one rosbag2 bag (MCAP) that survives being cut off at any moment.

The folder is called `<name>.recording` until the bag is finished. Chunks are written every
half second and forced to the disk every second, so a crash or a loss of power costs no more.
"""

from collections.abc import Sequence
from contextlib import suppress
import fcntl
import os
from pathlib import Path
import shutil

from ..contract import Contract
from ..data.episode import EpisodeMeta
from ..errors import BagError
from ..files import sync_folder
from ..messages import definitions
from .layout import (
    bag_information,
    Channel,
    CHUNK_SIZE,
    CONTRACT_FILE,
    custom_data,
    CUSTOM_KEY,
    dump,
    offered_text,
    SUFFIX,
    URDF_FILE,
    VERSIONS,
    write_information,
)
from .mcap_file import McapFile

NS = 1_000_000_000
FLUSH_NS = NS // 2
SYNC_NS = NS
LIBRARY = 'imitation_ros'


def register(writer: McapFile, channels: Sequence[Channel], version: int = 9) -> list[int]:
    """Register schemas and channels as rosbag2 does; returns the MCAP id of each channel."""
    schemas: dict[str, int] = {}
    ids = []
    for channel in channels:
        if channel.type not in schemas:
            text = definitions.find(channel.type).text.encode()
            schemas[channel.type] = writer.register_schema(channel.type, 'ros2msg', text)
        ids.append(
            writer.register_channel(
                channel.name,
                'cdr',
                schemas[channel.type],
                {
                    'offered_qos_profiles': offered_text(channel, version),
                    'topic_type_hash': channel.hash,
                },
            )
        )
    return ids


class BagWriter:
    """One bag while it is written, in one thread.

    Attributes:
        path: Where the bag will be once it is finished.
        folder: Where it is now.
        counts: Messages written per channel.
        bytes: Bytes of messages written.
    """

    def __init__(
        self,
        path: Path,
        channels: Sequence[tuple[str, str, tuple[dict[str, object], ...]]],
        meta: EpisodeMeta,
        contract: Contract,
        now_ns: int,
        distro: str = 'kilted',
    ) -> None:
        """Create `<path>.recording`.

        Args:
            path: Folder of the finished bag; neither it nor its `.recording` may exist.
            channels: Name, type and offered QoS profiles of each topic.
            meta: What is known of the episode so far.
            contract: Goes into the bag, with its URDF.
            now_ns: Time of the attachments [ns].
            distro: ROS distribution named in metadata.yaml.

        Raises:
            BagError: If it cannot be created, or a message type is unknown.
        """
        self.path = path
        self.folder = path.with_name(path.name + SUFFIX)
        self.counts = [0] * len(channels)
        self.bytes = 0
        self._file_name = f'{path.name}_0.mcap'
        self._distro = distro
        self._start_ns: int | None = None
        self._end_ns = 0
        self._flushed_ns: int | None = None
        self._synced_ns = 0
        self._channels = tuple(
            Channel(name, kind, tuple(offered), definitions.find(kind).hash)
            for name, kind, offered in channels
        )
        if path.exists():
            raise BagError(f'{path} is there already')
        try:
            self.folder.mkdir(parents=True)
            self._file = open(self.folder / self._file_name, 'xb', buffering=0)
            # Tells a repair that this recording is alive; the kernel lets go if we are killed.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BagError(f'cannot create {self.folder}: {error.strerror}') from error
        self._writer = McapFile(self._file.fileno(), CHUNK_SIZE)
        try:
            self._writer.start('ros2', LIBRARY)
            self._writer.add_metadata('rosbag2', {'serialized_metadata': self._metadata(meta)})
            self._writer.add_metadata(CUSTOM_KEY, custom_data(meta))
            for name, media, text in (
                (CONTRACT_FILE, 'application/yaml', contract.text),
                (URDF_FILE, 'application/xml', contract.urdf_text),
            ):
                if not text:
                    continue  # data without a robot
                self._writer.add_attachment(now_ns, now_ns, name, media, text.encode())
            self._ids = register(self._writer, self._channels, VERSIONS.get(distro, 9))
            self._sync()
            sync_folder(self.folder)
            sync_folder(self.folder.parent)
        except OSError as error:
            self.abort()
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> BagError:
        return BagError(f'cannot write {self.folder / self._file_name}: {error.strerror or error}')

    def _metadata(self, meta: EpisodeMeta) -> str:
        return dump(self._information(meta))

    def _information(self, meta: EpisodeMeta) -> dict[str, object]:
        return bag_information(
            self._file_name,
            self._channels,
            self.counts,
            self._start_ns,
            self._end_ns,
            custom_data(meta),
            self._distro,
        )

    def _sync(self) -> None:
        self._writer.flush()
        os.fdatasync(self._file.fileno())
        # A removed folder raises no error on its own: the file lives on without a name.
        if os.fstat(self._file.fileno()).st_nlink == 0:
            raise FileNotFoundError(2, 'the file was removed while it was written')

    def write(
        self, channel: int, log_ns: int, publish_ns: int, data: bytes, sequence: int = 0
    ) -> None:
        """Write one serialized message.

        Args:
            channel: Index into the channels.
            log_ns: When it was received [ns].
            publish_ns: When it was published [ns].
            data: The message, CDR with its encapsulation header.
            sequence: Number its publisher gave it.

        Raises:
            BagError: If the disk refuses it; what was written before stays.
        """
        try:
            self._writer.add_message(
                self._ids[channel], log_ns, data, publish_ns, sequence & 0xFFFFFFFF
            )
        except OSError as error:
            raise self._failed(error) from error
        self.counts[channel] += 1
        self.bytes += len(data)
        if self._start_ns is None or log_ns < self._start_ns:
            self._start_ns = log_ns
        if log_ns > self._end_ns:
            self._end_ns = log_ns

    def tick(self, now_ns: int) -> None:
        """Write out what is buffered if it is time; call it often (now_ns: monotonic [ns]).

        Raises:
            BagError: If the disk refuses it.
        """
        if self._flushed_ns is None:
            self._flushed_ns = self._synced_ns = now_ns
        try:
            if now_ns - self._synced_ns >= SYNC_NS:
                self._sync()
                self._synced_ns = self._flushed_ns = now_ns
            elif now_ns - self._flushed_ns >= FLUSH_NS:
                self._writer.flush()
                self._flushed_ns = now_ns
        except OSError as error:
            raise self._failed(error) from error

    def close(self, meta: EpisodeMeta) -> Path:
        """Finish the bag, give it its name and return its folder.

        Raises:
            BagError: If the disk refuses it; `repair` gets the bag back.
        """
        try:
            self._writer.add_metadata(CUSTOM_KEY, custom_data(meta))
            self._writer.add_metadata('rosbag2', {'serialized_metadata': self._metadata(meta)})
            self._writer.finish()
            os.fsync(self._file.fileno())
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise FileNotFoundError(2, 'the file was removed while it was written')
            self._file.close()
            write_information(self.folder, self._information(meta))
            os.rename(self.folder, self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            self.abort()
            raise self._failed(error) from error
        return self.path

    def abort(self) -> None:
        """Let go of the file without finishing the bag; what was written stays."""
        with suppress(OSError):
            self._file.close()

    def discard(self) -> None:
        """Throw the bag away."""
        self.abort()
        try:
            shutil.rmtree(self.folder)
        except OSError as error:
            raise BagError(f'cannot remove {self.folder}: {error.strerror}') from error
