# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Serialized subscriptions of the recorder: nothing is decoded, nothing waits.

Quality of service follows the publishers, as in rosbag2: reliable if all of them are, so that
nothing of theirs is lost; else best effort, or those that are not would not be heard at all.
"""

from collections.abc import Callable, Iterable, Mapping
import importlib
import time
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from ...bags.layout import qos_profile
from ...bags.reader import header_stamp_ns
from ...bags.topics import COMPRESSED, IMAGE, Topic, TOPIC_SUFFIX
from ...errors import NotReadyError
from ...recording.compression import Compression
from ...recording.flow import Flow
from ...recording.preflight import Offer, Seen
from ...recording.take import Item
from ..ros.message_info import publisher_gid, with_info

HEADER = 12
"""Bytes of a message up to the end of its header's stamp."""
DEPTH = 100
IMAGE_DEPTH = 10
IMAGES = (IMAGE, COMPRESSED)


def message_class(name: str) -> Any:
    """Class of a message type such as `sensor_msgs/msg/JointState`.

    Raises:
        NotReadyError: If its package is not installed.
    """
    package, _, short = name.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), short)
    except (ImportError, AttributeError) as error:
        raise NotReadyError(f'no Python class for {name}: install {package}') from error


class Stream:
    """One topic as it comes in.

    Attributes:
        topic: What is expected.
        flow: Times of its messages.
        data: The newest message, or None.
        offers: Its publishers, as discovery last told.
        latched: Last message, of a latched topic: it belongs in every bag.
    """

    def __init__(self, topic: Topic, index: int) -> None:
        """Make a stream without a subscription."""
        self.topic = topic
        self.index = index
        self.flow = Flow(topic.rate_hz)
        self.data: bytes | None = None
        self.offers: tuple[Offer, ...] = ()
        self.latched: Item | None = None
        self.reliable = topic.qos.reliability == 'reliable'
        self.transient = topic.latched
        self.subscription: Any = None

    def profile(self) -> QoSProfile:
        """Quality of service to ask for."""
        floor = IMAGE_DEPTH if self.topic.type in IMAGES else DEPTH
        reliable, best = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
        latched, volatile = DurabilityPolicy.TRANSIENT_LOCAL, DurabilityPolicy.VOLATILE
        return QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=max(floor, self.topic.qos.depth),
            reliability=reliable if self.reliable else best,
            durability=latched if self.transient else volatile,
        )


class Subscriptions:
    """All topics of a contract, handed on to whoever listens.

    Attributes:
        streams: One per topic, in the order of the channels.
        sink: Gets every message; None while nobody records.
    """

    def __init__(self, node: Node, topics: Iterable[Topic]) -> None:
        """Subscribe to every topic at once, so that not even a first message is missed."""
        self._node = node
        self.sink: Callable[[Item], None] | None = None
        self.streams = tuple(Stream(topic, i) for i, topic in enumerate(topics))
        for stream in self.streams:
            self._subscribe(stream)
        self.adapt()

    def _subscribe(self, stream: Stream) -> None:
        if stream.subscription is not None:
            self._node.destroy_subscription(stream.subscription)
        index, flow, stamped = stream.index, stream.flow, stream.topic.stamped

        def take(data: bytes, info: Mapping[str, Any]) -> None:
            received = info['received_timestamp'] or time.time_ns()
            stamp = header_stamp_ns(data) if stamped and len(data) >= HEADER else received
            flow.push(received, stamp)
            stream.data = data
            sink = self.sink
            if sink is None and not stream.transient:
                return
            sequence = info.get('publication_sequence_number')
            item = (
                index,
                received,
                info['source_timestamp'] or received,
                -1 if sequence is None else sequence,
                publisher_gid(info),
                data,
            )
            if stream.transient:
                stream.latched = item
            if sink is not None:
                sink(item)

        stream.subscription = self._node.create_subscription(
            message_class(stream.topic.type),
            stream.topic.name,
            with_info(take),
            stream.profile(),
            raw=True,
            # `adapt` deals with incompatible publishers; the default callback only warns.
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
        )

    def adapt(self) -> None:
        """Follow the publishers' quality of service."""
        for stream in self.streams:
            found = self._node.get_publishers_info_by_topic(stream.topic.name)
            stream.offers = tuple(_offer(publisher) for publisher in found)
            offered = [offer for offer in stream.offers if offer.type == stream.topic.type]
            if not offered:
                continue
            reliable = all(offer.reliable for offer in offered)
            transient = all(offer.latched for offer in offered)
            if (reliable, transient) != (stream.reliable, stream.transient):
                stream.reliable, stream.transient = reliable, transient
                self._node.get_logger().info(
                    f'{stream.topic.name}: subscribing '
                    f'{"reliable" if reliable else "best effort"}, '
                    f'{"transient local" if transient else "volatile"}, as its publishers'
                )
                self._subscribe(stream)

    def channels(self) -> list[tuple[str, str, tuple[dict[str, object], ...]]]:
        """Name, type and offered QoS of every topic, as a bag wants them."""
        result = []
        for stream in self.streams:
            offered = tuple(
                qos_profile(offer.reliable, offer.latched)
                for offer in stream.offers
                if offer.type == stream.topic.type
            )
            result.append((stream.topic.name, stream.topic.type, offered))
        return result

    def compressible(self, how: Compression | None) -> dict[int, Compression]:
        """Channels whose raw images can be compressed so: judged by the newest image of each.

        One whose compressed topic is recorded as well, or of an encoding that is not compressed,
        stays as it is; the log says so.
        """
        if how is None:
            return {}
        names = {stream.topic.name for stream in self.streams}
        found = {}
        for stream in self.streams:
            if stream.topic.type != IMAGE or stream.data is None:
                continue
            if f'{stream.topic.name}{TOPIC_SUFFIX}' in names or not how.fits(stream.data):
                self._node.get_logger().warning(f'{stream.topic.name} is recorded as it is')
            else:
                found[stream.index] = how
        return found

    def latched(self, now_ns: int) -> list[Item]:
        """Last message of every latched topic, as received now (it waited for us)."""
        items = [stream.latched for stream in self.streams if stream.latched is not None]
        return [(item[0], now_ns, item[2], -1, item[4], item[5]) for item in items]

    def seen(self) -> list[Seen]:
        """What is known of every topic."""
        return [
            Seen(stream.topic, stream.flow, stream.offers, stream.data) for stream in self.streams
        ]

    def mark(self) -> None:
        """Count gaps from now on."""
        for stream in self.streams:
            stream.flow.mark()


def _offer(publisher: Any) -> Offer:
    profile = publisher.qos_profile
    return Offer(
        publisher.topic_type,
        profile.reliability == ReliabilityPolicy.RELIABLE,
        profile.durability == DurabilityPolicy.TRANSIENT_LOCAL,
        publisher.node_name,
    )
