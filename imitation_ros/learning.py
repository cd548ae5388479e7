# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learning: from a dataset to a trained policy, whatever the method.

The one place that knows which trainer a method needs: supervised, inverse RL from the dataset
alone, or inverse RL in simulation.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from .data.store import Dataset
from .errors import TrainingError
from .irl import methods
from .irl.adversarial.run import IrlResult
from .irl.adversarial.run import train as train_in_simulation
from .irl.config import IrlConfig, PractisedConfig
from .training import config as training
from .training.config import TrainConfig
from .training.run import train as train_supervised
from .training.run import TrainResult
from .training.selection import contract_of

Config = TrainConfig | IrlConfig
Result = TrainResult | IrlResult
"""How a training ended; both have `folder`, `finished`, `best_checkpoint` and `curves`."""


def train(
    dataset: Dataset | Path | str,
    out: Path | str,
    method: str | Path | Config = 'bc',
    *,
    changes: Mapping[str, Any] | None = None,
    init: Path | str | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> Result:
    """Train a policy from a dataset.

    SIGTERM and Ctrl-C end it after the running update or iteration, with a checkpoint to resume
    from. A resumed training gives exactly the parameters of an uninterrupted one.

    Args:
        dataset: The dataset, open or as a folder.
        out: Folder of the run.
        method: Name of the method, path of a YAML, or a configuration.
        changes: Values that replace those of the configuration, by key; of a nested one the whole
            value is replaced.
        init: Run or checkpoint of BC that inverse RL begins with; None trains one first.
        resume: Go on with the run in that folder.
        console: Where progress is shown; None shows none.

    Returns:
        How it ended. `finished` is False if it was stopped: resume it.

    Raises:
        TrainingError: If data, configuration and beginning do not fit together, the folder holds
            another run, or there is nothing to resume.
        DataError: If the dataset is damaged.
    """
    if not isinstance(method, TrainConfig | IrlConfig):
        _import(str(training.read(method)[0].get('method')))
    data = dataset if isinstance(dataset, Dataset) else Dataset(Path(dataset))
    config = configure(method, changes, data)
    start = None if init is None else Path(init)
    if isinstance(config, TrainConfig):
        if start is not None:
            raise TrainingError(f'{config.method} begins with no other run; init is for IRL')
        return train_supervised(data, config, Path(out), resume=resume, console=console)
    row = methods.method_of(config)
    if config.in_simulation and isinstance(config, PractisedConfig):
        return train_in_simulation(
            data, config, Path(out), init=start, resume=resume, console=console
        )
    if row.offline is None:
        raise TrainingError(f'{config.method} cannot be trained from a dataset alone')
    return row.offline(data, config, Path(out), start, resume, console)


def _import(method: str) -> None:
    """Import what a plug-in holds; a broken one is told before any data is read."""
    for registry in (methods.METHODS, training.METHODS):
        if method in registry:
            registry[method]


def is_irl(method: str) -> bool:
    """Whether a method is one of inverse RL."""
    return method in methods.METHODS


def configure(
    method: str | Path | Config,
    changes: Mapping[str, Any] | None = None,
    dataset: Dataset | None = None,
) -> Config:
    """Make the configuration of a training.

    Args:
        method: As `train`.
        changes: As `train`.
        dataset: What it is for: data without a robot has other defaults.

    Raises:
        TrainingError: With the key, its value and the choices, whatever is wrong.
    """
    given = dict(changes or {})
    if isinstance(method, TrainConfig | IrlConfig):
        if not given:
            return method
        source: str | Path = 'the configuration'
        values = {**method.to_dict(), **given}
    else:
        values, source = training.read(method, given)
    if is_irl(str(values.get('method'))):
        asked = given.get('bc', {}).get('updates')
        if isinstance(asked, int):
            values['bc'] = dict(values['bc'])
            training.warm_up_within(values['bc'], asked)
        return methods.parse(values, source)
    if isinstance(method, TrainConfig | IrlConfig):
        return training.parse(values, source)
    data_only = dataset is not None and contract_of(dataset).data_only
    return training.load(method, given, data_only)
