# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write files and folders so that whoever reads them finds the old or the new, never half."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import os
from pathlib import Path
import shutil


@contextmanager
def replacing(path: Path, durable: bool = False) -> Iterator[Path]:
    """Give a path to write to; what stands there takes the place of `path` at the end.

    If the block raises, `path` is as it was, and what was written is removed.

    Args:
        path: The file.
        durable: Whether it has to survive a power cut from then on.

    Raises:
        OSError: If it cannot be written or renamed.
    """
    temporary = path.with_name(f'{path.name}.tmp')
    try:
        yield temporary
        if durable:
            with temporary.open('rb') as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            sync_folder(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def new_folder(path: Path) -> Iterator[None]:
    """Leave a folder that a block fills as it was, absent or empty, if the block raises.

    A folder in which something lay before is not touched.
    """
    before = path.is_dir()
    if before and any(path.iterdir()):
        yield
        return
    try:
        yield
    except BaseException:
        for entry in path.iterdir() if path.is_dir() else ():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        if not before:
            with suppress(OSError):
                path.rmdir()
        raise


def replace_text(path: Path, text: str, durable: bool = False) -> None:
    """Write text (UTF-8) in place of what a file holds; arguments and errors as `replacing`."""
    with replacing(path, durable) as temporary:
        temporary.write_text(text, encoding='utf-8')


def sync_folder(path: Path) -> None:
    """Make names in a folder survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
