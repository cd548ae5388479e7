# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a recording comes from: host, versions, commit, and how the sensors' clocks stood."""

from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
import json
import os
from pathlib import Path
import platform
import socket
import subprocess

from ...recording.preflight import Row
from ...version import __version__

VERSIONS = ('mcap', 'rosbags', 'numpy', 'opencv-python-headless')


@lru_cache(maxsize=1)
def git_commit() -> str:
    """Commit of the source this runs from, `-dirty` if it was changed since; '' outside of git."""
    folder = Path(__file__).resolve().parent
    command = ['git', '-C', str(folder), 'describe', '--always', '--dirty', '--abbrev=40']
    try:
        done = subprocess.run(
            [*command, '--exclude=*'], check=False, capture_output=True, text=True, timeout=5.0
        )
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return done.stdout.strip() if done.returncode == 0 else ''


@lru_cache(maxsize=1)
def software(distro: str) -> dict[str, str]:
    """Host, versions and commit; they do not change while the recorder runs."""
    versions = {'python': platform.python_version()}
    for name in VERSIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        'host': socket.gethostname(),
        'imitation_ros': __version__,
        'ros_distro': distro,
        'rmw': os.environ.get('RMW_IMPLEMENTATION', ''),
        'git_commit': git_commit(),
        'versions': json.dumps(versions),
    }


def clock_offsets(rows: Iterable[Row]) -> str:
    """JSON of receive time less stamp [ms], by topic: delay, and difference of the clocks."""
    offsets = {
        row.topic.name: round(row.flow.offset_s * 1e3, 3)
        for row in rows
        if row.topic.stamped and row.flow.offset_s is not None
    }
    return json.dumps(offsets)
