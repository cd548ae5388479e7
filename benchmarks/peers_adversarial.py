# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""GAIL and AIRL of `imitation`, run by benchmarks/peers_practice.py with the peer's own Python.

PPO of stable-baselines3 as in the peer's own examples (their rates, epochs and rewards), on
observations and actions scaled by the demonstrations; a round is one iteration of ours. It starts
as it comes, or from the peer's own Behavioural Cloning (two layers of 256, batches of 256); tuned,
PPO then has our exploration, rate of learning and bound on the divergence of an update.
The simulator is on the other side of the pipe: a seed or an action goes out, a state comes in.

python peers_adversarial.py ARRAYS.npz bc|gail|airl scratch|bc|tuned OUT.npz
                            ROUNDS DECISIONS HORIZON SEED UPDATES
"""

import contextlib
import json
import os
import sys
import time
from typing import Any

import gymnasium as gym
from imitation.algorithms import bc
from imitation.algorithms.adversarial.airl import AIRL
from imitation.algorithms.adversarial.gail import GAIL
from imitation.data.types import Transitions
from imitation.rewards.reward_nets import BasicRewardNet, BasicShapedRewardNet
from imitation.util.networks import RunningNorm
import numpy as np
from peers_imitation import arrays_of, FLOOR, p50_ms
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv
import torch

FIRST_SEED, HIGHEST_SEED = 10_000_000, 2**31
BATCH = 256
STD = 0.03
"""Exploration of ours [rad]; at most one deviation of what was demonstrated."""
TUNED = {'learning_rate': 2e-4, 'clip_range': 0.2, 'n_epochs': 6, 'target_kl': 0.12}
ALGORITHMS: dict[str, dict[str, Any]] = {
    'gail': {
        'ppo': {'ent_coef': 0.0, 'learning_rate': 4e-4, 'gamma': 0.95, 'n_epochs': 5},
        'trainer': GAIL,
        'reward': BasicRewardNet,
        'rounds': 8,
    },
    'airl': {
        'ppo': {
            'ent_coef': 0.0,
            'learning_rate': 5e-4,
            'gamma': 0.95,
            'clip_range': 0.1,
            'vf_coef': 0.1,
            'n_epochs': 5,
        },
        'trainer': AIRL,
        'reward': BasicShapedRewardNet,
        'rounds': 16,
    },
}


class Piped(gym.Env[Any, Any]):
    """The simulator on the other side of a pipe; episodes of one length."""

    def __init__(self, arrays: Any, pipe: Any, horizon: int, seed: int) -> None:
        """Scale by the demonstrations."""
        self.scale = {
            key: (arrays[key].mean(axis=0), np.maximum(arrays[key].std(axis=0), FLOOR))
            for key in ('observation', 'action')
        }
        seen, done = arrays['observation'].shape[1], arrays['action'].shape[1]
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (seen,), np.float32)
        self.action_space = gym.spaces.Box(-10.0, 10.0, (done,), np.float32)
        self._pipe, self._horizon = pipe, horizon
        self._rng, self._left = np.random.default_rng(seed), 0

    def scaled(self, key: str, values: Any) -> Any:
        """Observations or actions as the peer sees them."""
        mean, std = self.scale[key]
        return ((values - mean) / std).astype(np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Begin from a start that nothing else uses."""
        self._left = self._horizon
        return self._ask({'seed': int(self._rng.integers(FIRST_SEED, HIGHEST_SEED))}), {}

    def step(self, action: Any) -> Any:
        """Play one decision; the reward is the peer's own."""
        mean, std = self.scale['action']
        seen = self._ask({'action': (action * std + mean).tolist()})
        self._left -= 1
        return seen, 0.0, False, self._left <= 0, {}

    def _ask(self, what: dict[str, Any]) -> Any:
        self._pipe.write(json.dumps(what) + '\n')
        self._pipe.flush()
        return self.scaled('observation', np.array(json.loads(sys.stdin.readline())))


def main() -> None:
    """Train one, write its weights, say what it cost."""
    arrays, method, start, out = np.load(sys.argv[1]), *sys.argv[2:5]
    rounds, decisions, horizon, seed, updates = (int(text) for text in sys.argv[5:10])
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), 'w')
    single = Piped(arrays, pipe, horizon, seed)
    venv = DummyVecEnv([lambda: single])
    x, u = (
        single.scaled('observation', arrays['observation']),
        single.scaled('action', arrays['action']),
    )
    after = single.scaled('observation', arrays['after'])
    no = np.zeros(len(x), dtype=bool)
    data = Transitions(obs=x, acts=u, infos=np.array([{}] * len(x)), next_obs=after, dones=no)
    begin = time.process_time()
    with open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere):
        chosen = ALGORITHMS.get(method, ALGORITHMS['gail'])
        learner = PPO(
            'MlpPolicy',
            venv,
            n_steps=decisions,
            batch_size=64,
            seed=seed,
            policy_kwargs={'net_arch': [256, 256]} if start != 'scratch' else None,
            device='cpu',
            **{**chosen['ppo'], **(TUNED if start == 'tuned' else {})},
        )
        if start != 'scratch':
            cloner = bc.BC(
                observation_space=venv.observation_space,
                action_space=venv.action_space,
                demonstrations=data,
                policy=learner.policy,
                batch_size=min(BATCH, len(x)),
                optimizer_kwargs={'lr': 1e-3},
                rng=np.random.default_rng(seed),
            )
            cloner.train(n_batches=updates, progress_bar=False, log_interval=10**9)
        if start == 'tuned':
            spread = torch.as_tensor(STD / single.scale['action'][1], dtype=torch.float32)
            learner.policy.log_std.data = spread.clamp(max=1.0).log()
        if method != 'bc':
            reward = chosen['reward'](
                venv.observation_space,
                venv.action_space,
                normalize_input_layer=RunningNorm,
            )
            trainer = chosen['trainer'](
                demonstrations=data,
                demo_batch_size=min(1024, len(x)),
                gen_replay_buffer_capacity=decisions,
                n_disc_updates_per_round=chosen['rounds'],
                venv=venv,
                gen_algo=learner,
                reward_net=reward,
            )
            trainer.train(rounds * decisions)
    cpu_s = time.process_time() - begin
    policy = learner.policy
    scale = {
        f'{key}_{i}': part for key, both in single.scale.items() for i, part in enumerate(both)
    }
    np.savez(out, **arrays_of(policy), **scale)
    told = {'cpu_s': cpu_s, 'p50_ms': p50_ms(policy, x[0])}
    std = policy.log_std.detach().exp().numpy()
    told['std'] = float(np.mean(std * single.scale['action'][1]))
    pipe.write(json.dumps(told) + '\n')
    pipe.flush()


if __name__ == '__main__':
    main()
