# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Freed memory stays mapped, so that images do not fault in page by page."""

import platform
import subprocess
import sys

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

SCRIPT = """
import resource, sys
from imitation_ros.nodes.recorder.memory import keep_freed_memory
if sys.argv[1] == 'kept' and not keep_freed_memory():
    raise SystemExit('no mallopt')
image = bytes(921600)
for k in range(101):
    if k == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    copies = [bytes(bytearray(image)) for _ in range(3)]
    del copies
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='not glibc')
def test_freed_memory_is_used_again():
    faults = {
        how: int(subprocess.check_output([sys.executable, '-c', SCRIPT, how], text=True))
        for how in ('given back', 'kept')
    }
    # 300 images of 225 pages each.
    assert faults['kept'] < 2000 < 20_000 < faults['given back']
