# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The adversarial learner: practise, classify, improve; all that the next iteration depends on."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn, Tensor

from ...data.windows import Windows
from ...errors import TrainingError
from ...training.state import load_part, Trained
from ..config import AdversarialConfig, PpoConfig
from ..environment import Environment
from ..online import Iteration, OnlineLearner
from ..ppo import advantages, Decisions, GaussianPolicy, Value
from ..rollouts import FIRST_SEED, HIGHEST_SEED, Rollout, rollout
from ..self_imitation import Repairs
from .discriminator import accuracy, Adversary, discriminate, Experience, features, Transitions
from .features import View

SLIDE_NOISE = 0.1
"""Exploration of a joint that slides, per exploration of one that turns [m/rad]."""


BuildAdversary = Callable[[Any, int, int], Adversary]
"""From a configuration and the lengths of a state and of an action to a classifier."""


class Learner(OnlineLearner):
    """Policy, value function, adversary and their optimisers.

    Everything random follows from the seed and the number of the iteration, so the state is the
    weights and the optimisers.

    Attributes:
        policy: The policy.
        adversary: The classifier; None if the reward is known.
        iteration: Iterations made.
        values: What checkpoints say of the reward.
    """

    policy: GaussianPolicy

    def __init__(
        self,
        config: PpoConfig,
        trained: Trained,
        windows: Windows,
        environment: Environment,
        view: View | None = None,
        adversary: BuildAdversary | None = None,
    ) -> None:
        """Begin with a policy.

        Args:
            config: The configuration.
            trained: The policy to begin with; it is changed.
            windows: Demonstrations.
            environment: Where to practise.
            view: How the classifier sees transitions; None is as the policy does.
            adversary: How the classifier is built; None if the reward is known.
        """
        self._config, self._windows, self._environment = config, windows, environment
        self._noise = trained.config.noise
        spec, ppo = trained.spec, config.ppo
        actor = trained.actor.requires_grad_(True)
        std = ppo.std * np.where(environment.slides, SLIDE_NOISE, 1.0)
        # What is played of a chunk: until the next one, and while that one fades in.
        self.policy = GaussianPolicy(actor, std, min(spec.chunk, spec.execute + 2))
        self._view = view
        self._experience = Experience(self.policy, windows, view)
        self._repairs = Repairs(config.repair, actor, windows, environment)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.value = Value(spec.history * spec.size, ppo.width)
            sizes = self._experience.sizes
            self.adversary = None if adversary is None else adversary(config, *sizes)
        self._optimizers: dict[str, torch.optim.Optimizer] = {
            'policy': torch.optim.Adam(actor.parameters(), ppo.lr, fused=True),
            'value': torch.optim.Adam(self.value.parameters(), ppo.value_lr, fused=True),
        }
        if self.adversary is not None and isinstance(config, AdversarialConfig):
            own = config.discriminator
            self._optimizers['adversary'] = torch.optim.Adam(
                self.adversary.parameters(), own.lr, weight_decay=own.weight_decay, fused=True
            )
        self.values: dict[str, Any] = {}
        self.iteration = 0

    @property
    def episodes(self) -> int:
        """Episodes of practice in an iteration."""
        spec = self._environment.spec
        return -(-self._config.steps // (self._environment.horizon * spec.execute))

    @property
    def steps(self) -> int:
        """Policy steps simulated for practice so far."""
        each = self._environment.horizon * self._environment.spec.execute
        return self._repairs.steps + max(self._age, 0) * self.episodes * each

    @property
    def notes(self) -> tuple[str, ...]:
        """What the repairs will be."""
        repair = self._config.repair
        if not repair.rounds:
            return ()
        return (
            f'the first {repair.rounds} iterations repair: {repair.starts} starts, spread by '
            f'{repair.spread:g}; one that fails is tried {repair.tries} times more',
        )

    @property
    def takes_back(self) -> bool:
        """Whether the last iteration was one of repairs: few of them can teach something wrong."""
        return 0 < self.iteration <= self._config.repair.rounds

    def take_back(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on with the policy of a checkpoint, and with all that was learnt and seen since."""
        load_part(self.policy.actor, tensors, 'average.')

    @property
    def _age(self) -> int:
        """Iterations since the repairs ended; negative until then."""
        return self.iteration - self._config.repair.rounds

    def step(self) -> Iteration:
        """Make one iteration.

        Raises:
            TrainingError: If the policy is no longer finite.
        """
        key = [self._config.seed, self.iteration]
        rng = np.random.default_rng(key)
        generator = torch.Generator().manual_seed(int(rng.integers(HIGHEST_SEED)))
        if self._age < 0:
            one = self._repairs.round(rng, generator, self._noise)
            self.iteration += 1
            self._repaired()
            return Iteration(success=one.success, repaired=one.repaired, bc=one.loss)
        seeds = rng.integers(FIRST_SEED, HIGHEST_SEED, self.episodes)
        found = rollout(
            self._environment, self.policy.decide(rng), list(seeds), self._config.spread
        )
        decisions = Decisions.of(found)
        own = self._experience.own(decisions)
        reward, told = self._pay(found, own, generator)
        kl, bc = self._improve(decisions, own, reward, generator)
        self.iteration += 1
        return Iteration(
            success=found.rate,
            reward=float(reward.mean()),
            accuracy=told,
            rank=rank_correlation(reward.sum(dim=1).numpy(), found),
            kl=kl,
            bc=bc,
        )

    def _repaired(self) -> None:
        """Once repairs have ended, what was repaired counts as demonstrated."""
        if self._age >= 0 and self._repairs.episodes:
            self._windows = self._repairs.windows
            self._experience = Experience(self.policy, self._windows, self._view)

    def _pay(
        self, found: Rollout, own: Transitions, generator: torch.Generator
    ) -> tuple[Tensor, float | None]:
        """Rewards of a rollout, shape (E, T), and how well it was told from demonstrations."""
        if self.adversary is None or not isinstance(self._config, AdversarialConfig):
            raise TrainingError(f'{self._config.method} has no classifier to pay by')
        demonstrated = self._experience.demonstrated(generator)
        settings = self._config.discriminator
        updates = settings.updates if self._age else settings.first_updates
        optimizer = self._optimizers['adversary']
        discriminate(self.adversary, optimizer, demonstrated, own, settings, updates, generator)
        with torch.no_grad():
            reward = self.adversary.reward(own).reshape(len(found.seeds), -1)
        return reward, accuracy(self.adversary, demonstrated, own)

    def _improve(
        self, decisions: Decisions, own: Transitions, reward: Tensor, generator: torch.Generator
    ) -> tuple[float, float]:
        """Update value function and policy; the KL divergence and BC loss at the end."""
        ppo, policy, config = self._config.ppo, self.policy, self._config
        actor = policy.actor
        with torch.no_grad():
            seen, after = features(actor, decisions.state), features(actor, decisions.after)
            left = decisions.left
            value = self.value(seen, left).reshape(reward.shape)
            last = slice(decisions.horizon - 1, None, decisions.horizon)
            end = self.value(after[last], torch.zeros_like(left[last]))
            gain = advantages(reward, value, end, config.gamma, ppo.trace)
            target = (gain + value).flatten()
            gain = gain.flatten()
            gain = (gain - gain.mean()) / (gain.std() + 1e-6)
            old = policy.mean(decisions.state)
        share = self._age / max(config.iterations - config.repair.rounds - 1, 1)
        weight = ppo.bc + (ppo.bc_last - ppo.bc) * min(share, 1.0)
        stopped = self._age < config.critic_only
        bc = torch.zeros(())
        for _ in range(ppo.epochs):
            order = torch.randperm(len(gain), generator=generator)
            for index in torch.split(order, ppo.batch):
                error = (self.value(seen[index], left[index]) - target[index]) ** 2
                self._update('value', error.mean(), self.value)
                if stopped:
                    continue
                mean = policy.mean(decisions.state[index])
                if float(policy.divergence(mean.detach(), old[index])) > ppo.max_kl:
                    stopped = True
                    continue
                action = decisions.action[index]
                ratio = (policy.log_prob(mean, action) - own.log_pi[index]).exp()
                clipped = ratio.clamp(1 - ppo.clip, 1 + ppo.clip)
                surrogate = torch.minimum(ratio * gain[index], clipped * gain[index]).mean()
                chosen = torch.randint(len(self._windows), (ppo.batch,), generator=generator)
                batch = self._windows.batch(chosen.numpy())
                bc = policy.bc_loss(batch, self._noise, generator)
                self._update('policy', 0.1 * weight * bc - surrogate, actor)
        with torch.no_grad():
            kl = float(policy.divergence(policy.mean(decisions.state), old))
        if not np.isfinite(kl):
            raise TrainingError(
                f'iteration {self.iteration}: the policy is not finite; lower ppo.lr '
                f'(now {ppo.lr:g})'
            )
        return kl, float(bc.detach())

    def _update(self, name: str, loss: Tensor, module: nn.Module) -> None:
        optimizer = self._optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), 0.5)
        optimizer.step()

    def _modules(self) -> dict[str, nn.Module]:
        """Modules by the prefix of their tensors in a checkpoint."""
        found: dict[str, nn.Module] = {'average': self.policy.actor, 'value': self.value}
        if self.adversary is not None:
            found['adversary'] = self.adversary
        return found

    def tensors(self) -> dict[str, Tensor]:
        """Everything, for a checkpoint."""
        found: dict[str, Tensor] = {}
        for prefix, module in self._modules().items():
            found |= {f'{prefix}.{name}': t for name, t in module.state_dict().items()}
        for name, optimizer in self._optimizers.items():
            for index, moments in optimizer.state_dict()['state'].items():
                found |= {f'optimizer.{name}.{index}.{k}': t for k, t in moments.items()}
        return found | self._repairs.tensors()

    def restore(self, tensors: Mapping[str, Tensor], iteration: int) -> None:
        """Go on from a checkpoint."""
        for prefix, module in self._modules().items():
            load_part(module, tensors, f'{prefix}.')
        for name, optimizer in self._optimizers.items():
            moments: dict[int, dict[str, Tensor]] = {}
            for key, tensor in tensors.items():
                if key.startswith(f'optimizer.{name}.'):
                    index, moment = key.split('.')[2:]
                    moments.setdefault(int(index), {})[moment] = tensor
            groups = optimizer.state_dict()['param_groups']
            optimizer.load_state_dict({'state': moments, 'param_groups': groups})
        self._repairs.restore(tensors)
        self.iteration = iteration
        self._repaired()


def rank_correlation(total: np.ndarray, found: Rollout) -> float | None:
    """Spearman's correlation of the episodes' rewards with success; a reward's sanity check."""
    if found.success.all() or not found.success.any():
        return None
    ranks = np.argsort(np.argsort(total)).astype(np.float64)
    return float(np.corrcoef(ranks, found.success.astype(np.float64))[0, 1])
