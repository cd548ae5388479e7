# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics of an adversarial training in words and as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

TAGS = {
    'success': 'success/practice',
    'held_out_success': 'success/held_out_starts',
    'repaired': 'success/repaired',
    'reward': 'reward/mean',
    'accuracy': 'discriminator/accuracy',
    'rank': 'discriminator/rank_correlation_with_success',
    'kl': 'policy/kl',
    'bc': 'policy/bc_loss',
    'steps': 'cost/simulated_steps',
    'cpu_seconds': 'cost/cpu_seconds',
}
"""Metrics that TensorBoard shows, and under which name."""


def figures(row: Mapping[str, Any]) -> str:
    """Success, reward and cost of a row, in one line."""
    parts = []
    if row.get('held_out_success') is not None:
        parts.append(f'success {row["held_out_success"]:.2f} (held-out starts)')
    if row.get('success') is not None:
        parts.append(f'practice {row["success"]:.2f}')
        for key, words in (
            ('repaired', 'of the others repaired {:.2f}'),
            ('reward', 'reward {:+.2f}'),
            ('accuracy', 'told right {:.2f}'),
            ('kl', 'KL {:.3f}'),
        ):
            if row.get(key) is not None:
                parts.append(words.format(row[key]))
    parts.append(f'{row["cpu_seconds"]:.0f} CPU-s')
    return '  '.join(parts)


def draw_curves(rows: Sequence[Mapping[str, Any]], best: int, path: Path) -> None:
    """Draw success, reward and accuracy over the iterations into a PNG.

    Args:
        rows: Rows of metrics.jsonl.
        best: Iteration that is the result.
        path: The picture.
    """
    figure = Figure(figsize=(11, 3.4), layout='constrained')
    success, reward, accuracy = figure.subplots(1, 3)

    def line(key: str) -> tuple[list[int], list[float]]:
        there = [row for row in rows if row.get(key) is not None]
        return [row['update'] for row in there], [row[key] for row in there]

    success.plot(*line('success'), label='practice', color='0.6')
    success.plot(*line('held_out_success'), 'o-', label='held-out starts')
    success.plot(*line('repaired'), 's--', label='repaired, of the failed', color='C2')
    success.axvline(best, color='k', linestyle=':', label='result')
    success.set(xlabel='iteration', ylabel='success', ylim=(-0.02, 1.02))
    success.legend(frameon=False)
    reward.plot(*line('reward'))
    reward.set(xlabel='iteration', ylabel='reward of a decision')
    accuracy.plot(*line('accuracy'), label='told right')
    accuracy.plot(*line('rank'), label='rank: reward and success')
    accuracy.set(xlabel='iteration', ylabel='classifier', ylim=(-1.02, 1.02))
    accuracy.legend(frameon=False)
    for axes in (success, reward, accuracy):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.savefig(path, dpi=110)
