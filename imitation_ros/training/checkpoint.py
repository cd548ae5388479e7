# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: tensors and JSON in one safetensors file, without pickle.

One file, written aside and renamed, is either the old checkpoint or the new one, whenever the
power goes. A digest of the tensors is in the JSON: a flipped byte is found when it is read, not
when the robot moves.
"""

from collections.abc import Collection, Iterable, Mapping
import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import safe_open, SafetensorError
from safetensors.torch import save
from torch import Tensor

from ..documents import mapping, parse_json
from ..errors import TrainingError
from ..files import replacing

VERSION = 1
SUFFIX = '.safetensors'
FOLDER = 'checkpoints'


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def write(path: Path, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Write a checkpoint, so that it is there whole or not at all.

    Args:
        path: The file.
        tensors: Tensors by name.
        values: Plain values for JSON.

    Raises:
        TrainingError: If it cannot be written (a full disk); a former one is left as it was.
    """
    head = {'version': VERSION, 'digest': _digest(tensors), **values}
    whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=True) as temporary:
            temporary.write_bytes(save(whole, metadata={'imitation_ros': json.dumps(head)}))
    except OSError as error:
        raise TrainingError(f'cannot write the checkpoint {path}: {error.strerror}') from error


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint: its tensors and its values.

    Raises:
        TrainingError: If it is missing, damaged, or of another version.
    """
    if not path.is_file():
        raise TrainingError(f'there is no checkpoint {path}')
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            values = mapping(parse_json(metadata['imitation_ros'], path), path)
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError, KeyError, MemoryError) as error:
        raise TrainingError(
            f'the checkpoint {path} is damaged ({type(error).__name__}: {error}); '
            f'use another one of {path.parent}'
        ) from error
    if values.get('version') != VERSION:
        raise TrainingError(f'{path} has version {values.get("version")}, not {VERSION}')
    if values.get('digest') != _digest(tensors):
        raise TrainingError(
            f'the checkpoint {path} is damaged (its tensors do not match their digest); '
            f'use another one of {path.parent}'
        )
    return tensors, values


def find(path: Path, name: str = 'best') -> Path:
    """Checkpoint that a path means: the file itself, or the one of a run folder.

    Raises:
        TrainingError: If there is none; the message lists what there is.
    """
    if path.suffix == SUFFIX:
        return path
    folder = path if path.name == FOLDER else path / FOLDER
    wanted = folder / f'{name}{SUFFIX}'
    if not wanted.is_file():
        there = ', '.join(sorted(file.name for file in folder.glob(f'*{SUFFIX}'))) or 'none'
        raise TrainingError(f'there is no checkpoint {wanted} (there: {there})')
    return wanted


def refuse_another(
    path: Path,
    asked: Mapping[str, Any],
    had: Mapping[str, Any],
    free: Collection[str],
    further: Iterable[str] = (),
) -> None:
    """Refuse to resume a checkpoint of another training.

    Args:
        path: The checkpoint, to name it.
        asked: Configuration that is to go on.
        had: Configuration in the checkpoint.
        free: Keys that may differ, because they change no parameter of the result.
        further: What else differs, in words.

    Raises:
        TrainingError: With every difference.
    """
    differences = [
        f'{key}: {had.get(key)!r} then, {asked[key]!r} now'
        for key in asked
        if key not in free and had.get(key) != asked[key]
    ]
    differences += further
    if differences:
        raise TrainingError(
            f'{path} cannot be resumed, it was another training: ' + '; '.join(differences)
        )
