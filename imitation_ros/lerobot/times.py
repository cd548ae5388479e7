# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a LeRobot dataset says one thing twice about time, both are read and compared.

Rows stand `1 / fps` apart by info.json, by the column `timestamp`, and by `frame_index`; a video
lasts from `from_timestamp` to `to_timestamp`, and as long as its rows.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError
from . import tables
from .options import LongerVideo

RATES_AGREE = 0.02
"""Two rates are one if they differ by no more than this share."""
HALF = 0.5
"""A frame further than this from where it should be is another one [frames]."""


def check_rows(table: pa.Table, steps: int, fps: float, given: bool) -> None:
    """Compare the rows of an episode, in the order of frame_index, with their count and rate.

    Args:
        table: The rows.
        steps: How many the table of episodes tells.
        fps: Rate of the frames [Hz].
        given: Whether the user gave that rate, and the column `timestamp` has no say.

    Raises:
        DataError: If they disagree; says by how much and where.
    """
    if table.num_rows != steps:
        raise DataError(f'{table.num_rows} rows, not {steps}')
    if 'frame_index' in table.column_names:
        found = tables.numbers(table, 'frame_index').reshape(-1)
        wrong = np.flatnonzero(found != np.arange(steps))
        if len(wrong):
            at = int(wrong[0])
            raise DataError(
                f'row {at} has frame_index {found[at]}: frames are missing or stand twice'
            )
    if given or 'timestamp' not in table.column_names or steps < 2:
        return
    times = tables.numbers(table, 'timestamp').reshape(-1).astype(np.float64)
    if not np.isfinite(times).all():
        raise DataError('its timestamps hold NaN or infinity')
    between = np.diff(times)
    rate = 1.0 / max(float(np.median(between)), 1e-9)
    if not (1 - RATES_AGREE < rate / fps < 1 + RATES_AGREE):
        raise DataError(
            f'its timestamps run at {rate:.4g} Hz, info.json says {fps:g} Hz (--fps names the '
            'right one)'
        )
    off = np.abs(between * fps - 1.0)
    if off.max() > HALF:
        at = int(off.argmax())
        raise DataError(
            f'its timestamps leap by {between[at]:.3f} s after row {at}, where rows stand '
            f'{1 / fps:.3f} s apart: frames are missing (--fps {fps:g} takes them as they are)'
        )


def video_start(row: Mapping[str, Any], key: str, fps: float, longer: LongerVideo) -> float:
    """Where the first frame of an episode stands in its video [s].

    Args:
        row: Its row of the table of episodes.
        key: The camera's feature.
        fps: Rate of the video [Hz].
        longer: Which frames of a video that is longer than its rows belong to them.

    Raises:
        DataError: If video and rows differ in length, and nobody says which frames count.
    """
    begin, steps = float(row[f'videos/{key}/from_timestamp']), int(row['length'])
    told = row.get(f'videos/{key}/to_timestamp')
    if told is None:
        return begin
    frames = (float(told) - begin) * fps
    if abs(frames - steps) <= HALF:
        return begin
    if frames > steps and longer:
        return begin if longer == 'first' else float(told) - steps / fps
    hint = ' (--longer-video first or last says which belong to them)' if frames > steps else ''
    raise DataError(
        f'"{key}": its video has {frames:.0f} frames for {steps} rows; which picture belongs to '
        f'which row is not told{hint}'
    )


def stray_frames(
    rows: Sequence[Mapping[str, Any]], key: str, fps: float, length: Callable[[int, int], int]
) -> list[str]:
    """Say which stretches of the videos of a camera belong to two episodes, or to none.

    Args:
        rows: The table of episodes.
        key: The camera's feature.
        fps: Rate of the videos [Hz].
        length: Number of frames of a file by its chunk and number; 0 if that is not known.
    """
    files: dict[tuple[int, int], list[tuple[float, float, int]]] = {}
    names = ('chunk_index', 'file_index', 'from_timestamp', 'to_timestamp')
    for row in rows:
        values: list[Any] = [row.get(f'videos/{key}/{name}') for name in names]
        if None in values:
            return []
        chunk, file, begin, end = values
        spans = files.setdefault((int(chunk), int(file)), [])
        spans.append((float(begin), float(end), int(row['episode_index'])))
    found = []
    for (chunk, file), spans in files.items():
        spans.sort()
        rest = length(chunk, file) - round(spans[-1][1] * fps)
        if rest > 0:
            found.append(
                f'"{key}": {rest} frames at the end of video {chunk}/{file} belong to no episode; '
                'if they are of a discarded take, pictures may not be those of their rows'
            )
        for (_, end, one), (begin, _, other) in pairwise(spans):
            apart = (begin - end) * fps
            if apart > HALF:
                found.append(
                    f'"{key}": {apart:.0f} frames between episodes {one} and {other} belong to '
                    'none'
                )
            elif apart < -HALF:
                found.append(
                    f'"{key}": episodes {one} and {other} share {-apart:.0f} frames of video'
                )
    return found
