# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plug-ins: what other distributions add to ours, found by their entry points.

    [project.entry-points."imitation_ros.tasks"]
    my_task = "my_package.my_module:MY_TASK"

A registry is a visible dict of what is built in, and what is plugged in beside it. A plug-in is
imported when it is asked for, so that one that is broken stops nobody else; every process looks
for itself, the nodes as well as the command line.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
import importlib.metadata
import multiprocessing
import sys
from typing import Any, Generic, TypeVar

from .errors import DataError, PluginError, unknown

PREFIX = 'imitation_ros.'
OURS = 'imitation_ros'
GROUPS = ('policies', 'irl', 'tasks', 'experts', 'devices', 'perturbations')
"""What can be plugged in; the group of the entry points is called `imitation_ros.<this>`."""

Thing = TypeVar('Thing')
Fits = Callable[[str, Any], str]
"""Says what is wrong with an object under a name; '' if nothing is."""


@dataclass(frozen=True)
class Source:
    """Where a plug-in comes from.

    Attributes:
        distribution: Name and version of what was installed.
        entry: The entry point.
    """

    distribution: str
    entry: importlib.metadata.EntryPoint


@dataclass(frozen=True)
class Listed:
    """One entry of a registry, as `imitation_ros plugins` shows it.

    Attributes:
        group: One of `GROUPS`.
        name: Its name.
        distribution: Name and version of what it comes from.
        value: Where it is, as `module:object`; '' for what is built in.
        error: Why it cannot be used; '' if it can.
    """

    group: str
    name: str
    distribution: str
    value: str = ''
    error: str = ''


@cache
def _sources() -> dict[str, dict[str, tuple[Source, ...]]]:
    """Every plug-in by group and name; more than one has a name that is taken twice."""
    found: dict[str, dict[str, tuple[Source, ...]]] = {group: {} for group in GROUPS}
    seen = set()
    for distribution in importlib.metadata.distributions():
        ours = [e for e in distribution.entry_points if e.group.startswith(PREFIX)]
        if not ours or distribution.name.lower() in seen:  # the first on the path is imported
            continue
        seen.add(distribution.name.lower())
        for entry in ours:
            names = found.get(entry.group.removeprefix(PREFIX), {})
            source = Source(f'{distribution.name} {distribution.version}', entry)
            names[entry.name] = (*names.get(entry.name, ()), source)
    return found


def names(group: str) -> tuple[str, ...]:
    """Names that plug-ins of a group have, without importing one."""
    return tuple(_sources()[group])


def own_name(name: str, thing: Any) -> str:
    """Wrong is a name that is not the thing's own `name`."""
    if thing.name == name:
        return ''
    return f'its own name is "{thing.name}"'


def look_again() -> None:
    """Forget what was found, since something was installed or removed meanwhile."""
    _sources.cache_clear()
    _REPORTED.clear()
    for registry in REGISTRIES.values():
        registry.forget()


_REPORTED: set[str] = set()


def report(line: str) -> None:
    """Say once, on stderr, what is wrong with a plug-in; workers leave it to who started them."""
    if line not in _REPORTED and multiprocessing.parent_process() is None:
        sys.stderr.write(f'warning: {line}\n')
    _REPORTED.add(line)


class Registry(Mapping[str, Thing], Generic[Thing]):
    """What is built in and what is plugged in, by name.

    Iteration gives every name and imports nothing; `registry[name]` imports one plug-in,
    `usable` all of them.

    Attributes:
        group: One of `GROUPS`.
        what: What one of them is, in messages.
        built_in: Those that come with the package.
    """

    def __init__(
        self,
        group: str,
        what: str,
        built_in: dict[str, Thing],
        kind: type[Thing] | None = None,
        fits: Fits | None = None,
    ) -> None:
        """Begin with what is built in.

        Args:
            group: One of `GROUPS`.
            what: What one of them is, in messages: "task".
            built_in: Those that come with the package.
            kind: Class that a plug-in must be an instance of.
            fits: Says what else is wrong with a plug-in, such as a name that is not its own.
        """
        self.group, self.what, self.built_in = group, what, built_in
        self._kind, self._fits = kind, fits
        self._loaded: dict[str, Thing] = {}
        self._errors: dict[str, str] = {}
        self._refused = False
        REGISTRIES[group] = self

    def forget(self) -> None:
        """Forget what was loaded."""
        self._loaded.clear()
        self._errors.clear()
        self._refused = False

    def __getitem__(self, name: str) -> Thing:
        """What has a name; a plug-in is imported.

        Raises:
            KeyError: If nothing has it.
            PluginError: If the plug-in that has it is broken, or two have it.
        """
        found = self._plugged()
        if name in self.built_in:
            return self.built_in[name]
        if name not in found:
            raise KeyError(name)
        if name not in self._loaded:
            if name not in self._errors:
                self._load(name, found[name])
            if name in self._errors:
                raise PluginError(self._errors[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        """Names: what is built in first."""
        yield from self.built_in
        yield from (name for name in self._plugged() if name not in self.built_in)

    def __len__(self) -> int:
        """Count the names."""
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        """Whether something has a name; nothing is imported."""
        return name in self.built_in or name in self._plugged()

    def find(self, name: str, error: type[Exception] = DataError) -> Thing:
        """What has a name, or an error that lists the choices.

        Raises:
            error: If nothing has it.
            PluginError: As `registry[name]`.
        """
        if name not in self:
            raise error(unknown(name, self.what, self))
        return self[name]

    def usable(self) -> dict[str, Thing]:
        """Everything; a plug-in that cannot be used is left out, with a line on stderr."""
        found = {}
        for name in self:
            try:
                found[name] = self[name]
            except PluginError as error:
                report(str(error))
        return found

    def listed(self) -> list[Listed]:
        """Everything with where it comes from; plug-ins that cannot be used say why."""
        self.usable()
        rows = [Listed(self.group, name, OURS) for name in self.built_in]
        for name, sources in self._plugged().items():
            error = self._errors.get(name, '')
            if name in self.built_in:
                error = _taken(self.group, name, OURS, *(s.distribution for s in sources))
            rows += [
                Listed(self.group, name, s.distribution, s.entry.value, error) for s in sources
            ]
        return rows

    def _plugged(self) -> Mapping[str, tuple[Source, ...]]:
        """Plug-ins of this group; names that are built in are refused, and reported once."""
        found = _sources()[self.group]
        if not self._refused:
            self._refused = True
            for name in found.keys() & self.built_in.keys():
                report(_taken(self.group, name, OURS, *(s.distribution for s in found[name])))
        return found

    def register(self, name: str, thing: Thing) -> None:
        """Add one in this process alone, from a program; an entry point adds it everywhere.

        Args:
            name: What it is called from now on.
            thing: It.

        Raises:
            PluginError: If the name is taken, or it does not fit.
        """
        if name in self:
            raise PluginError(f'there is a {self.what} "{name}" already; choose another name')
        if wrong := self._wrong(name, thing):
            raise PluginError(f'"{name}" cannot be a {self.what}: {wrong}')
        self.built_in[name] = thing

    def _wrong(self, name: str, thing: Any) -> str:
        """What is wrong with a thing under a name; '' if nothing is."""
        if self._kind is not None and not isinstance(thing, self._kind):
            kind = type(thing).__name__ if not isinstance(thing, type) else f'class {thing}'
            return f'it is no {self._kind.__name__}, but a {kind}'
        return '' if self._fits is None else self._fits(name, thing)

    def _load(self, name: str, sources: tuple[Source, ...]) -> None:
        """Import a plug-in, or remember why it cannot be used."""
        if len(sources) > 1:
            each = (source.distribution for source in sources)
            self._errors[name] = _taken(self.group, name, *each)
            return
        (source,) = sources
        where = (
            f'the plug-in "{name}" of {PREFIX}{self.group} from {source.distribution} '
            f'({source.entry.value})'
        )
        try:
            thing = source.entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001  (somebody else's module)
            told = ' '.join(str(error).split())
            self._errors[name] = f'{where} cannot be loaded: {type(error).__name__}: {told}'
            return
        wrong = self._wrong(name, thing)
        if wrong:
            self._errors[name] = f'{where} cannot be used: {wrong}'
        else:
            self._loaded[name] = thing


REGISTRIES: dict[str, Registry[Any]] = {}
"""The registries that have been imported, by group."""


def _taken(group: str, name: str, *distributions: str) -> str:
    """Who has one name in one group."""
    first, *others = distributions
    end = 'the one of imitation_ros is used' if first == OURS else 'remove all but one'
    return (
        f'the name "{name}" of {PREFIX}{group} is taken twice, by {first} and by '
        f'{" and ".join(others)}; {end}'
    )
