# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Instructions within an episode: LeRobot gives every row its own task."""

from collections.abc import Mapping, Sequence
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
import pyarrow as pa

from ..data.episode import EpisodeMeta
from . import tables

KEY = 'instructions'
"""Of an episode's meta: JSON, a list of the row at which each instruction begins and its text."""
JOIN = ', then '


def instructions_of(
    row: Mapping[str, Any], table: pa.Table, tasks: Mapping[int, str]
) -> tuple[str, list[tuple[int, str]]]:
    """Task of an episode, and where its rows begin another one; () if they never do.

    Args:
        row: The episode's row of the table of episodes.
        table: Its own rows.
        tasks: Tasks by index.
    """
    told = [str(task) for task in row.get('tasks') or ()]
    if 'task_index' not in table.column_names or not table.num_rows:
        return JOIN.join(dict.fromkeys(told)), []
    numbers = tables.numbers(table, 'task_index').reshape(-1).astype(np.int64)
    starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist()]
    texts = [tasks.get(int(numbers[start]), '') for start in starts]
    if len(starts) == 1:
        # The table of episodes is right where the index is of another dataset's tasks.
        return texts[0] or (told[0] if told else ''), []
    return JOIN.join(dict.fromkeys(texts)), list(zip(starts, texts, strict=True))


def instructions_from(meta: EpisodeMeta, steps: int) -> tuple[list[str], NDArray[np.int64]]:
    """Instructions of an episode, and which of them each row follows, shape (T,)."""
    try:
        changes: Sequence[Any] = json.loads(meta.extra.get(KEY, '[]'))
        starts = [int(start) for start, _ in changes]
        texts = [str(text) for _, text in changes]
    except (ValueError, TypeError):
        starts, texts = [], []
    if not starts or starts[0] != 0 or starts != sorted(set(starts)):
        return [meta.task], np.zeros(steps, np.int64)
    names = list(dict.fromkeys(texts))
    places = np.searchsorted(starts, np.arange(steps), side='right') - 1
    order = np.array([names.index(text) for text in texts], np.int64)
    return names, order[places]
