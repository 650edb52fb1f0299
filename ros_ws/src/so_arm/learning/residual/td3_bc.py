"""TD3+BC for a bounded residual: the critics see the executed action, the actor is held near its references.

Fujimoto et al., "Addressing function approximation error in actor-critic methods" (2018), and Fujimoto and Gu,
"A minimalist approach to offline reinforcement learning" (2021), in the residual form
``L = -lambda * mean Q(s, a_base + delta) + bc_zero * mean |u|^2 + bc_demo * mean |u - u_demo|^2`` with
``u = delta / bound`` and ``lambda = alpha / mean|Q|``. The target's value is the smaller one of two random members of
an ensemble with layer normalisation (REDQ, Chen et al. 2021; RLPD, Ball et al. 2023).
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from so_arm.core.joints import NUM_JOINTS
from so_arm.learning.precision import use_bf16
from so_arm.learning.residual.network_input import BODY_SIZE, LOOK_SIZE, base_action, look
from so_arm.learning.residual.networks import Actor, Critics
from so_arm.learning.residual.replay_buffer import Batch, Seen
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.training_reward import PRIVILEGED_SIZE

_SMOOTHING_CLIP = 2.0  # of the smoothing noise, in standard deviations
#: A demonstrated action may lie outside of the bound; further out the critics need not tell how far.
_MAX_CORRECTION = 3.0
_LEAST_SCALE = 1e-2
_CRITIC_INPUTS = BODY_SIZE + LOOK_SIZE + PRIVILEGED_SIZE + NUM_JOINTS + NUM_JOINTS


class Td3Bc:
    """Actor, critics, their slow copies and their optimisers. `scale`: share of the bound in use.

    With bf16 the products within the critics are rounded; everything else is fp32 always.
    """

    def __init__(self, settings: ResidualSettings) -> None:
        self._settings = settings
        self._bound = torch.tensor(settings.bound, dtype=torch.float32)
        self._dtype = torch.bfloat16 if use_bf16(settings.precision, torch.device("cpu")) else torch.float32
        self.generator = torch.Generator().manual_seed(settings.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.actor = Actor(settings.hidden, settings.actor_layer_norm)
            self.critics = Critics(settings.ensemble, _CRITIC_INPUTS, settings.hidden, settings.layer_norm)
        self.slow_actor, self.slow_critics = copy.deepcopy(self.actor), copy.deepcopy(self.critics)
        self.actor_optimiser = torch.optim.Adam(self.actor.parameters(), settings.actor_learning_rate, fused=True)
        self.critic_optimiser = torch.optim.Adam(self.critics.parameters(), settings.critic_learning_rate, fused=True)
        self.privileged_mean = torch.zeros(PRIVILEGED_SIZE)
        self.privileged_scale = torch.ones(PRIVILEGED_SIZE)
        self.updates = 0
        self.losses: dict[str, float] = {}

    def set_scales(self, privileged: np.ndarray) -> None:
        """Make the critics see privileged state (n, PRIVILEGED_SIZE) as numbers of order one."""
        self.privileged_mean = torch.from_numpy(privileged.mean(0))
        self.privileged_scale = torch.from_numpy(privileged.std(0) + _LEAST_SCALE)

    def critic_input(self, seen: Seen, action: Tensor) -> Tensor:
        """(n, inputs) for executed actions (n, 6), normalised; also shown as what they add to the base's."""
        added = (action - base_action(seen.body)) / self._bound
        known = (seen.privileged - self.privileged_mean) / self.privileged_scale
        return torch.cat(
            (seen.body, look(seen.body, seen.places), known, action, added.clamp(-_MAX_CORRECTION, _MAX_CORRECTION)),
            dim=1,
        )

    def executed(self, seen: Seen, correction: Tensor, scale: float) -> Tensor:
        """Actions (n, 6), normalised, of corrections (n, 6) in shares of the bound; as `core.residual` clips them."""
        base = base_action(seen.body)
        added = correction * (self._bound * scale)
        return base + torch.clamp(added, torch.clamp(-1.0 - base, max=0.0), torch.clamp(1.0 - base, min=0.0))

    def targets(self, batch: Batch, scale: float) -> Tensor:
        """What the critics should say, (n,)."""
        settings, size = self._settings, (len(batch.action), NUM_JOINTS)
        with torch.no_grad():
            noise = torch.randn(size, generator=self.generator) * settings.smoothing_noise
            limit = _SMOOTHING_CLIP * settings.smoothing_noise
            wanted = torch.tanh(self.slow_actor(batch.later.body, batch.later.places)) + noise.clamp(-limit, limit)
            action = self.executed(batch.later, wanted.clamp(-1.0, 1.0), scale)
            members = None
            if settings.pair and settings.ensemble > 2:
                members = torch.randperm(settings.ensemble, generator=self.generator)[:2]
            values = self._values(self.slow_critics, batch.later, action, members)
            target: Tensor = batch.returns + batch.discount * values.min(dim=0).values
            return target

    def update(self, batch: Batch, scale: float = 1.0, actor_too: bool = True) -> None:
        """One step of the critics, and every `policy_delay` of them one of the actor."""
        values = self._values(self.critics, batch.seen, batch.action)
        loss = ((values - self.targets(batch, scale)) ** 2).mean(dim=1).sum()
        self.critic_optimiser.zero_grad()
        loss.backward()
        self.critic_optimiser.step()
        self.updates += 1
        self._follow(self.slow_critics, self.critics)
        self.losses["critic"] = loss.item() / self._settings.ensemble
        self.losses["value"] = values.detach().mean().item()
        if actor_too and self.updates % self._settings.policy_delay == 0:
            self._update_actor(batch, scale)

    def actor_loss(self, batch: Batch, scale: float) -> Tensor:
        """See the head of this file."""
        settings, seen = self._settings, batch.seen
        correction = torch.tanh(self.actor(seen.body, seen.places))
        values = self._values(self.critics, seen, self.executed(seen, correction, scale)).mean(dim=0)
        weight = settings.bc_alpha / values.detach().abs().mean().clamp_min(1e-6)
        loss = -weight * values.mean()
        demos = batch.demos
        if demos:
            loss = loss + settings.bc_demo * self.distance_to_demonstration(batch, correction[:demos])
        if demos < len(correction):
            loss = loss + settings.bc_zero * (correction[demos:] ** 2).mean()
        return loss

    def distance_to_demonstration(self, batch: Batch, correction: Tensor) -> Tensor:
        """Mean square of what corrections (demos, 6) differ from ``clip((a_demo - a_base) / bound, -1, 1)``."""
        n = batch.demos
        wanted = ((batch.action[:n] - base_action(batch.seen.body[:n])) / self._bound).clamp(-1.0, 1.0)
        return ((correction - wanted) ** 2).mean()

    def clone(self, batch: Batch) -> float:
        """One step of the actor towards the demonstrations alone; the loss."""
        loss = self.distance_to_demonstration(batch, torch.tanh(self.actor(batch.seen.body, batch.seen.places)))
        self._step_actor(loss)
        return loss.item()

    def _values(self, critics: Critics, seen: Seen, action: Tensor, members: Tensor | None = None) -> Tensor:
        values: Tensor = critics(self.critic_input(seen, action), members, self._dtype)
        return values

    def _update_actor(self, batch: Batch, scale: float) -> None:
        self.critics.requires_grad_(False)
        loss = self.actor_loss(batch, scale)
        self.critics.requires_grad_(True)
        self._step_actor(loss)
        self._follow(self.slow_actor, self.actor)
        self.losses["actor"] = loss.item()

    def _step_actor(self, loss: Tensor) -> None:
        self.actor_optimiser.zero_grad()
        loss.backward()
        self.actor_optimiser.step()

    def _follow(self, slow: torch.nn.Module, fast: torch.nn.Module) -> None:
        with torch.no_grad():
            torch._foreach_lerp_(list(slow.parameters()), list(fast.parameters()), self._settings.target_rate)
