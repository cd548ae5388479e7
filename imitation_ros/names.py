# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Names that stand in files, before they become paths: one plain path component, or an error.

A bag, a dataset or a LeRobot folder may come from anybody. What it calls its episodes and files
must not lead anywhere else: not up, not to an absolute path, not through a link.
"""

from pathlib import Path
import re
import stat
import unicodedata

from .errors import DataError

MAX_BYTES = 255
"""Longest name that a file system takes [bytes]."""

MAX_STEM = 120
"""Longest name made of what a person typed; numbers and endings follow it [bytes]."""

_JOINERS = frozenset('-\u200c\u200d')
"""Between letters: the dash, and what joins or parts letters of Persian and of Indian scripts."""
_DRIVE = re.compile(r'[A-Za-z]:')
# Control characters, halves of characters, ends of lines; and what turns the direction of text.
_UNPRINTABLE = ('Cc', 'Cs', 'Zl', 'Zp')
_TURNS = frozenset('\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069')


def plain_name(name: object, what: str, where: object) -> str:
    """Check that a name from a file is one plain path component; returns it.

    Args:
        name: What stands in the file.
        what: What it names, for the message: "episode".
        where: The file.

    Raises:
        DataError: If it is not; names the file and the reason.
    """
    reason = _reason(name)
    if reason:
        shown = ascii(name if len(str(name)) <= 60 else f'{str(name)[:60]}...')
        raise DataError(f'{where}: the {what} {shown} is no plain name: {reason}')
    return str(name)


def _reason(name: object) -> str:
    """Why a name is no plain path component; '' if it is one."""
    if not isinstance(name, str):
        return f'it is {type(name).__name__}, not text'
    if not name:
        return 'it is empty'
    if any(unicodedata.category(letter) in _UNPRINTABLE for letter in name):
        return 'it holds a control character'
    if not _TURNS.isdisjoint(name):
        return 'it holds a character that turns the direction of text'
    size = len(name.encode())
    if size > MAX_BYTES:
        return f'it has {size} bytes, more than {MAX_BYTES}'
    # Some programs and file systems take the likes of a letter for the letter itself.
    for form in (name, unicodedata.normalize('NFKC', name)):
        if '/' in form or '\\' in form:
            return 'it holds a separator of paths'
        if form.strip() in ('', '.', '..'):
            return 'it stands for a folder itself, or the one above'
    return 'it begins with the letter of a drive' if _DRIVE.match(name) else ''


def stem_of(text: str, fallback: str, limit: int = MAX_STEM) -> str:
    """Name of files for what a person typed: its letters, marks and digits in any script.

    Args:
        text: Anything.
        fallback: The name, where there is no letter in it.
        limit: Longest name [bytes].
    """
    kept = ''.join(
        letter if unicodedata.category(letter)[0] in 'LMN' or letter in _JOINERS else '_'
        for letter in unicodedata.normalize('NFC', text[: 4 * limit])
    )
    stem = re.sub('_+', '_', kept).strip('_')
    cut = stem.encode()[:limit].decode(errors='ignore').rstrip('_')
    usable = any(unicodedata.category(letter)[0] in 'LN' for letter in cut) and not _reason(cut)
    return cut if usable else fallback


def file_inside(folder: Path, name: object, what: str, where: object) -> Path:
    """Path of a file that another file names; the file itself may be missing.

    Args:
        folder: Where it must lie.
        name: Its name, one plain path component.
        what: What it is, for the message.
        where: The file that names it.

    Raises:
        DataError: If the name is none, leads out of the folder by a link, or is that of a pipe
            or a device.
    """
    return path_inside(folder, plain_name(name, what, where), what, where)


def path_inside(
    root: Path, relative: str, what: str, where: object, also: tuple[Path, ...] = ()
) -> Path:
    """Path below a folder, made of plain components; what it leads to lies there as well.

    Args:
        root: The folder.
        relative: Path below it.
        what: What it is, for the message.
        where: The file that names it.
        also: Further folders that links may lead to.

    Raises:
        DataError: If it leads out of the folder, or to a pipe or a device.
    """
    for part in relative.split('/'):
        plain_name(part, what, where)
    path = root / relative
    try:
        real, home = path.resolve(), root.resolve()
        kind = real.stat().st_mode if real.exists() else stat.S_IFREG
    except (OSError, RuntimeError) as error:
        raise DataError(f'{where}: the {what} {relative!r} cannot be followed: {error}') from error
    if not any(real.is_relative_to(place) for place in (home, *also)):
        raise DataError(f'{where}: the {what} {relative!r} is a link that leads out of {root}')
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise DataError(f'{where}: the {what} {relative!r} is a pipe or a device, no file')
    return path
