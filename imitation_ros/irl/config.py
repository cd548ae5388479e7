# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every IRL method is configured by; `config/train/irl-*.yaml` explains the keys.

A method has a model of its own, derived from `IrlConfig` or `PractisedConfig`, in its row of
`methods.METHODS`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..data.episode import Outcome
from ..data.outcomes import IMITATED
from ..errors import DataError
from ..policies.base import Count
from ..sim.perturbations import parse as parse_setting
from ..sim.tasks import TASKS
from ..training.config import BCConfig, NotNegative, Positive, Share
from .adversarial.discriminator import Discriminator
from .ppo import Ppo
from .self_imitation import Repair, Repairing

AtLeastOne = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class Guard(BaseModel):
    """How the result is chosen: by success from starts that nothing else uses.

    Attributes:
        every: Iterations between two evaluations.
        episodes: Starts in each of them.
        seed: Seed of the first of those starts.
        spread: Factor on the region of two thirds; the others are from the demonstrated one.
        patience: Falls below the best that end a training.
        margin: By which share of the starts a result has to beat the beginning to replace it.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    every: Count = 4
    episodes: Count = 36
    seed: int = Field(500_000, ge=0)
    spread: Positive = 1.6
    patience: Count = 3
    margin: Share = 0.06


class IrlConfig(BaseModel):
    """Common to all IRL methods.

    Attributes:
        method: Name of the method, a key of `methods.METHODS`.
        seed: Seed of everything random.
        outcomes: Outcomes of the episodes that are imitated, beside those that came without one.
        threads: Threads that torch uses.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    method: str
    seed: int = Field(0, ge=0)
    outcomes: tuple[Outcome, ...] = IMITATED
    threads: Count = 1

    @property
    def in_simulation(self) -> bool:
        """Whether it learns in simulation, and not from the dataset alone."""
        return False

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
        filter: Whether the safety supervisor is in the loop while practising.
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

    @property
    def in_simulation(self) -> bool:
        """It does."""
        return True

    @field_validator('task')
    @classmethod
    def _known(cls, task: str | None) -> str | None:
        if task is not None:
            TASKS.find(task, ValueError)
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


class PractisedConfig(SimulatedConfig):
    """An IRL method that improves a policy by practice.

    Attributes:
        start: Whether the policy begins as BC, or as an untrained network (which is slow).
        bc: How that BC is trained, unless a trained one is given; it takes `seed` from here.
    """

    spread: AtLeastOne = 1.3
    start: Literal['bc', 'untrained'] = 'bc'
    bc: BCConfig = BCConfig()

    @model_validator(mode='after')
    def _check(self) -> 'PractisedConfig':
        if self.bc.cameras:
            raise ValueError('bc.cameras: IRL in simulation renders no images')
        return self


class PpoConfig(PractisedConfig):
    """An IRL method that improves the policy by PPO.

    Attributes:
        ppo: Settings of the policy's updates.
        critic_only: Iterations in which the policy is left alone, so that classifier and value
            function first catch up with it.
        repair: How failed starts are repaired, in the first of the iterations.
    """

    repair: Repair = Repair()
    ppo: Ppo = Ppo()
    critic_only: int = Field(3, ge=0)


class AdversarialConfig(PpoConfig):
    """An IRL method with a classifier as its adversary.

    Attributes:
        discriminator: Settings of the classifier.
        view: What the classifier sees: the hands from the object, or what the policy sees.
    """

    steps: Count = 1800
    discriminator: Discriminator = Discriminator()
    view: Literal['hands', 'observation'] = 'hands'


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


class BcIrlConfig(AirlConfig):
    """BC, then repairs, then AIRL."""

    method: str = 'bc+irl'
    iterations: Count = 10
    critic_only: int = Field(2, ge=0)
    repair: Repairing = Repairing()
    guard: Guard = Guard(every=2, spread=2.0)


class GailConfig(AdversarialConfig):
    """GAIL."""

    method: str = 'irl-gail'


class IqConfig(PractisedConfig):
    """Configuration of IQ-Learn.

    Attributes:
        mode: `offline` learns from bags alone; `online` practises in simulation.
        extra: Outcomes of the episodes that `offline` learns from beside the demonstrations.
        updates: Updates of the critic, offline.
        practice_updates: The same in each iteration, online.
        batch: Decisions of each kind in an update.
        alpha: Width of the chi^2 penalty: rewards are about 2 alpha in demonstrations.
        width: Standard deviation of the policy in normalised units.
        beta: Advantage that makes a moment e times as likely to be imitated, in standard
            deviations of the advantages.
        share: Weight of other episodes in the policy's loss.
        tau: Rate of the target critic.
        lr: Learning rate of the policy; offline it falls as a cosine.
        critic_lr: Learning rate of the critic.
        critic_width: Width of its hidden layers.
        ema: Decay of the average of the policy's weights, which is the result.
        policy_steps: Updates of the policy for one of the critic, which takes longer.
        noise: Noise on the states, as a share of their standard deviation.
        refresh: Updates between two computations of the advantage weights.
        eval_every: Updates between two lines in the journal, each with a checkpoint.
    """

    method: str = 'irl-iq'
    mode: Literal['offline', 'online'] = 'offline'
    extra: tuple[Outcome, ...] = ('failure', 'play')
    updates: Count = 500
    practice_updates: Count = 60
    batch: Count = 128
    alpha: Positive = 0.5
    width: Positive = 0.2
    beta: Positive = 1.0
    share: NotNegative = 1.0
    tau: Share = 0.01
    lr: Positive = 1e-3
    critic_lr: Positive = 5e-4
    critic_width: Count = 256
    ema: Share = 0.999
    policy_steps: Count = 4
    noise: NotNegative = 0.01
    refresh: Count = 50
    eval_every: Count = 50

    @property
    def in_simulation(self) -> bool:
        """In mode `online` alone."""
        return self.mode == 'online'

    @model_validator(mode='after')
    def _disjoint(self) -> 'IqConfig':
        both = set(self.outcomes) & set(self.extra)
        if both:
            raise ValueError(f'outcomes and extra both name {", ".join(sorted(both))}')
        return self


class CsilConfig(PpoConfig):
    """CSIL.

    Attributes:
        features: Number of random frequencies.
        bound: Rewards are clipped to this, either way.
    """

    method: str = 'irl-csil'
    ppo: Ppo = Ppo(std=0.025, lr=1e-4, max_kl=0.08)
    features: Count = 256
    bound: Positive = 3.0


class MaxEntConfig(PpoConfig):
    """MaxEnt IRL with named features.

    Attributes:
        starts: Starts that episodes are sampled from.
        each: Episodes from each of them, with the strengths of the noise in turn.
        sample_noise: Noise of the samples at strength 1 [rad]; a tenth of it [m] where joints
            slide.
        l2: Prior of the weights, per squared nat of a standard deviation.
    """

    method: str = 'irl-maxent'
    ppo: Ppo = Ppo(std=0.025, lr=1e-4, max_kl=0.08)
    starts: Count = 12
    each: Count = 8
    sample_noise: Positive = 0.02
    l2: Positive = 0.1
