# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Drop, relabel and merge episodes without touching a recorded message.

`merge` makes new bags. `drop` moves a bag into the session's `.dropped` folder and
`relabel` writes the labels in its metadata.yaml; both can be undone, and neither opens the
recording itself for writing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
import json
import os
from pathlib import Path
import shutil

from ...data.episode import EpisodeMeta, Outcome, UNSTATED
from ...documents import parse_json, reading
from ...errors import BagError
from ...files import sync_folder
from ...names import plain_name
from ..layout import (
    bag_files,
    custom_data,
    CUSTOM_KEY,
    DROPPED,
    METADATA,
    next_name,
    parse_meta,
    read_information,
    SUFFIX,
    update_meta,
    used_names,
    write_information,
)
from ..reader import Bag

LABELS = 'labels_before'
"""Key of EpisodeMeta.extra: JSON list of the labels a bag had before it was relabelled."""


@dataclass(frozen=True)
class Change:
    """What was done to one bag, or would be.

    Attributes:
        bag: The bag.
        target: Where the result is; None if there is none.
        note: What was done, one sentence.
        changed: Whether anything was to be done.
    """

    bag: Path
    target: Path | None
    note: str
    changed: bool = True


def meta_of(path: Path) -> EpisodeMeta:
    """Meta of a bag's folder, without opening the recording.

    Raises:
        BagError: If it is unfinished, or its metadata.yaml is missing or damaged.
    """
    if path.name.endswith(SUFFIX):
        raise BagError(f'{path}: the recording was never finished; run "imitation_ros repair"')
    if not (path / METADATA).is_file():
        raise BagError(f'{path}: has no {METADATA}; run "imitation_ros repair"')
    text = (read_information(path).get('custom_data') or {}).get(CUSTOM_KEY)
    return parse_meta(text, path) if text else EpisodeMeta(path.name, outcome=UNSTATED)


@dataclass(frozen=True)
class Labels:
    """New labels; what is None stays as it is."""

    outcome: Outcome | None = None
    task: str | None = None
    operator: str | None = None


def relabel(path: Path, labels: Labels, dry_run: bool = False) -> Change:
    """Change the labels in a bag's metadata.yaml; the ones it had are kept in it, for `undo`.

    Raises:
        BagError: If the bag has no metadata.yaml, or it cannot be written.
    """
    meta = meta_of(path)
    old = {'outcome': meta.outcome, 'task': meta.task, 'operator': meta.operator}
    new = {key: value for key, value in vars(labels).items() if value not in (None, old[key])}
    if not new:
        return Change(path, path, 'is labelled so already', changed=False)
    note = ', '.join(f'{key} "{old[key]}" to "{value}"' for key, value in new.items())
    if not dry_run:
        history = [*_history(path, meta), old]
        extra = {**meta.extra, LABELS: json.dumps(history)}
        update_meta(path, EpisodeMeta.from_dict({**meta.to_dict(), **new, 'extra': extra}))
    return Change(path, path, note)


def _history(path: Path, meta: EpisodeMeta) -> list[dict[str, str]]:
    """Labels that a bag had before, the oldest first.

    Raises:
        DocumentError: If what the bag says of them is none.
    """
    with reading(path):
        told = parse_json(meta.extra.get(LABELS, '[]'), path)
        return [{str(key): str(label) for key, label in labels.items()} for labels in told]


def undo_relabel(path: Path, dry_run: bool = False) -> Change:
    """Give a bag the labels it had before it was last relabelled."""
    meta = meta_of(path)
    history = _history(path, meta)
    if not history:
        return Change(path, path, 'was never relabelled', changed=False)
    old = history.pop()
    extra = {key: value for key, value in meta.extra.items() if key != LABELS}
    if history:
        extra[LABELS] = json.dumps(history)
    if not dry_run:
        update_meta(path, EpisodeMeta.from_dict({**meta.to_dict(), **old, 'extra': extra}))
    return Change(path, path, ', '.join(f'{key} back to "{value}"' for key, value in old.items()))


def drop(path: Path, dry_run: bool = False) -> Change:
    """Move a bag into its session's `.dropped` folder, where no verb looks for data.

    Raises:
        BagError: If it cannot be moved.
    """
    if path.name.endswith(SUFFIX):
        raise BagError(f'{path}: may be recording; stop it or run "imitation_ros repair" first')
    target = path.parent / DROPPED / path.name
    return _move(path, target, f'moved to {DROPPED}/', dry_run)


def restore(session: Path, names: Iterable[str] = (), dry_run: bool = False) -> list[Change]:
    """Move dropped bags back; all of them if no names are given.

    Raises:
        BagError: If a name was never dropped, or a bag cannot be moved.
    """
    folder = session / DROPPED
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        if name not in there:
            raise BagError(
                f'{folder} holds no "{name}"; it holds: {", ".join(there) or "nothing"}'
            )
    chosen = list(names) or there
    return [_move(folder / name, session / name, 'moved back', dry_run) for name in chosen]


def _move(path: Path, target: Path, note: str, dry_run: bool) -> Change:
    if target.exists():
        raise BagError(f'{target} is there already')
    if not dry_run:
        try:
            target.parent.mkdir(exist_ok=True)
            os.rename(path, target)
            sync_folder(target.parent)
            sync_folder(path.parent)
        except OSError as error:
            raise BagError(f'cannot move {path} to {target}: {error.strerror}') from error
    return Change(path, target, note)


def merge(
    paths: Iterable[Path], out: Path, link: bool = False, dry_run: bool = False
) -> list[Change]:
    """Copy bags into one session; where two have the same name, the later gets a free number.

    Args:
        paths: The bags, in the order in which they get their numbers.
        out: The session; it may hold episodes.
        link: Whether to hard-link the recordings instead of copying them: no room is taken, and
            since no verb ever writes into a recording, neither name can harm the other.
        dry_run: Whether to only tell.

    Raises:
        BagError: If a bag is unfinished, or the disk refuses it.
    """
    chosen = list(paths)
    used, changes = used_names(out), []
    every = used | {path.name for path in chosen}
    for path in chosen:
        meta = meta_of(path)
        name = path.name
        if name in used:
            stem = name.rsplit('_', 1)[0] if name.rsplit('_', 1)[-1].isdigit() else name
            name = next_name(stem, every)
        used.add(name)
        every.add(name)
        target = out / name
        if not dry_run:
            _copy(path, target, meta, link)
        note = 'linked' if link else 'copied'
        changes.append(Change(path, target, note + (f' as {name}' if name != path.name else '')))
    return changes


def _copy(path: Path, target: Path, meta: EpisodeMeta, link: bool) -> None:
    """Copy one bag's folder under another name; it appears when it is whole."""
    part = target.with_name(f'.{target.name}.part')
    information = dict(read_information(path))
    files = bag_files(path, information)
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        renamed = {}
        for recording in files:
            name = recording.name
            new = name.replace(path.name, target.name, 1) if path.name in name else name
            renamed[name] = new
            if link:
                os.link(recording, part / new)
            else:
                shutil.copy2(recording, part / new)
        information['relative_file_paths'] = list(renamed.values())
        with reading(path / METADATA):
            for file in information.get('files') or ():
                named = plain_name(file['path'], 'file', path)
                file['path'] = renamed.get(named) or named
        if (information.get('custom_data') or {}).get(CUSTOM_KEY):
            source = f'{path.resolve().parent.name}/{path.name}'
            meta = replace(meta, episode=target.name, extra={**meta.extra, 'merged_from': source})
            information['custom_data'] = {**information['custom_data'], **custom_data(meta)}
        write_information(part, information)
        with Bag(part):
            pass
        os.rename(part, target)
        sync_folder(target.parent)
    except OSError as error:
        raise BagError(f'cannot copy {path} to {target}: {error.strerror or error}') from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
