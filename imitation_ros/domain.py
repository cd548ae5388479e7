# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which ROS graph our nodes join: one rule for every verb, and one line that says it.

A verb that serves a user joins the graph that the user's own tools are in, so that `ros2 service
call /safety/arm` and an e-stop reach it: the user's `ROS_DOMAIN_ID`, else ROS's own default, 0.
What runs a closed graph of its own (`demo`) takes a domain that nobody else is likely to be in.
"""

from collections.abc import Mapping
import os

from .errors import ImitationError, unknown

DOMAIN, RANGE = 'ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE'
ONLY = 'ROS_LOCALHOST_ONLY'
RANGES = ('LOCALHOST', 'SUBNET', 'OFF', 'SYSTEM_DEFAULT')
HIGHEST = 232
"""Highest domain whose ports are below 65536 (DDS: 7400 + 250 per domain)."""
PRIVATE = 101
"""Highest domain whose ports are no ephemeral ones of Linux."""


class DomainError(ImitationError, ValueError):
    """The environment names no ROS domain or discovery range that there is."""


def choose(given: Mapping[str, str], private: bool = False) -> dict[str, str]:
    """Variables of the graph to join: what the user has set is kept.

    Args:
        given: Environment of the user.
        private: Without a domain of the user, take one of this process's own instead of 0.

    Raises:
        DomainError: If the user has set a domain or a range that does not exist.
    """
    chosen = given.get(DOMAIN, '') or str(1 + os.getpid() % PRIVATE if private else 0)
    if not (chosen.isascii() and chosen.isdigit() and int(chosen) <= HIGHEST):
        raise DomainError(f'{DOMAIN} is "{chosen}"; set a whole number from 0 to {HIGHEST}')
    reach = given.get(RANGE, '') or 'LOCALHOST'
    if reach not in RANGES:
        raise DomainError(unknown(reach, f'discovery range ({RANGE})', RANGES))
    return {DOMAIN: chosen, RANGE: reach}


def line(environment: Mapping[str, str], domain: int | None = None) -> str:
    """Say which graph a process with this environment is in.

    Args:
        environment: Environment of the process; ROS's defaults hold for what is not set.
        domain: Domain that it has joined, where that is known.
    """
    number = environment.get(DOMAIN, '') or '0' if domain is None else str(domain)
    reach = environment.get(RANGE, '') or 'SUBNET'
    # Humble knows no range; where both are known, the older variable wins.
    if environment.get('ROS_DISTRO') == 'humble':
        reach = 'SUBNET'
    if environment.get(ONLY) == '1':
        reach = 'LOCALHOST'
    return f'ROS domain {number}, discovery {reach}'
