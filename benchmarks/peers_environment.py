# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Returns of policies in a gymnasium environment, run by benchmarks/peers.py with its own Python.

A policy is our policy.onnx, a peer's weights as arrays, or `random`: actions drawn evenly.

python peers_environment.py ENVIRONMENT EPISODES POLICY...
"""

from collections.abc import Callable
import contextlib
import importlib
import json
import sys
from typing import Any

import gymnasium as gym
import numpy as np

FIRST_SEED = 1000


def actor(path: str, space: Any) -> tuple[Callable[[Any], Any], Callable[[], None]]:
    """From an observation to an action, and what begins an episode."""
    if path == 'random':
        rng = np.random.default_rng(0)
        return lambda _: rng.uniform(space.low, space.high), lambda: None
    if path.endswith('.onnx'):
        from imitation_ros.runtime import VectorPolicy

        policy = VectorPolicy(path)
        return policy.act, policy.reset
    arrays = np.load(path)
    layers = [(arrays[f'w{i}'], arrays[f'b{i}']) for i in range(int(arrays['count']))]

    def act(observation: Any) -> Any:
        x = (observation - arrays['mean']) / arrays['std']
        for weight, bias in layers[:-1]:
            x = np.tanh(weight @ x + bias)
        return layers[-1][0] @ x + layers[-1][1]

    return act, lambda: None


def main() -> None:
    """Print one line of JSON for each policy."""
    name, episodes = sys.argv[1], int(sys.argv[2])
    with contextlib.suppress(ImportError):
        gym.register_envs(importlib.import_module('gymnasium_robotics'))
    environment = gym.make(name)
    space: Any = environment.action_space
    for path in sys.argv[3:]:
        act, reset = actor(path, space)
        returns, successes = [], []
        for seed in range(FIRST_SEED, FIRST_SEED + episodes):
            observation, _ = environment.reset(seed=seed)
            reset()
            total, over, success = 0.0, False, None
            while not over:
                action = np.clip(act(observation), space.low, space.high)
                observation, reward, terminated, truncated, info = environment.step(action)
                if 'success' in info:
                    success = bool(success or info['success'])
                total, over = total + float(reward), terminated or truncated
            returns.append(total)
            successes += [] if success is None else [success]
        found: dict[str, Any] = {'policy': path, 'returns': returns}
        if len(successes) == episodes:
            found['success'] = float(np.mean(successes))
        print(json.dumps(found), flush=True)


if __name__ == '__main__':
    main()
