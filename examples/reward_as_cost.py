# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A learned reward used as a cost: choose among motions by what the demonstrations want.

IQ-Learn finds a reward from the dataset alone, failures included. A planner of your own can then
minimise its negative; here the plans are what was demonstrated, and the same with noise.

    python examples/reward_as_cost.py DATASET RUN_OF_BC NEW_FOLDER [UPDATES]
"""

from pathlib import Path
import sys

import numpy as np

import imitation_ros
from imitation_ros.data.windows import Windows
from imitation_ros.irl.loading import load_reward
from imitation_ros.irl.reward import recorded


def main(data: str, bc: str, out: str, updates: int = 100) -> None:
    """Learn a reward, then price plans by it."""
    dataset = imitation_ros.Dataset(data)
    result = imitation_ros.train(
        dataset, out, 'irl-iq', init=bc, updates=updates, batch=64, eval_every=updates
    )
    contract = imitation_ros.load_contract('imi_humanoid')
    learned = load_reward(Path(result.folder), dataset, contract)

    def cost(states: np.ndarray, actions: np.ndarray) -> float:
        """Mean cost of a decision: states (T + 1, To, D), actions (T, k) [rad]."""
        return float(-learned.reward.reward(states, actions).mean())

    outcomes = {meta.episode: meta.outcome for meta in dataset.manifest.episodes}
    windows = Windows(dataset, range(len(dataset)), learned.trained.spec)
    rng = np.random.default_rng(0)
    for plan in recorded(windows, outcomes):
        noisy = plan.actions + rng.normal(0.0, 0.1, plan.actions.shape)
        print(
            f'{plan.name} ({outcomes[plan.name]}): cost {cost(plan.states, plan.actions):+.3f}, '
            f'with noise of 0.1 rad {cost(plan.states, noisy):+.3f}'
        )


if __name__ == '__main__':
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
