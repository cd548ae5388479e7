# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Methods of inverse RL: one row each; nothing else asks what a configuration is of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from .. import plugins
from ..data.store import Dataset
from ..errors import TrainingError, unknown
from ..plugins import Registry
from ..training.config import available, read, validate
from ..training.run import TrainResult
from .adversarial.methods import adversarial, airl, classified, gail
from .config import (
    AirlConfig,
    BcIrlConfig,
    CsilConfig,
    GailConfig,
    IqConfig,
    IrlConfig,
    MaxEntConfig,
)
from .iq.online import IqPractice
from .iq.reward import read_implied
from .known import coherent, KnownRewardLearner, linear, read_coherent, read_linear
from .offline import train_offline
from .online import OnlineLearner, Setting
from .reward import Reward, Saved

Begin = Callable[[Any, Setting], OnlineLearner]
"""Begins to learn: from the method's own configuration and what it begins with to a learner."""


class TrainOffline(Protocol):
    """A training from the dataset alone."""

    def __call__(
        self,
        dataset_path: Path | Dataset,
        config: Any,
        out_dir: Path,
        start: Path | None = None,
        resume: bool = False,
        console: Console | None = None,
    ) -> TrainResult:
        """Train; arguments and errors as `offline.train_offline`."""


@dataclass(frozen=True)
class Method:
    """One method of inverse RL.

    Attributes:
        config: What it is configured by. Its `in_simulation` says which of the next two trains.
        learner: Begins to learn in simulation; None if it cannot.
        offline: Trains from the dataset alone; None if it cannot.
        reward: Reads the reward of a run; None if it learns none.
        notes: What to keep in mind of that reward.
    """

    config: type[IrlConfig]
    learner: Begin | None = None
    offline: TrainOffline | None = None
    reward: Callable[[Saved], Reward] | None = None
    notes: tuple[str, ...] = ()


AIRL_NOTES = ('The reward is g: what the classifier found, without the potential that shapes it.',)


def _fits(name: str, method: Method) -> str:
    """What is wrong with a plug-in under a name; '' if nothing is."""
    if name in available():
        return f'config/train/{name}.yaml of imitation_ros has its name'
    if name in plugins.names('policies'):
        return 'a plug-in of imitation_ros.policies has its name as well'
    if method.learner is None and method.offline is None:
        return 'it has no learner, and no training from the dataset alone'
    return ''


_BUILT_IN: dict[str, Method] = {
    'irl-airl': Method(
        AirlConfig, learner=adversarial(airl), reward=classified(airl), notes=AIRL_NOTES
    ),
    'irl-airl-state': Method(
        AirlConfig, learner=adversarial(airl), reward=classified(airl), notes=AIRL_NOTES
    ),
    'irl-gail': Method(
        GailConfig,
        learner=adversarial(gail),
        reward=classified(gail),
        notes=(
            'GAIL learns a policy, not a reward: once it is done, its classifier tells nothing '
            'apart.',
        ),
    ),
    'irl-iq': Method(
        IqConfig,
        learner=lambda config, setting: IqPractice(
            config, setting.trained, setting.windows, setting.environment
        ),
        offline=train_offline,
        reward=read_implied,
        notes=(
            "The reward is Q(s, A) - g V(s'): what the critic implies, not a network of its own. "
            'Of failed and play episodes it says how far they are on the way to what was '
            'demonstrated.',
            'Where neither demonstrations nor other episodes went, it means nothing.',
        ),
    ),
    'irl-csil': Method(
        CsilConfig,
        learner=lambda config, setting: KnownRewardLearner(config, setting, coherent),
        reward=read_coherent,
        notes=(
            'The reward is log q - log p: above zero for doing what was demonstrated where '
            'something was demonstrated, below zero for anything else there, about zero anywhere '
            'else.',
        ),
    ),
    'irl-maxent': Method(
        MaxEntConfig,
        learner=lambda config, setting: KnownRewardLearner(config, setting, linear),
        reward=read_linear,
        notes=(
            'Weights are of features that may go together: what one of them explains another '
            'cannot. They explain why demonstrations differ from a shaken policy, not the whole '
            'task.',
        ),
    ),
    'bc+irl': Method(
        BcIrlConfig, learner=adversarial(airl), reward=classified(airl), notes=AIRL_NOTES
    ),
}

METHODS: Registry[Method] = Registry('irl', 'method of inverse RL', _BUILT_IN, Method, _fits)
"""Every method, by the name it has on the command line."""


def method_of(config: IrlConfig) -> Method:
    """The row of a configuration.

    Raises:
        TrainingError: If its method is unknown, or is configured by another class.
    """
    method = METHODS.find(config.method, TrainingError)
    if method.config is not type(config):
        raise TrainingError(
            f'method {config.method} is not configured by {type(config).__name__}, but by '
            f'{method.config.__name__}'
        )
    return method


def load(source: str | Path, changes: Mapping[str, Any] | None = None) -> IrlConfig:
    """Load the configuration of an IRL method.

    Args:
        source: Path of a YAML file, or the name of one that comes with the package.
        changes: Values that replace those of the file (from the command line).

    Raises:
        TrainingError: With the key, its value and the choices, whatever is wrong.
    """
    values, path = read(source, changes)
    return parse(values, path)


def parse(values: Mapping[str, Any], source: Path | str) -> IrlConfig:
    """Check the values of a configuration; what its `method` has no key for is refused.

    Raises:
        TrainingError: As `load`.
    """
    method = str(values.get('method'))
    if method not in METHODS:
        raise TrainingError(f'{source}: {unknown(method, "method of inverse RL", METHODS)}')
    return validate(METHODS[method].config, values, source)
