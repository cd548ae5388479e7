# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration of a training: one frozen model per method, one YAML beside each.

`config/train/<method>.yaml` says the same as the model and explains every key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator, ValidationError

from .. import plugins, resources
from ..contract import explain
from ..data.episode import Outcome
from ..data.observation import ObservationSpec
from ..data.outcomes import IMITATED
from ..documents import parse_yaml, read_text
from ..errors import DocumentError, TrainingError, unknown
from ..plugins import Registry
from ..policies.act import ACT, ActNetwork
from ..policies.base import Count, Network, Policy
from ..policies.bc import BC, BCNetwork
from ..policies.diffusion import Diffusion, DiffusionNetwork
from ..policies.flow import Flow, FlowNetwork

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra='forbid')


class CameraSize(_Model):
    """A camera of the contract, and the size at which the policy sees it [pixels]."""

    name: str
    height: int = Field(ge=16)
    width: int = Field(ge=16)


class TrainConfig(_Model):
    """Everything a training depends on, apart from the data, whatever the method.

    A method has a subclass whose `method` is its name.

    Attributes:
        method: Name of the method, a key of `METHODS`.
        updates: Length of the training, in gradient steps.
        batch: Windows in each of them.
        lr: Highest learning rate.
        weight_decay: Weight decay of AdamW.
        warmup: Updates in which the learning rate rises to `lr`; it then falls as a cosine.
        ema: Highest decay of the average of the weights, which is what is kept.
        seed: Seed of everything random.
        held_out: Share of the episodes that is never trained on.
        keep: Which checkpoint is the result: the one with the least held-out loss, or the last.
        outcomes: Outcomes of the episodes that are imitated, beside those that came without one.
        corrections: How often a window counts in which an operator corrected a policy; what the
            policy itself did is never imitated.
        mirror: Whether every episode is learnt from a second time with left and right exchanged.
        action: Whether the chunk is relative to the measured position, or not.
        history: Number of frames seen.
        chunk: Number of actions predicted.
        execute: How many of them run before the next inference.
        velocity: Whether joint velocities are seen.
        poses: Names of the poses that are seen, or all.
        cameras: Cameras that are seen, and at which size.
        groups: Groups of joints that are seen and moved; auto takes those that move in the data.
        noise: Noise on the states, as a share of their standard deviation.
        network: What the networks are made of; the keys depend on the method.
        threads: Threads that torch uses.
        eval_every: Updates between two evaluations on the held-out episodes.
        max_minutes: Longest time; the length is cut beforehand to fit it. None is no limit.
    """

    method: str = ''
    updates: Count = 4000
    batch: Count = 128
    lr: Positive = 1e-3
    weight_decay: NotNegative = 1e-4
    warmup: int = Field(200, ge=0)
    ema: Share = 0.999
    seed: int = Field(0, ge=0)
    held_out: Share = 0.1
    keep: Literal['best', 'last'] = 'best'
    outcomes: tuple[Outcome, ...] = IMITATED
    corrections: Count = 1
    mirror: bool = False
    action: Literal['absolute', 'residual'] = 'residual'
    history: Count = 1
    chunk: Count = 12
    execute: Count = 4
    velocity: bool = False
    poses: tuple[str, ...] | Literal['all'] = 'all'
    cameras: tuple[CameraSize, ...] = ()
    groups: tuple[str, ...] | Literal['auto'] = 'auto'
    noise: NotNegative = 0.01
    network: Network = Network()
    threads: Count = 1
    eval_every: Count = 250
    max_minutes: Positive | None = None

    @model_validator(mode='after')
    def _check(self) -> 'TrainConfig':
        # Not by `METHODS`: a plug-in may make one while it is still being imported.
        if not self.method or self.method != type(self).model_fields['method'].default:
            raise ValueError(f'method {self.method} is not configured by {type(self).__name__}')
        if self.execute > self.chunk:
            raise ValueError(f'execute {self.execute} is more than the chunk of {self.chunk}')
        if self.warmup >= self.updates:
            raise ValueError(f'warmup {self.warmup} is not less than updates {self.updates}')
        for what, names in (
            ('poses', self.poses),
            ('cameras', tuple(camera.name for camera in self.cameras)),
            ('groups', self.groups),
        ):
            if not isinstance(names, str) and len(set(names)) < len(names):
                raise ValueError(f'{what}: a name stands twice: {", ".join(names)}')
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and YAML."""
        return self.model_dump(mode='json')


class BCConfig(TrainConfig):
    """Configuration of Behavioural Cloning."""

    method: str = 'bc'
    network: BCNetwork = BCNetwork()


class ActConfig(TrainConfig):
    """Configuration of ACT."""

    method: str = 'act'
    network: ActNetwork = ActNetwork()


class FlowConfig(TrainConfig):
    """Configuration of flow matching."""

    method: str = 'flow'
    network: FlowNetwork = FlowNetwork()


class DiffusionConfig(TrainConfig):
    """Configuration of a diffusion policy."""

    method: str = 'diffusion'
    network: DiffusionNetwork = DiffusionNetwork()


@dataclass(frozen=True)
class PolicyMethod:
    """A policy that can be trained from demonstrations.

    Attributes:
        config: What a training of it is configured by.
        build: Makes the policy, from what is observed and `config.network`.
    """

    config: type[TrainConfig]
    build: Callable[[ObservationSpec, Any], Policy]


def _fits(name: str, method: PolicyMethod) -> str:
    """What is wrong with a plug-in under a name; '' if nothing is."""
    if name in available():
        return f'config/train/{name}.yaml of imitation_ros has its name'
    if name in plugins.names('irl'):
        return 'a plug-in of imitation_ros.irl has its name as well'
    own = method.config.model_fields['method'].default
    return '' if own == name else f'{method.config.__name__} configures the method "{own}"'


METHODS: Registry[PolicyMethod] = Registry(
    'policies',
    'method',
    {
        'bc': PolicyMethod(BCConfig, BC),
        'act': PolicyMethod(ActConfig, ACT),
        'flow': PolicyMethod(FlowConfig, Flow),
        'diffusion': PolicyMethod(DiffusionConfig, Diffusion),
    },
    PolicyMethod,
    _fits,
)
"""Every policy that can be trained, by the name it has in a configuration."""

RESUMABLE = ('threads', 'eval_every', 'max_minutes')
"""Keys that may differ when a training is resumed: they change no parameter of the result."""


BARE: dict[str, Any] = {
    'action': 'absolute',
    'chunk': 1,
    'execute': 1,
    'noise': 0.0,
    'updates': 10_000,
    'batch': 256,
}
"""What differs for data without a robot: entries of unknown meaning at the rate of a controller,
so one absolute action for each observation, and a longer training."""

BARE_BC: dict[str, Any] = {
    **BARE,
    'updates': 4000,
    'batch': 128,
    'network': {'width': 128, 'depth': 2, 'members': 4},
}
"""The same for Behavioural Cloning, measured on other people's experts (docs/any-data.md): four
small networks meet with fewer states they fail in than a large one, and cost less."""


def plugged_in() -> tuple[str, ...]:
    """Methods that plug-ins add; without a YAML they begin with the defaults of their models."""
    return (*plugins.names('policies'), *plugins.names('irl'))


def available() -> dict[str, Path]:
    """Training configurations that come with the package, by name."""
    return {path.stem: path for path in sorted(resources.path('config/train').glob('*.yaml'))}


def load(
    source: str | Path = 'bc', changes: Mapping[str, Any] | None = None, bare: bool = False
) -> TrainConfig:
    """Load a training configuration.

    Args:
        source: Path of a YAML file, or the name of one that comes with the package.
        changes: Values that replace those of the file (from the command line).
        bare: Whether it is for data without a robot; the named ones then differ by `BARE`, and
            `bc` by `BARE_BC`.

    Raises:
        TrainingError: With the key, its value and the choices, whatever is wrong.
    """
    others: dict[str, Any] = {}
    if bare and str(source) in (*available(), *plugged_in()):
        others = BARE_BC if str(source) == 'bc' else BARE
    values, path = read(source, {**others, **(changes or {})})
    asked = {**others, **(changes or {})}.get('updates')
    if isinstance(asked, int) and 'warmup' not in (changes or {}):
        method = str(values.get('method', 'bc'))
        warm_up_within(values, asked, METHODS[method].config if method in METHODS else TrainConfig)
    return parse(values, path)


def warm_up_within(
    values: dict[str, Any], updates: int, model: type[TrainConfig] = TrainConfig
) -> None:
    """Who asks for a short training means it to warm up within it."""
    if updates <= values.get('warmup', model.model_fields['warmup'].default):
        values['warmup'] = updates // 5


def read(
    source: str | Path, changes: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], Path]:
    """Read a training configuration without checking its keys; arguments and errors as `load`.

    Returns:
        The values, and the file they come from.
    """
    path = Path(source)
    if path.suffix not in ('.yaml', '.yml'):
        known = available()
        if str(source) in plugged_in() and str(source) not in known:
            return {'method': str(source), **(changes or {})}, path
        if str(source) not in known:
            known |= dict.fromkeys(plugged_in(), path)
            raise TrainingError(unknown(str(source), 'training (or a .yaml file)', known))
        path = known[str(source)]
    try:
        values = parse_yaml(read_text(path), path)
    except OSError as error:
        raise TrainingError(f'cannot read {path}: {error.strerror}') from error
    except DocumentError as error:
        raise TrainingError(str(error)) from error
    if not isinstance(values, Mapping):
        raise TrainingError(f'{path}: a configuration is a mapping of keys to values')
    return {**values, **(changes or {})}, path


def parse(values: Mapping[str, Any], source: Path | str) -> TrainConfig:
    """Check the values of a configuration; what its `method` has no key for is refused.

    Raises:
        TrainingError: As `load`.
    """
    method = values.get('method', 'bc')
    if method not in METHODS:
        raise TrainingError(f'{source}: {unknown(str(method), "method", METHODS)}')
    return validate(METHODS[method].config, values, source)


Model = TypeVar('Model', bound=BaseModel)


def validate(model: type[Model], values: Mapping[str, Any], source: Path | str) -> Model:
    """Make a model of values; checks across keys bring a sentence of their own.

    Raises:
        TrainingError: As `load`.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        own = [str(p['ctx']['error']) for p in error.errors() if p['type'] == 'value_error']
        text = f'{source}: ' + '\n  '.join(own) if own else explain(error, source, model)
        raise TrainingError(text) from error
