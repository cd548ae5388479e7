# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Read our bags with pandas: one table of the joints, one of what the safety node sent.

Bags are plain rosbag2 (MCAP), so any reader will do; `Bag` needs no ROS. (pip install pandas)

    python examples/bags_with_pandas.py BAG
"""

import sys

import pandas as pd

import imitation_ros


def joints(bag: imitation_ros.Bag, topic: str) -> pd.DataFrame:
    """Positions [rad or m] of a JointState topic: a column per joint, a row per stamp."""
    rows, stamps = [], []
    for message in bag.messages([topic]):
        state = bag.decode(message)
        rows.append(dict(zip(state.name, state.position, strict=True)))
        stamps.append(state.header.stamp.sec * 10**9 + state.header.stamp.nanosec)
    return pd.DataFrame(rows, index=pd.to_datetime(stamps, unit='ns', utc=True))


def main(path: str) -> None:
    """Where the robot was, against where it was sent."""
    with imitation_ros.Bag(path) as bag:
        if bag.meta is not None:
            print(f'{bag.meta.episode}: {bag.meta.task}, {bag.outcome}')
        print(pd.Series(bag.counts, name='messages').to_string())
        measured, command = joints(bag, '/joint_states'), joints(bag, '/safety/command')
    # As of each command: the newest measurement before it.
    both = pd.merge_asof(
        command, measured, left_index=True, right_index=True, suffixes=('', '.measured')
    ).dropna()
    error = pd.DataFrame({name: both[name] - both[f'{name}.measured'] for name in command})
    print('largest distance behind the command [rad]:')
    print(error.abs().max().nlargest(3).round(4).to_string())


if __name__ == '__main__':
    main(sys.argv[1])
