# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Callbacks of subscriptions that are told where a message comes from."""

from collections.abc import Callable, Mapping
import inspect
from typing import Any

_POSITIONAL = inspect.Parameter.POSITIONAL_ONLY
_TWO = inspect.Signature([inspect.Parameter(name, _POSITIONAL) for name in ('data', 'info')])


def with_info(take: Callable[[Any, Mapping[str, Any]], None]) -> Callable[..., None]:
    """A callback that hands on the message and its info, whichever executor calls it."""

    # EventsExecutor hands over one tuple where the other executors hand over two arguments.
    def callback(*given: Any) -> None:
        data, info = given if len(given) == 2 else given[0]
        take(data, info)

    callback.__signature__ = _TWO  # type: ignore[attr-defined]
    return callback


def publisher_gid(info: Mapping[str, Any]) -> bytes:
    """GID of a message's publisher; empty where rclpy or the middleware does not tell it."""
    gid = info.get('publisher_gid')
    data = b'' if gid is None else bytes(gid['data'])
    return data if any(data) else b''
