# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plan of a comparison: methods x numbers of demonstrations x seeds, and what is done to each."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any

from ...documents import read_json_mapping
from ...errors import counted, DataError
from ...irl.methods import METHODS as IRL_METHODS
from ...sim.perturbations import parse, Setting
from ...sim.tasks import TASKS
from ...training.config import METHODS

NOMINAL = 'nominal'
KNOCK = 'slip:3'
"""The disturbance in mid-task that recovery is measured with: a hand is 10 cm aside."""

START = 'start:2'
CONDITIONS = (NOMINAL, START, 'push:2', KNOCK, 'delay:2', 'noise:2', 'mass:2', 'dropout:2')
FEW = (NOMINAL, START)
"""Conditions with fewer than the most demonstrations."""

UNSEEN = 100_000
"""First seed of the trials; demonstrations begin at 0 and take a thousand for each seed."""

DEMO_SEEDS = 1000

BC = 'bc'
"""Method that those which practise begin with."""

PLAN = 'plan.json'


@dataclass(frozen=True)
class Cell:
    """One training: a method, on so many demonstrations, with one seed."""

    method: str
    demos: int
    seed: int

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f'{self.method}-{self.demos:03d}-{self.seed}'.replace('+', '_')


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes:
        robot: Contract.
        task: Task.
        methods: Methods asked for, known here or not.
        demos: Numbers of demonstrations, rising.
        seeds: Number of seeds; each has demonstrations and a network of its own.
        trials: Trials of each cell under each condition, paired between cells by their seeds.
        conditions: Conditions with the most demonstrations: `nominal`, or a perturbation.
        updates: Length of each training, thrice that of BC; that of the method's YAML if None.
    """

    robot: str
    task: str
    methods: tuple[str, ...]
    demos: tuple[int, ...]
    seeds: int
    trials: int
    conditions: tuple[str, ...] = CONDITIONS
    updates: int | None = None

    def __post_init__(self) -> None:
        """Check the names and the counts."""
        TASKS.find(self.task)
        if not self.methods or len(set(self.methods)) < len(self.methods):
            raise DataError(f'methods: {", ".join(self.methods) or "none"}: name each once')
        if list(self.demos) != sorted(set(self.demos)) or not self.demos or self.demos[0] < 1:
            raise DataError(f'numbers of demonstrations must rise from 1: {self.demos}')
        if self.seeds < 1 or self.trials < 2:
            seeds, trials = counted(self.seeds, 'seed'), counted(self.trials, 'trial')
            raise DataError(f'{seeds} of {trials}: at least 1 and 2')
        if NOMINAL not in self.conditions:
            raise DataError(f'the condition "{NOMINAL}" is what all others are compared with')
        for condition in self.conditions:
            settings(condition)

    @property
    def known(self) -> tuple[str, ...]:
        """Methods that can be trained here."""
        return tuple(method for method in self.methods if is_trainable(method))

    @property
    def unknown(self) -> tuple[str, ...]:
        """Methods that cannot."""
        return tuple(method for method in self.methods if not is_trainable(method))

    def cells(self) -> Iterator[Cell]:
        """Every training, the cheapest first, so that a page can be made early."""
        for demos in self.demos:
            for seed in range(self.seeds):
                for method in self.known:
                    yield Cell(method, demos, seed)

    def conditions_of(self, cell: Cell) -> tuple[str, ...]:
        """Conditions that a cell is tried under."""
        if cell.demos == self.demos[-1]:
            return self.conditions
        return tuple(condition for condition in self.conditions if condition in FEW)

    def trial_seeds(self) -> range:
        """Seeds of the trials."""
        return range(UNSEEN, UNSEEN + self.trials)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'Plan':
        """Read `to_dict` back."""
        lists = {key: tuple(values[key]) for key in ('methods', 'demos', 'conditions')}
        return cls(**{**values, **lists})

    def keep(self, out: Path) -> None:
        """Write the plan into a folder; what is there already must have been made by it.

        More methods, demonstrations or seeds may be asked for than before: cells that are there
        are kept.

        Raises:
            DataError: If the folder belongs to a plan whose cells cannot be compared.
        """
        path = out / PLAN
        if path.is_file():
            before = Plan.from_dict(read_json_mapping(path))
            fixed = ('robot', 'task', 'trials', 'conditions', 'updates')
            differing = [key for key in fixed if getattr(before, key) != getattr(self, key)]
            if before.demos[-1] != self.demos[-1]:
                differing.append('the most demonstrations')
            if differing:
                raise DataError(
                    f'{out} holds another comparison ({", ".join(differing)} differ); '
                    'choose a new folder'
                )
        elif out.exists() and any(out.iterdir()):
            raise DataError(f'{out} is not empty and holds no comparison; choose a new folder')
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_dict(), indent=1), encoding='utf-8')


def is_trainable(method: str) -> bool:
    """Whether a method can be trained here; a plug-in that is broken is reported, and cannot."""
    return any(method in found and method in found.usable() for found in (METHODS, IRL_METHODS))


def settings(condition: str) -> tuple[Setting, ...]:
    """Perturbations of a condition; raises DataError for one that is none."""
    return () if condition == NOMINAL else (parse(condition),)
