# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The e-stop topic: every publisher has a latch of its own, told apart by its GID."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
import time
from typing import Any

from rclpy.node import Node
from std_msgs.msg import Bool

from ...safety.estop import UNKNOWN
from ...safety.supervisor import SafetySupervisor
from ..ros.message_info import publisher_gid, with_info
from ..ros.qos import LATCHED

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble calls it so
    from rclpy.qos_event import SubscriptionEventCallbacks

GID = 16
"""Bytes of a GID that matter; older versions of ROS pad it with zeros."""


class EstopTopic:
    """Hands what the e-stop topic says to the supervisor, with its source."""

    def __init__(
        self,
        node: Node,
        topic: str,
        supervisor: SafetySupervisor,
        lock: AbstractContextManager[bool],
        surviving: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Subscribe.

        Args:
            node: Owner of the subscriptions.
            topic: The e-stop topic.
            supervisor: Who stops.
            lock: Guards the supervisor.
            surviving: Around what may not end the node.
        """
        self._node, self._topic, self._supervisor, self._lock = node, topic, supervisor, lock
        self._heard: dict[str, int] = {}

        def take(message: Bool, info: Mapping[str, Any]) -> None:
            with surviving():
                self._take(message, info)

        callback = with_info(take)
        node.create_subscription(Bool, topic, callback, 10)
        # The one above hears every publisher, but misses what was pressed before we came; this
        # one hears latched publishers alone, and need not warn of the others.
        quiet = SubscriptionEventCallbacks(use_default_callbacks=False)
        node.create_subscription(Bool, topic, callback, LATCHED, event_callbacks=quiet)

    def look(self) -> None:
        """Tell the supervisor which publishers the graph lists."""
        listed = self._listed()
        self._heard = {source: at for source, at in self._heard.items() if source in listed}
        with self._lock:
            self._supervisor.see_estop_publishers(time.monotonic_ns(), listed)

    def _take(self, message: Bool, info: Mapping[str, Any]) -> None:
        """Latch first; who it was is asked afterwards."""
        steady, pressed = time.monotonic_ns(), bool(message.data)
        source = _source(publisher_gid(info))
        sent = int(info.get('source_timestamp') or 0)
        if not pressed and sent and self._heard.get(source) == sent:
            return  # both subscriptions hear a latched publisher: one message is one heartbeat
        self._heard[source] = sent
        releases = source != UNKNOWN or pressed or len(self._listed()) <= 1
        with self._lock:
            self._supervisor.push_estop(steady, pressed, source, releases)

    def _listed(self) -> dict[str, str]:
        """Full name of the node of every publisher on the topic, by source."""
        found = self._node.get_publishers_info_by_topic(self._topic)
        return {
            _source(
                bytes(each.endpoint_gid)
            ): f'{each.node_namespace.rstrip("/")}/{each.node_name}'
            for each in found
        }


def _source(gid: bytes) -> str:
    """A GID as text: the process that the publisher is in, and its number there."""
    text = gid[:GID].hex()
    return f'{text[:24]}.{text[24:]}' if text else UNKNOWN
