# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every IRL method is configured by; `config/train/irl-*.yaml` explains the keys.

A method adds a model of its own, derived from `IrlConfig` or `SimulatedConfig`, to `METHODS`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..data.episode import Outcome
from ..errors import DataError, TrainingError, unknown
from ..policies.base import Count
from ..sim.perturbations import parse as parse_setting
from ..sim.tasks import TASKS
from ..training.config import NotNegative, Positive, read, Share, TrainConfig, validate
from .adversary import Discriminator
from .ppo import Ppo

AtLeastOne = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class Guard(BaseModel):
    """How the result is chosen: by success from starts that nothing else uses.

    Attributes:
        every: Iterations between two evaluations.
        episodes: Starts in each of them.
        seed: Seed of the first of those starts.
        spread: Factor on their region.
        patience: Falls below the best that end a training.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    every: Count = 4
    episodes: Count = 24
    seed: int = Field(500_000, ge=0)
    spread: Positive = 1.6
    patience: Count = 3


class IrlConfig(BaseModel):
    """Common to all IRL methods.

    Attributes:
        method: Name of the method, a key of `METHODS`.
        seed: Seed of everything random.
        outcomes: Outcomes of the episodes that are imitated.
        threads: Threads that torch uses.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    method: str
    seed: int = Field(0, ge=0)
    outcomes: tuple[Outcome, ...] = ('success', 'unknown')
    threads: Count = 1

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and YAML."""
        return self.model_dump(mode='json')


class SimulatedConfig(IrlConfig):
    """An IRL method that learns in simulation.

    Attributes:
        task: Task to practise; None is the one of the demonstrations.
        iterations: Length of the training.
        steps: Policy steps simulated in each iteration; it ends with a whole episode.
        horizon_s: Length of every episode [s]; None is that of the longest demonstration.
        spread: Factor on the region of the starts.
        perturb: What goes wrong while practising, as `name:level`.
        filter: Whether the safety governor is in the loop while practising.
        timestep_s: Step of the physics while practising [s]; evaluations use 0.002.
        gamma: Discount of one decision of the policy.
        guard: How the result is chosen.
    """

    task: str | None = None
    iterations: Count = 24
    steps: Count = 2400
    horizon_s: Positive | None = None
    spread: AtLeastOne = 1.6
    perturb: tuple[str, ...] = ()
    filter: bool = False
    timestep_s: Annotated[float, Field(gt=0, le=0.005)] = 0.004
    gamma: Share = 0.95
    guard: Guard = Guard()

    @field_validator('task')
    @classmethod
    def _known(cls, task: str | None) -> str | None:
        if task is not None and task not in TASKS:
            raise ValueError(unknown(task, 'task', TASKS))
        return task

    @field_validator('perturb')
    @classmethod
    def _readable(cls, perturb: tuple[str, ...]) -> tuple[str, ...]:
        for text in perturb:
            try:
                parse_setting(text)
            except DataError as error:
                raise ValueError(str(error)) from error
        return perturb


class AdversarialConfig(SimulatedConfig):
    """An IRL method with a classifier as its adversary.

    Attributes:
        start: Whether the policy begins as BC, or as an untrained network (which is slow).
        bc: How that BC is trained, unless a trained one is given; it takes `seed` from here.
        ppo: Settings of the policy's updates.
        discriminator: Settings of the classifier.
        view: What the classifier sees: the hands from the object, or what the policy sees.
        critic_only: Iterations in which the policy is left alone, so that classifier and value
            function first catch up with it.
    """

    spread: AtLeastOne = 1.3
    start: Literal['bc', 'untrained'] = 'bc'
    bc: TrainConfig = TrainConfig()
    ppo: Ppo = Ppo()
    discriminator: Discriminator = Discriminator()
    view: Literal['hands', 'observation'] = 'hands'
    critic_only: int = Field(3, ge=0)

    @model_validator(mode='after')
    def _check(self) -> 'AdversarialConfig':
        if METHODS.get(self.method) is not type(self):
            raise ValueError(f'method {self.method} is not configured by {type(self).__name__}')
        if self.bc.cameras:
            raise ValueError('bc.cameras: IRL in simulation renders no images')
        return self


class AirlConfig(AdversarialConfig):
    """AIRL.

    Attributes:
        policy_term: Weight of the policy's own density in the classifier; 1 is the paper's.
    """

    method: str = 'irl-airl'
    policy_term: NotNegative = 0.0

    @property
    def state_only(self) -> bool:
        """Whether the reward is that of a state."""
        return self.method == 'irl-airl-state'


class GailConfig(AdversarialConfig):
    """GAIL."""

    method: str = 'irl-gail'


METHODS: dict[str, type[IrlConfig]] = {
    'irl-airl': AirlConfig,
    'irl-airl-state': AirlConfig,
    'irl-gail': GailConfig,
    'bc+irl': AirlConfig,
}
"""Configuration of each IRL method, by the name it has on the command line."""


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
        raise TrainingError(f'{source}: {unknown(method, "IRL method", METHODS)}')
    return validate(METHODS[method], values, source)
