# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Behavioural Cloning of `imitation`, run by benchmarks/peers.py with the peer's own Python.

As it comes, and tuned: observations normalised, two layers of 256, batches of 256. Weights are
written as arrays, so that whoever tries them needs neither torch nor the peer.

python peers_imitation.py ARRAYS.npz OUT_FOLDER UPDATES SEED
"""

import json
from pathlib import Path
import sys
import time
from typing import Any

import gymnasium as gym
from imitation.algorithms import bc
from imitation.data.types import Transitions
import numpy as np
from stable_baselines3.common.policies import ActorCriticPolicy
import torch

FLOOR = 1e-3


def arrays_of(policy: ActorCriticPolicy) -> dict[str, Any]:
    """Weights of the layers from an observation to an action, and how many they are."""
    layers = [*policy.mlp_extractor.policy_net, policy.action_net]
    layers = [layer for layer in layers if hasattr(layer, 'weight')]
    weights = {f'w{i}': layer.weight.detach().numpy() for i, layer in enumerate(layers)}
    biases = {f'b{i}': layer.bias.detach().numpy() for i, layer in enumerate(layers)}
    return {'count': len(layers), **weights, **biases}


def p50_ms(policy: ActorCriticPolicy, observation: Any) -> float:
    """Median time of a prediction [ms]."""
    times = []
    for _ in range(300):
        start = time.perf_counter()
        policy.predict(observation, deterministic=True)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def main() -> None:
    """Train both, and print one line of JSON for each."""
    arrays, out = np.load(sys.argv[1]), Path(sys.argv[2])
    updates, seed = int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(1)
    seen, done = arrays['observation'].astype(np.float32), arrays['action'].astype(np.float32)
    for kind in ('default', 'tuned'):
        mean, std = np.zeros(seen.shape[1]), np.ones(seen.shape[1])
        if kind == 'tuned':
            mean, std = seen.mean(axis=0), np.maximum(seen.std(axis=0), FLOOR)
        x = ((seen - mean) / std).astype(np.float32)
        high = np.abs(done).max(axis=0) + 1.0
        sees = gym.spaces.Box(-np.inf, np.inf, (x.shape[1],), np.float32)
        does = gym.spaces.Box(-high, high, dtype=np.float32)
        nothing = np.array([{}] * len(x))
        data = Transitions(
            obs=x, acts=done, infos=nothing, next_obs=x, dones=np.zeros(len(x), dtype=bool)
        )
        torch.manual_seed(seed)
        rest = {}
        if kind == 'tuned':
            policy = ActorCriticPolicy(sees, does, lambda _: 1e-3, net_arch=[256, 256])
            rest = {'policy': policy, 'batch_size': 256}
        begin = time.process_time()
        trainer = bc.BC(
            observation_space=sees,
            action_space=does,
            demonstrations=data,
            rng=np.random.default_rng(seed),
            **rest,
        )
        trainer.train(n_batches=updates, progress_bar=False, log_interval=10**9)
        cpu_s = time.process_time() - begin
        policy = trainer.policy
        np.savez(out / f'{kind}.npz', mean=mean, std=std, **arrays_of(policy))
        told = {'kind': kind, 'cpu_s': cpu_s, 'p50_ms': p50_ms(policy, x[0])}
        print(json.dumps(told), flush=True)


if __name__ == '__main__':
    main()
