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
from so_arm.learning.residual.dead_moments import drop_dead_moments
from so_arm.learning.residual.dense import Network, Passage
from so_arm.learning.residual.ensemble import Ensemble
from so_arm.learning.residual.flat import flattened, follow
from so_arm.learning.residual.network_input import BODY_SIZE, LOOK_SIZE, base_action
from so_arm.learning.residual.networks import Actor, Critics, actor_input, gradients, values
from so_arm.learning.residual.replay_buffer import Batch, Seen
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.training_reward import PRIVILEGED_SIZE

_SMOOTHING_CLIP = 2.0  # of the smoothing noise, in standard deviations
#: A demonstrated action may lie outside of the bound; further out the critics need not tell how far.
_MAX_CORRECTION = 3.0
_LEAST_SCALE = 1e-2
_ACTING = 2 * NUM_JOINTS  # the last inputs of the critics: the action, and what it adds to the base's
ACTOR_INPUTS = BODY_SIZE + LOOK_SIZE
CRITIC_INPUTS = ACTOR_INPUTS + PRIVILEGED_SIZE + _ACTING


class Td3Bc:
    """Actor, critics, their slow copies and their optimisers. `scale`: share of the bound in use.

    With bf16 the products within the networks are rounded; everything else is fp32 always.
    """

    def __init__(self, settings: ResidualSettings) -> None:
        self._settings = settings
        self._bound = torch.tensor(settings.bound, dtype=torch.float32)
        self.generator = torch.Generator().manual_seed(settings.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.actor = Actor(settings.hidden, settings.actor_layer_norm)
            self.critics = Critics(settings.ensemble, CRITIC_INPUTS, settings.hidden, settings.layer_norm)
        self.slow_actor, self.slow_critics = copy.deepcopy(self.actor), copy.deepcopy(self.critics)
        self._flat_actor, self._flat_critics = flattened(self.actor), flattened(self.critics)
        self._flat_slow_actor, self._flat_slow_critics = flattened(self.slow_actor), flattened(self.slow_critics)
        dtype = torch.bfloat16 if use_bf16(settings.precision, torch.device("cpu")) else torch.float32
        self._ensemble, self._slow_ensemble = Ensemble(self.critics, dtype), Ensemble(self.slow_critics, dtype)
        self._acting, self._slow_acting = self.actor.network(values), self.slow_actor.network(values)
        self._of_actor = self.actor.network(gradients)
        self._passage = Passage(dtype)
        self.actor_optimiser = torch.optim.Adam([self._flat_actor], settings.actor_learning_rate, fused=True)
        self.critic_optimiser = torch.optim.Adam([self._flat_critics], settings.critic_learning_rate, fused=True)
        self.privileged_mean = torch.zeros(PRIVILEGED_SIZE)
        self.privileged_scale = torch.ones(PRIVILEGED_SIZE)
        self.updates = 0
        self.losses: dict[str, float] = {}

    def set_scales(self, privileged: np.ndarray) -> None:
        """Make the critics see privileged state (n, PRIVILEGED_SIZE) as numbers of order one."""
        self.privileged_mean = torch.from_numpy(privileged.mean(0))
        self.privileged_scale = torch.from_numpy(privileged.std(0) + _LEAST_SCALE)

    def state(self, seen: Seen) -> Tensor:
        """(n, CRITIC_INPUTS - 12): the actor's input, `ACTOR_INPUTS` columns, and what only the critics know."""
        known = (seen.privileged - self.privileged_mean) / self.privileged_scale
        return torch.cat((actor_input(seen.body, seen.places), known), dim=1)

    def acted(self, seen: Seen, action: Tensor) -> Tensor:
        """Executed actions (n, 6), normalised, and what they add to the base's in shares of the bound: (n, 12)."""
        added = (action - base_action(seen.body)) / self._bound
        return torch.cat((action, added.clamp(-_MAX_CORRECTION, _MAX_CORRECTION)), dim=1)

    def executed(self, seen: Seen, correction: Tensor, scale: float) -> Tensor:
        """Actions (n, 6), normalised, of corrections (n, 6) in shares of the bound; as `core.residual` clips them."""
        return base_action(seen.body) + torch.clamp(correction * (self._bound * scale), *_room_around(seen))

    def _free(self, seen: Seen, correction: Tensor, scale: float) -> Tensor:
        """(n, 6): where the executed action goes with the correction."""
        added, (low, high) = correction * (self._bound * scale), _room_around(seen)
        return (low <= added) & (added <= high)

    @torch.no_grad()
    def targets(self, batch: Batch, scale: float) -> Tensor:
        """What the critics should say, (n,)."""
        settings, later = self._settings, batch.later
        state = self.state(later)
        noise = torch.randn((len(batch.action), NUM_JOINTS), generator=self.generator) * settings.smoothing_noise
        limit = _SMOOTHING_CLIP * settings.smoothing_noise
        wanted = self._correction(self._slow_acting, state)
        wanted = (wanted + noise.clamp(-limit, limit)).clamp(-1.0, 1.0)
        members = None
        if settings.pair and settings.ensemble > 2:
            members = torch.randperm(settings.ensemble, generator=self.generator)[:2]
        acted = self.acted(later, self.executed(later, wanted, scale))
        said = self._slow_ensemble.values(critic_input(state, acted), members)
        target: Tensor = batch.returns + batch.discount * said.min(dim=0).values
        return target

    @torch.no_grad()
    def update(self, batch: Batch, scale: float = 1.0, actor_too: bool = True) -> None:
        """One step of the critics, and every `policy_delay` of them one of the actor."""
        state = self.state(batch.seen)
        x = critic_input(state, self.acted(batch.seen, batch.action))
        loss, value = self._ensemble.regress(x, self.targets(batch, scale))
        self.critic_optimiser.step()
        drop_dead_moments(self.critic_optimiser)
        self.updates += 1
        follow(self._flat_slow_critics, self._flat_critics, self._settings.target_rate)
        self.losses["critic"] = loss.item() / self._settings.ensemble
        self.losses["value"] = value.item()
        if actor_too and self.updates % self._settings.policy_delay == 0:
            correction = self._correction(self._acting, state)
            loss, slope = self.actor_loss(batch, state, correction, scale)
            self._step_actor(correction, slope)
            follow(self._flat_slow_actor, self._flat_actor, self._settings.target_rate)
            self.losses["actor"] = loss.item()

    def actor_loss(self, batch: Batch, state: Tensor, correction: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """See the head of this file; and its gradient (n, 6) in the correction.

        state: see `state`. correction: (n, 6), what the actor wants, in shares of the bound.
        """
        settings, seen, demos = self._settings, batch.seen, batch.demos
        acted = self.acted(seen, self.executed(seen, correction, scale))
        value, slope = self._ensemble.slope(critic_input(state, acted), _ACTING)
        weight = settings.bc_alpha / value.abs().mean().clamp_min(1e-6)
        loss = -weight * value.mean()
        of_action = slope[:, :NUM_JOINTS] + slope[:, NUM_JOINTS:] / self._bound
        free = self._free(seen, correction, scale)
        gradient = torch.where(free, of_action * (self._bound * scale), 0.0) * (-weight / len(correction))
        for part, share, off in (
            (slice(0, demos), settings.bc_demo, self.off_demonstration(batch, correction)),
            (slice(demos, None), settings.bc_zero, correction[demos:]),
        ):
            if share and len(off):
                distance, of_correction = mean_square(off)
                loss = loss + share * distance
                gradient[part] += share * of_correction
        return loss, gradient

    def off_demonstration(self, batch: Batch, correction: Tensor) -> Tensor:
        """(demos, 6): corrections (n, 6) of the demonstrated rows - ``clip((a_demo - a_base) / bound, -1, 1)``."""
        n = batch.demos
        wanted = ((batch.action[:n] - base_action(batch.seen.body[:n])) / self._bound).clamp(-1.0, 1.0)
        return correction[:n] - wanted

    @torch.no_grad()
    def clone(self, batch: Batch) -> float:
        """One step of the actor towards the demonstrations alone; the loss. All of the batch is demonstrated."""
        correction = self._correction(self._acting, self.state(batch.seen))
        loss, slope = mean_square(self.off_demonstration(batch, correction))
        self._step_actor(correction, slope)
        return loss.item()

    def _correction(self, actor: Network, state: Tensor) -> Tensor:
        """(n, 6), shares of the bound."""
        return torch.tanh(self._passage.forward(actor, state[:, :ACTOR_INPUTS])[0])

    def _step_actor(self, correction: Tensor, slope: Tensor) -> None:
        """Down the gradient (n, 6) of a loss in the correction that `_correction` gave for `_acting` last."""
        self._passage.backward(self._acting, (slope * (1.0 - correction**2))[None], self._of_actor)
        self.actor_optimiser.step()
        drop_dead_moments(self.actor_optimiser)


def _room_around(seen: Seen) -> tuple[Tensor, Tensor]:
    """What may be added to the base's action, from (n, 6) to (n, 6), normalised."""
    base = base_action(seen.body)
    return torch.clamp(-1.0 - base, max=0.0), torch.clamp(1.0 - base, min=0.0)


def critic_input(state: Tensor, acted: Tensor) -> Tensor:
    """(n, CRITIC_INPUTS) for what `Td3Bc.acted` says of the actions."""
    return torch.cat((state, acted), dim=1)


def mean_square(off: Tensor) -> tuple[Tensor, Tensor]:
    """``mean off^2``, and its gradient in `off`."""
    return (off**2).mean(), off * (2.0 / off.numel())
