# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parquet tables of a LeRobot dataset."""

from collections.abc import Iterator, Mapping, Sequence
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
import pyarrow as pa
import pyarrow.parquet as pq

from ..data.frame import Image
from ..errors import DataError

PICTURE = pa.struct([pa.field('bytes', pa.binary()), pa.field('path', pa.string())])
"""How a table holds an image."""


def column(values: NDArray[Any]) -> pa.Array:
    """Column of numbers, shape (T,) or (T, 1), or of vectors, shape (T, k)."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    width = 1 if values.ndim == 1 else values.shape[1]
    return flat if width == 1 else pa.FixedSizeListArray.from_arrays(flat, width)


def pictures(images: Image) -> pa.Array:
    """Column of lossless PNG images, of shape (T, height, width, channels)."""
    rows = []
    for number, image in enumerate(images):
        done, data = cv2.imencode('.png', np.ascontiguousarray(image[:, :, ::-1]))
        if not done:
            raise DataError(f'cannot encode an image of shape {image.shape} as PNG')
        rows.append({'bytes': data.tobytes(), 'path': f'frame-{number:06d}.png'})
    return pa.array(rows, PICTURE)


def numbers(table: pa.Table, name: str) -> NDArray[Any]:
    """Values of a column, shape (T,) or (T, k)."""
    cells = table[name].combine_chunks()
    if _listing(cells.type):
        inner = cells.flatten()
        while _listing(inner.type):
            inner = inner.flatten()
        flat: NDArray[Any] = inner.to_numpy(zero_copy_only=False)
        if not len(cells) or len(flat) % len(cells):
            raise DataError(f'the vectors of "{name}" differ in length')
        return flat.reshape(len(cells), -1)
    values: NDArray[Any] = cells.to_numpy(zero_copy_only=False)
    return values


def _listing(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


def vectors(table: pa.Table, name: str) -> NDArray[Any]:
    """Values of a column, shape (T, k): a vector of one number may stand there as the number."""
    values = numbers(table, name)
    return values.reshape(len(values), -1)


def images(table: pa.Table, name: str, depth: bool) -> Iterator[Image]:
    """Decode the images of a column, shape (height, width, channels)."""
    for cell in table[name]:
        data = cell['bytes'].as_py() if pa.types.is_struct(cell.type) else cell.as_py()
        if not isinstance(data, bytes):
            raise DataError(f'"{name}" names image files in place of holding images')
        how = cv2.IMREAD_ANYDEPTH if depth else cv2.IMREAD_COLOR
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), how)
        if decoded is None:
            raise DataError(f'"{name}" holds an image that cannot be decoded')
        image: Image = decoded[:, :, None] if depth else np.ascontiguousarray(decoded[:, :, ::-1])
        yield image


def write_tasks(path: Path, tasks: Sequence[str]) -> None:
    """Write the tasks as the pandas table LeRobot expects: the task is its index."""
    fields = [
        {'name': 'task_index', 'pandas_type': 'int64', 'numpy_type': 'int64'},
        {'name': 'task', 'pandas_type': 'unicode', 'numpy_type': 'object'},
    ]
    described = {
        'index_columns': ['task'],
        'column_indexes': [],
        'columns': [{**entry, 'field_name': entry['name'], 'metadata': None} for entry in fields],
        'creator': {'library': 'pyarrow', 'version': pa.__version__},
        'pandas_version': '2.0.0',
    }
    table = pa.table({'task_index': np.arange(len(tasks)), 'task': pa.array(tasks, pa.string())})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({'pandas': json.dumps(described)}), path)


def read_tasks(path: Path) -> dict[int, str]:
    """Tasks by their index; their column's name depends on who wrote the table."""
    table = read(path)
    texts = [name for name in table.column_names if name != 'task_index']
    if 'task_index' not in table.column_names or len(texts) != 1:
        raise DataError(f'{path}: not a table of tasks, columns: {table.column_names}')
    found = zip(table['task_index'].to_pylist(), table[texts[0]].to_pylist(), strict=True)
    return {int(index): str(text) for index, text in found}


def write_episodes(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write where every episode lies, and its statistics."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)


def read(path: Path, columns: Sequence[str] | None = None, episode: int | None = None) -> pa.Table:
    """Read a table, or the rows of one episode.

    Raises:
        DataError: If it is missing, damaged, or lacks a column.
    """
    chosen = None if episode is None else [('episode_index', '=', episode)]
    try:
        return pq.read_table(path, columns=columns, filters=chosen, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f'{path}: cannot be read: {error}') from error
