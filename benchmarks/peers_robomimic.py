# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""BC-RNN of robomimic, run by benchmarks/peers_task.py with the peer's own Python.

With the settings its authors published for low-dimensional demonstrations of people (an LSTM of
400 with a mixture of Gaussians, sequences of ten), and small enough for a processor: observations
normalised, an LSTM of 100, a greater rate of learning. Trained with the peer's own dataset,
networks, loss and optimizer until a CPU time is spent, on one thread; all sequences are read
before the clock starts, in favour of the peer. Actions are scaled to [-1, 1], as it asks for: the
positions as published, or small by how far they are from the measured ones. It looks at every
step, so one action goes out for each line that comes in.

python peers_robomimic.py ARRAYS.npz rnn default|small CPU_SECONDS SEED
"""

import contextlib
from itertools import pairwise
import json
import os
from pathlib import Path
import sys
import tempfile
import time
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
import torch

with open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere):
    from robomimic.algo import algo_factory, RolloutPolicy
    from robomimic.config import config_factory
    from robomimic.utils.dataset import SequenceDataset
    import robomimic.utils.obs_utils

Array = NDArray[np.floating[Any]]

SEEN = {'state': 'observation.state', 'object': 'observation.environment_state'}
"""Names it takes, without points, and those of the lines that come in."""

STEPS = 10
TRIED = 20
"""Updates that are timed before the training, to find out how many there will be."""


def settings(size: str) -> Any:
    """The peer's configuration."""
    config = config_factory('bc')
    small = size == 'small'
    with config.values_unlocked():
        config.observation.modalities.obs.low_dim = list(SEEN)
        config.train.seq_length = STEPS
        config.algo.rnn.enabled = True
        config.algo.rnn.horizon = STEPS
        config.algo.rnn.hidden_dim = 100 if small else 400
        config.algo.actor_layer_dims = ()
        config.algo.gmm.enabled = True
        config.algo.optim_params.policy.learning_rate.initial = 1e-3 if small else 1e-4
    return config


def write(file: Path, lengths: Any, seen: dict[str, Array], actions: Array) -> None:
    """Demonstrations in the peer's format."""
    begins = np.concatenate([[0], np.cumsum(lengths)])
    with h5py.File(file, 'w') as out:
        data = out.create_group('data')
        for i, (begin, end) in enumerate(pairwise(begins)):
            demo = data.create_group(f'demo_{i}')
            demo.attrs['num_samples'] = int(end - begin)
            demo['actions'] = actions[begin:end]
            for key, values in seen.items():
                demo[f'obs/{key}'] = values[begin:end]


def main() -> None:
    """Train, say what it cost, then serve actions."""
    arrays, size = np.load(sys.argv[1]), sys.argv[3]
    budget, seed = float(sys.argv[4]), int(sys.argv[5])
    torch.set_num_threads(1)
    config = settings(size)
    wanted = arrays['action']
    if size == 'small':
        wanted = wanted - arrays[SEEN['state']]
    # Its own normalisation refuses sequences in this release; this is what it would do.
    scale = {key: (0.0, 1.0) for key in SEEN}
    if size == 'small':
        seen = {key: arrays[name] for key, name in SEEN.items()}
        scale = {k: (v.mean(axis=0), v.std(axis=0) + 1e-3) for k, v in seen.items()}
    scaled = {k: (arrays[n] - scale[k][0]) / scale[k][1] for k, n in SEEN.items()}
    low, high = wanted.min(axis=0), wanted.max(axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-6)
    with (
        tempfile.TemporaryDirectory() as folder,
        open(os.devnull, 'w') as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        write(Path(folder) / 'data.hdf5', arrays['length'], scaled, (wanted - middle) / half)
        robomimic.utils.obs_utils.initialize_obs_utils_with_config(config)
        dataset = SequenceDataset(
            hdf5_path=str(Path(folder) / 'data.hdf5'),
            obs_keys=tuple(SEEN),
            dataset_keys=('actions',),
            seq_length=STEPS,
            hdf5_cache_mode='all',
            load_next_obs=False,
        )
        items = [dataset[i] for i in range(len(dataset))]
    actions = torch.tensor(np.stack([item['actions'] for item in items]), dtype=torch.float32)
    seen = {
        key: torch.tensor(np.stack([item['obs'][key] for item in items]), dtype=torch.float32)
        for key in SEEN
    }
    shapes = {key: list(arrays[name].shape[1:]) for key, name in SEEN.items()}
    generator = torch.Generator().manual_seed(seed)

    def train(updates: int) -> tuple[Any, float]:
        torch.manual_seed(seed)
        algo = algo_factory('bc', config, shapes, actions.shape[2], torch.device('cpu'))
        algo.set_train()
        begin = time.process_time()
        for _ in range(updates):
            chosen = torch.randint(0, len(items), (config.train.batch_size,), generator=generator)
            batch = {'obs': {k: v[chosen] for k, v in seen.items()}, 'actions': actions[chosen]}
            algo.train_on_batch(algo.process_batch_for_training(batch), epoch=1)
        return algo, time.process_time() - begin

    with open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere):
        train(1)
        _, tried = train(TRIED)
        updates = max(1, int(budget / tried * TRIED))
        algo, cpu_s = train(updates)
    policy = RolloutPolicy(algo)
    told = {
        'cpu_s': cpu_s,
        'updates': updates,
        'parameters': sum(p.numel() for p in algo.nets.parameters()),
        'history': 1,
        'execute': 1,
    }
    print(json.dumps(told), flush=True)
    policy.start_episode()
    for line in sys.stdin:
        asked = json.loads(line)
        if 'seed' in asked:
            torch.manual_seed(asked['seed'])
            policy.start_episode()
            continue
        begin = time.perf_counter()
        raw = {key: np.array(asked[name][-1]) for key, name in SEEN.items()}
        now = {key: (raw[key] - scale[key][0]) / scale[key][1] for key in SEEN}
        with torch.inference_mode():
            action = policy(now) * half + middle
        if size == 'small':
            action = action + raw['state']
        took = time.perf_counter() - begin
        print(json.dumps({'actions': [action.tolist()], 'ms': 1e3 * took}), flush=True)


if __name__ == '__main__':
    main()
