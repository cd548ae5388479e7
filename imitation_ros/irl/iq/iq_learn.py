# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
r"""IQ-Learn: inverse RL in one soft Q-function, with no reward network and no discriminator.

A Q-function implies a reward, r(s, A) = Q(s, A) - g V(s') (Garg et al. 2021, eq. 6). The one that
tells demonstrations from what the policy would do, under the chi^2 divergence, minimises (eq. 9-10
and sec. 5.2)

    E_demo[V(s) - Q(s, A)] + 1/(4 alpha) E_all[(Q(s, A) - g V(s'))^2]       offline
    E_all[V(s) - g V(s')] - E_demo[r] + 1/(4 alpha) E_all[r^2]              online

    V(s) = E_{A ~ pi}[Q(s, A)],  pi = N(mu(s), width^2), normalised actions

An action A is the mean of the chunk's steps that are run: 160 ms of a smooth motion tell no more.
Two things keep Q bounded where many joints make any difference visible: recorded actions are
blurred by the policy's noise, which else tells the two apart, and the penalty is on V(s) - g V(s')
as well.

`all` are demonstrations and, half and half, other episodes: failed and play ones from bags, or
what the policy did in simulation. Their reward is pulled to zero and nothing else is said of them,
so a Q-value in them is the discounted way back to what was demonstrated. The policy imitates the
demonstrations, and those moments of other episodes that lead there (advantage weights; Nair et al.
2020, eq. 6):

    L_pi = L_BC(demo) + share E_{(s, A) ~ other, weight exp(advantage / beta)}[L_BC(s, A)]

with the advantage Q(s, A) - V(s) in standard deviations of itself.

With demonstrations alone this is Behavioural Cloning beside a critic. That is not modesty: without
dynamics nothing in the data says what happens where no demonstration went.
"""

from collections.abc import Mapping
import copy
import math

import torch
from torch import nn, Tensor

from ...policies.actor import Actor
from ...policies.base import Batch, Observation
from ..config import IqConfig
from ..critic import Critic
from ..transitions import ABSORBING, Memory

CLIP = 1.0
"""Largest norm of the policy's gradient."""

MOST = 20.0
"""Largest advantage weight, as a multiple of that of a neutral moment."""

DRAWS = 4
"""Samples of the noise in an advantage."""


class IqLearner:
    """Policy, its average, critic and target, and how they are updated.

    Attributes:
        actor: The policy that is trained.
        average: Moving average of its weights, which is the result.
        critic: The Q-functions.
        updates: Updates made.
    """

    def __init__(self, actor: Actor, config: IqConfig, seed: int) -> None:
        """Begin from a policy; it is copied."""
        spec = actor.policy.spec
        self.config, self._execute = config, spec.execute
        self.actor = copy.deepcopy(actor).requires_grad_(True).train()
        self.average = copy.deepcopy(actor).eval().requires_grad_(False)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            size = spec.history * spec.size, len(spec.joints)
            self.critic = Critic(*size, config.critic_width)
        self._target = copy.deepcopy(self.critic).requires_grad_(False)
        self.generator = torch.Generator().manual_seed(seed)
        self._policy_steps = torch.optim.AdamW(
            self.actor.parameters(), config.lr, weight_decay=1e-4
        )
        self._critic_steps = torch.optim.Adam(self.critic.parameters(), config.critic_lr)
        self._chances: Tensor | None = None
        self.updates = 0

    def _draw(self, count: int) -> Tensor:
        return torch.randint(count, (self.config.batch,), generator=self.generator)

    def _act(self, state: Tensor, width: float) -> Tensor:
        """Mean executed action of the policy, with noise of a width, shape (B, k)."""
        spec = self.actor.policy.spec
        history = state.reshape(len(state), spec.history, spec.size)
        chunk = self.actor.policy.sample(Observation(history, {}))[:, : self._execute].mean(dim=1)
        return chunk if width == 0 else self._blur(chunk)

    def _blur(self, action: Tensor) -> Tensor:
        """Add the policy's noise to actions."""
        return action + self.config.width * torch.randn(action.shape, generator=self.generator)

    @torch.no_grad()
    def value(self, critic: Critic, state: Tensor, absorbing: Tensor) -> Tensor:
        """V(s) by one sample of the policy, the lesser of both critics, shape (B,)."""
        action = self._act(state, self.config.width) * (1 - absorbing)
        result: Tensor = critic(state, action, absorbing).min(dim=1).values
        return result

    def update(self, demonstrations: Memory, other: Memory | None) -> dict[str, float]:
        """Make one update of critic and policy.

        Args:
            demonstrations: What is imitated.
            other: Any other episodes, if there are some.
        """
        figures = self._update_critic(demonstrations, other)
        for step in range(self.config.policy_steps):
            figures |= self._update_policy(demonstrations, other, step == 0)
        self.updates += 1
        return figures

    def _update_critic(self, demonstrations: Memory, other: Memory | None) -> dict[str, float]:
        config = self.config
        states, actions, flags, afters = [], [], [], []
        for memory in (demonstrations, other):
            if memory is None:
                continue
            pick = self._draw(len(memory))
            here, there = memory.here[pick], memory.there[pick]
            state, flag = memory.states(here)
            states.append(state)
            flags.append(flag)
            actions.append(self._blur(memory.actions(here, self._execute)) * (1 - flag))
            afters.append(self.value(self._target, *memory.states(there)))
        state, flag, count = torch.cat(states), torch.cat(flags), config.batch
        after = config.gamma * torch.cat(afters)[:, None]
        q = self.critic(state, torch.cat(actions), flag)
        reward = q - after
        kept = len(state) if config.mode == 'online' else count
        with torch.no_grad():
            own = self._act(state[:kept], config.width) * (1 - flag[:kept])
        value = self.critic(state[:kept], own, flag[:kept])
        # Offline the discounted values cancel: both means are over the same demonstrations.
        contrast = (value - after[:kept]).mean() - reward[:count].mean()
        # The policy's own actions as well, as if they led to the same place; else Q falls there
        # without bound.
        all_rewards = torch.cat([reward, value - after[:kept]])
        loss = contrast + (all_rewards**2).mean() / (4 * config.alpha)
        self._critic_steps.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._critic_steps.step()
        with torch.no_grad():
            mine = [p.detach() for p in self.critic.parameters()]
            torch._foreach_lerp_([p.detach() for p in self._target.parameters()], mine, config.tau)
            rest = reward[count:]
            return {
                'critic_loss': float(loss),
                'reward_demonstrations': float(reward[:count].mean()),
                'reward_other': float(rest.mean()) if len(rest) else 0.0,
                'value': float(value.mean()),
            }

    def _update_policy(
        self, demonstrations: Memory, other: Memory | None, first: bool
    ) -> dict[str, float]:
        config = self.config
        imitated = self._imitate(demonstrations, self._draw(len(demonstrations.state)))
        loss, figures = imitated, {'imitation': float(imitated.detach())}
        if other is not None and config.share > 0:
            chances = self._chances
            due = first and self.updates % config.refresh == 0
            if chances is None or len(chances) != len(other) or due:
                chances = self._chances = self.weights(other)
            pick = torch.multinomial(
                chances, config.batch, replacement=True, generator=self.generator
            )
            recovered = self._imitate(other, other.here[pick])
            loss = loss + config.share * recovered
            figures['recovery'] = float(recovered.detach())
        if config.mode == 'offline':
            progress = min(self.updates / config.updates, 1.0)
            for group in self._policy_steps.param_groups:
                group['lr'] = config.lr * 0.5 * (1.0 + math.cos(math.pi * progress))
        self._policy_steps.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.actor.parameters(), CLIP)
        self._policy_steps.step()
        with torch.no_grad():
            mine = [p.detach() for p in self.actor.parameters()]
            averages = [p.detach() for p in self.average.parameters()]
            torch._foreach_lerp_(averages, mine, 1 - config.ema)
        return figures

    def _imitate(self, memory: Memory, pick: Tensor) -> Tensor:
        batch = memory.batch(pick)
        state = batch.observation.state
        noisy = state.clone()
        # The newest frame; earlier ones are how much has changed since.
        newest = noisy[:, -1:]
        newest += self.config.noise * torch.randn(newest.shape, generator=self.generator)
        seen = Batch(Observation(noisy, {}), batch.action, batch.mask)
        return self.actor.policy.loss(seen, self.generator)['loss']

    @torch.no_grad()
    def weights(self, other: Memory) -> Tensor:
        """How much each transition of other episodes is worth imitating, shape (M,), sum 1."""
        state, flag = other.states(other.here)
        action = other.actions(other.here, self._execute)
        gain = torch.zeros(len(other))
        for _ in range(DRAWS):
            q = self._target(state, self._blur(action) * (1 - flag), flag).min(dim=1).values
            gain += (q - self.value(self._target, state, flag)) / DRAWS
        real = gain[other.here != ABSORBING]
        gain = (gain - real.mean()) / real.std().clamp(min=1e-6)
        worth = (gain / self.config.beta).exp().clamp(max=MOST)
        # Nothing is to be imitated in the absorbing state.
        worth = torch.where(other.here == ABSORBING, 0.0, worth)
        return worth / worth.sum()

    @torch.no_grad()
    def reward(self, memory: Memory) -> Tensor:
        """Reward that the critic implies at every transition, shape (M,)."""
        state, flag = memory.states(memory.here)
        q = self._target(state, memory.actions(memory.here, self._execute), flag)
        after, ends = memory.states(memory.there)
        action = self._act(after, 0.0) * (1 - ends)
        following = self._target(after, action, ends).mean(dim=1)
        result: Tensor = q.mean(dim=1) - self.config.gamma * following
        return result

    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next update depends on."""
        found: dict[str, Tensor] = {'generator': self.generator.get_state()}
        for part, module in self._modules().items():
            found |= {f'{part}.{name}': t for name, t in module.state_dict().items()}
        for part, steps in self._optimizers().items():
            for index, moments in steps.state_dict()['state'].items():
                found |= {f'{part}.{index}.{name}': t for name, t in moments.items()}
        if self._chances is not None:
            found['chances'] = self._chances
        return found

    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Go on from `tensors` after a number of updates."""
        for part, module in self._modules().items():
            module.load_state_dict(_part(tensors, part))
        for part, steps in self._optimizers().items():
            moments: dict[int, dict[str, Tensor]] = {}
            for name, tensor in _part(tensors, part).items():
                index, moment = name.split('.')
                moments.setdefault(int(index), {})[moment] = tensor
            groups = steps.state_dict()['param_groups']
            steps.load_state_dict({'state': moments, 'param_groups': groups})
        self.generator.set_state(tensors['generator'])
        self._chances = tensors.get('chances')
        self.updates = updates

    def _modules(self) -> dict[str, nn.Module]:
        return {
            'model': self.actor,
            'average': self.average,
            'critic': self.critic,
            'target': self._target,
        }

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {'policy_steps': self._policy_steps, 'critic_steps': self._critic_steps}


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    start = f'{part}.'
    return {k.removeprefix(start): t for k, t in tensors.items() if k.startswith(start)}
