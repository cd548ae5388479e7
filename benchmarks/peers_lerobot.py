# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ACT and diffusion of LeRobot, run by benchmarks/peers_task.py with the peer's own Python.

As they come, or small enough for a processor, as ours are; trained with the peer's own dataset,
statistics, losses, optimizer and schedule until a CPU time is spent, on one thread. All windows
are read before the clock starts, in favour of the peer. Then one line of JSON for each inference.

It sees and moves the joints that ours see and move, and no others: joints that stand still differ
by 1e-19 rad in the demonstrations, its scaling by least and greatest makes numbers between -1
and 1 of that, and of the first push on the robot numbers without bounds.

python peers_lerobot.py DATASET_ROOT act|diffusion default|small CPU_SECONDS SEED COLUMN,COLUMN,...
"""

import json
from pathlib import Path
import sys
import time
from typing import Any

from lerobot.configs import FeatureType
from lerobot.datasets import LeRobotDataset, LeRobotDatasetMetadata
from lerobot.policies import make_pre_post_processors
from lerobot.policies.factory import get_policy_class, make_policy_config
from lerobot.utils.feature_utils import dataset_to_policy_features
import torch

# Its diffusion foretells the chunk and not the noise: with the noise, its default, 550 updates end
# with errors of 0.1 rad on the demonstrations themselves, with the chunk with 0.008.
SMALL: dict[str, dict[str, Any]] = {
    'act': {
        'chunk_size': 12,
        'n_action_steps': 4,
        'dim_model': 128,
        'n_heads': 4,
        'dim_feedforward': 512,
        'n_encoder_layers': 2,
        'n_vae_encoder_layers': 2,
        'optimizer_lr': 1e-3,
    },
    'diffusion': {
        'horizon': 16,
        'n_action_steps': 4,
        'drop_n_last_frames': 0,
        'down_dims': (64, 128),
        'noise_scheduler_type': 'DDIM',
        'prediction_type': 'sample',
        'num_inference_steps': 10,
        'do_mask_loss_for_padding': True,
        'optimizer_lr': 1e-3,
        'scheduler_warmup_steps': 100,
    },
}
BATCH = {'default': 8, 'small': 64}
SEEN = ('observation.state', 'observation.environment_state')
MOVED = ('observation.state', 'action')
TRIED = 3
"""Updates that are timed before the training, to find out how many there will be."""


def main() -> None:
    """Train, say what it cost, then serve actions."""
    root, kind, size = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    budget, seed = float(sys.argv[4]), int(sys.argv[5])
    torch.set_num_threads(1)
    meta = LeRobotDatasetMetadata(root.name, root=root)
    columns = [int(text) for text in sys.argv[6].split(',')]
    features = dataset_to_policy_features(meta.features)
    stats = {key: dict(values) for key, values in meta.stats.items()}
    for key in MOVED:
        whole = features[key].shape
        features[key].shape = (len(columns),)
        stats[key] = {k: v[columns] if v.shape == whole else v for k, v in stats[key].items()}
    acts = {k: f for k, f in features.items() if f.type is FeatureType.ACTION}
    config = make_policy_config(
        kind,
        input_features={k: features[k] for k in SEEN},
        output_features=acts,
        device='cpu',
        **(SMALL[kind] if size == 'small' else {}),
    )
    pre, post = make_pre_post_processors(config, dataset_stats=stats)
    deltas = {'action': [i / meta.fps for i in config.action_delta_indices]}
    if config.observation_delta_indices is not None:
        deltas |= {k: [i / meta.fps for i in config.observation_delta_indices] for k in SEEN}
    dataset = LeRobotDataset(root.name, root=root, delta_timestamps=deltas)
    items = [dataset[i] for i in range(len(dataset))]
    keys = (*SEEN, 'action', 'action_is_pad')
    windows = {k: torch.stack([item[k] for item in items]) for k in keys}
    windows |= {k: windows[k][..., columns] for k in MOVED}
    generator = torch.Generator().manual_seed(seed)

    def train(updates: int) -> tuple[Any, float]:
        torch.manual_seed(seed)
        policy = get_policy_class(kind)(config)
        policy.train()
        optimizer = config.get_optimizer_preset().build(policy.get_optim_params())
        preset = config.get_scheduler_preset()
        schedule = None if preset is None else preset.build(optimizer, updates)
        begin = time.process_time()
        for _ in range(updates):
            chosen = torch.randint(0, len(items), (BATCH[size],), generator=generator)
            batch = pre({k: v[chosen] for k, v in windows.items()})
            loss, _ = policy.forward(batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), 10.0)
            optimizer.step()
            optimizer.zero_grad()
            if schedule is not None:
                schedule.step()
        return policy.eval(), time.process_time() - begin

    train(1)
    _, tried = train(TRIED)
    updates = max(1, int(budget / tried * TRIED))
    policy, cpu_s = train(updates)
    told = {
        'cpu_s': cpu_s,
        'updates': updates,
        'parameters': sum(p.numel() for p in policy.parameters()),
        'history': config.n_obs_steps,
        'execute': config.n_action_steps,
    }
    print(json.dumps(told), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if 'seed' in asked:
            torch.manual_seed(asked['seed'])
            continue
        begin = time.perf_counter()
        seen = {k: torch.tensor(asked[k], dtype=torch.float32)[None] for k in SEEN}
        if config.n_obs_steps == 1:
            seen = {k: v[:, 0] for k, v in seen.items()}
        with torch.inference_mode():
            policy.reset()
            chunk = post(policy.predict_action_chunk(pre(seen)))[0]
        took = time.perf_counter() - begin
        actions = chunk[: config.n_action_steps].tolist()
        print(json.dumps({'actions': actions, 'ms': 1e3 * took}), flush=True)


if __name__ == '__main__':
    main()
