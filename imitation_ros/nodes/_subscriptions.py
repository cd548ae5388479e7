# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Serialized subscriptions of the recorder: nothing is decoded, nothing waits.

Quality of service follows the publishers, as in rosbag2: reliable if all of them are, so that
nothing of theirs is lost; else best effort, or those that are not would not be heard at all.
"""

from collections.abc import Callable, Iterable
import importlib
import inspect
import time
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from ..bags.layout import qos_profile
from ..bags.take import Item
from ..bags.topics import Topic
from ..errors import NotReadyError

NS = 1_000_000_000
DEPTH = 100
IMAGE_DEPTH = 10
IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')

_POSITIONAL = inspect.Parameter.POSITIONAL_ONLY
_TWO = inspect.Signature([inspect.Parameter(name, _POSITIONAL) for name in ('data', 'info')])


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
        count: Messages received.
        last_ns: When the last one was received [ns], 0 if none was.
        latched: Last message, of a latched topic: it belongs in every bag.
    """

    def __init__(self, topic: Topic, index: int) -> None:
        """Make a stream without a subscription."""
        self.topic = topic
        self.index = index
        self.count = 0
        self.last_ns = 0
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
        index = stream.index

        # EventsExecutor hands over one tuple where the other executors hand over two arguments.
        def callback(*given: Any) -> None:
            data, info = given if len(given) == 2 else given[0]
            received = info['received_timestamp'] or time.time_ns()
            stream.count += 1
            stream.last_ns = received
            sink = self.sink
            if sink is None and not stream.transient:
                return
            sequence = info.get('publication_sequence_number')
            publisher = info.get('publisher_gid')
            item = (
                index,
                received,
                info['source_timestamp'] or received,
                -1 if sequence is None else sequence,
                b'' if publisher is None else publisher['data'],
                data,
            )
            if stream.transient:
                stream.latched = item
            if sink is not None:
                sink(item)

        callback.__signature__ = _TWO  # type: ignore[attr-defined]
        stream.subscription = self._node.create_subscription(
            message_class(stream.topic.type),
            stream.topic.name,
            callback,
            stream.profile(),
            raw=True,
            # `adapt` deals with incompatible publishers; the default callback only warns.
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
        )

    def adapt(self) -> None:
        """Follow the publishers' quality of service."""
        for stream in self.streams:
            offered = [p.qos_profile for p in self._publishers(stream)]
            if not offered:
                continue
            reliable = all(q.reliability == ReliabilityPolicy.RELIABLE for q in offered)
            transient = all(q.durability == DurabilityPolicy.TRANSIENT_LOCAL for q in offered)
            if (reliable, transient) != (stream.reliable, stream.transient):
                stream.reliable, stream.transient = reliable, transient
                self._node.get_logger().info(
                    f'{stream.topic.name}: subscribing '
                    f'{"reliable" if reliable else "best effort"}, '
                    f'{"transient local" if transient else "volatile"}, as its publishers'
                )
                self._subscribe(stream)

    def _publishers(self, stream: Stream) -> list[Any]:
        found = self._node.get_publishers_info_by_topic(stream.topic.name)
        return [publisher for publisher in found if publisher.topic_type == stream.topic.type]

    def channels(self) -> list[tuple[str, str, tuple[dict[str, object], ...]]]:
        """Name, type and offered QoS of every topic, as a bag wants them."""
        result = []
        for stream in self.streams:
            offered = tuple(
                qos_profile(
                    p.qos_profile.reliability == ReliabilityPolicy.RELIABLE,
                    p.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL,
                )
                for p in self._publishers(stream)
            )
            result.append((stream.topic.name, stream.topic.type, offered))
        return result

    def latched(self, now_ns: int) -> list[Item]:
        """Last message of every latched topic, as received now (it waited for us)."""
        items = [stream.latched for stream in self.streams if stream.latched is not None]
        return [(item[0], now_ns, item[2], -1, item[4], item[5]) for item in items]

    def problems(self, now_ns: int, within_s: float) -> list[str]:
        """Say what is wrong with each required topic that has been silent."""
        result = []
        for stream in self.streams:
            topic = stream.topic
            if not topic.required or now_ns - stream.last_ns < within_s * NS:
                continue
            found = self._node.get_publishers_info_by_topic(topic.name)
            others = sorted({p.topic_type for p in found if p.topic_type != topic.type})
            if others:
                why = f'is published as {", ".join(others)}'
            elif not found:
                why = 'has no publisher'
            elif stream.last_ns:
                why = f'has been silent for {(now_ns - stream.last_ns) / NS:.1f} s'
            else:
                why = f'has a publisher ({found[0].node_name}), but nothing arrived yet'
            result.append(f'{topic.name} ({topic.type}) {why}')
        return result
