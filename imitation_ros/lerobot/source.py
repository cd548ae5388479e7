# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a LeRobot folder says of itself."""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from ..errors import DataError, unknown
from . import layout, tables


@dataclass(frozen=True)
class Source:
    """What a LeRobot folder says of itself.

    Attributes:
        root: The folder.
        info: Its info.json.
        tasks: Tasks by index.
        episodes: Where each episode lies.
        ours: What the exporter added; empty if it was not ours.
    """

    root: Path
    info: dict[str, Any]
    tasks: dict[int, str]
    episodes: list[dict[str, Any]]
    ours: dict[str, Any]

    @property
    def fps(self) -> float:
        """Rate of the frames [Hz]."""
        return float(self.info['fps'])

    def feature(self, name: str) -> dict[str, Any]:
        """Feature by name; raises DataError, listing the features, if there is none."""
        if name not in self.info['features']:
            raise DataError(
                f'{self.root}: {unknown(name, "feature of the dataset", self.info["features"])}'
            )
        found: dict[str, Any] = self.info['features'][name]
        return found


def open_source(root: Path) -> Source:
    """Read a folder's metadata.

    Raises:
        DataError: If it is no LeRobot dataset, or one of another version.
    """
    info = _json(root / layout.INFO, f'{root} is not a LeRobot dataset (no {layout.INFO})')
    version = str(info.get('codebase_version'))
    if version != layout.VERSION:
        raise DataError(
            f'{root}: LeRobot format {version}, not {layout.VERSION}; LeRobot itself brings older '
            'datasets up to date (lerobot/scripts/convert_dataset_v21_to_v30.py)'
        )
    columns: list[dict[str, Any]] = []
    for path in sorted((root / 'meta/episodes').glob('*/*.parquet')):
        layout.inside(root, path, 'table')
        table = tables.read(path)
        kept = [name for name in table.column_names if not name.startswith('stats/')]
        columns += table.select(kept).to_pylist()
    columns.sort(key=lambda row: int(row['episode_index']))
    if not columns:
        raise DataError(f'{root}: no episodes')
    ours = root / layout.OURS
    return Source(
        root=root,
        info=info,
        tasks=tables.read_tasks(layout.inside(root, root / layout.TASKS, 'table')),
        episodes=columns,
        ours=_json(ours, '') if ours.exists() else {},
    )


def _json(path: Path, missing: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise DataError(missing or f'{path}: cannot be read') from error
    except json.JSONDecodeError as error:
        raise DataError(f'{path}: damaged: {error}') from error
    return values
