"""A residual training run without folders and processes: what to collect next, and what to learn from it.

A round is a set of episodes that are carried out with the actor as it was at the round's start, while the learner
makes the updates that the round before has earned. Everything that is saved is the state between two rounds, so a run
that is stopped anywhere goes on as if it had not been.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from so_arm.core.errors import UserError
from so_arm.learning.residual.episodes import Episode, Kind, Order, Weights
from so_arm.learning.residual.estimator import Estimator, Frames, fit
from so_arm.learning.residual.replay_buffer import Batch, ReplayBuffer, joined
from so_arm.learning.residual.seeds import first_seed
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.td3_bc import Td3Bc
from so_arm.learning.residual.trainer_state import (
    MODULES,
    Store,
    TrainerState,
    network_tensors,
    read_state,
    restore_networks,
    restore_stores,
    stored_tensors,
)

_COUNTERS = ("step", "episodes", "demonstrated", "disturbed", "fitted_at", "debt", "estimate_error", "seconds")


class ResidualTrainer:
    """`next_order`, `learn` while it is carried out, `take` what came of it, `prepare`; again until `finished`."""

    def __init__(self, settings: ResidualSettings, feature_size: int) -> None:
        self.settings = settings
        self.networks = Td3Bc(settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.estimator = Estimator(feature_size)
        self.step = 0  #: ticks of exploration so far
        self.seconds = 0.0  #: time spent so far; kept by whoever drives the run
        self.estimate_error = math.nan  #: median error of the object's place on held out episodes [m]
        self.episodes = self.demonstrated = self.disturbed = self.fitted_at = 0
        self.debt = 0.0  # updates that the ticks so far have earned and that are not made yet
        self._frames = Frames(feature_size)
        self._demos = ReplayBuffer(self._frames, settings.n_step, settings.discount)
        self._online = ReplayBuffer(self._frames, settings.n_step, settings.discount)
        self._stores: dict[str, Store] = {"demos": self._demos, "online": self._online, "frames": self._frames}
        self._rng = np.random.default_rng(settings.seed)
        self._ready = False
        self._between = self._snapshot()

    @property
    def finished(self) -> bool:
        return self.step >= self.settings.steps

    @property
    def preparing(self) -> bool:
        """The networks are not ready for exploration yet."""
        return not self._ready

    @property
    def preparation_due(self) -> bool:
        """Everything is there that the networks start from: it is time for `prepare`."""
        return not self._ready and self._collected()

    def next_order(self) -> Order:
        """What to carry out next."""
        settings, first = self.settings, first_seed(self.settings.seed) + self.episodes
        if self.demonstrated < settings.demonstrations:
            kind, count = Kind.demonstration, settings.demonstrations - self.demonstrated
        elif self.disturbed < settings.warmup_episodes:
            kind, count = Kind.disturbed, settings.warmup_episodes - self.disturbed
        else:
            kind, count = Kind.exploration, settings.episodes_per_round
        seeds = list(range(first, first + min(count, settings.episodes_per_round)))
        # What only prepares is spread over the whole bound, whatever share of it exploration begins with.
        scale = settings.scale(self.step) if kind is Kind.exploration else 1.0
        return Order(seeds, kind, *self.weights(), scale)

    def weights(self) -> tuple[Weights, Weights]:
        """Actor and estimator as they were between the last two rounds."""
        return self._between.weights("actor"), self._between.weights("estimator")

    def learn(self, on_update: Callable[[], None] = lambda: None) -> None:
        """Make the updates that are due. UserError when a loss stops being a number; the last saved state is good."""
        scale = self.settings.scale(self.step)
        while self.debt >= 1.0:
            self._update(scale)
            self.debt -= 1.0
            on_update()
        self._check_weights()

    def take(self, episodes: list[Episode], kind: Kind) -> None:
        """The end of a round: what came of its order."""
        if self.preparation_due and kind is Kind.exploration:
            raise ValueError("exploration before the networks are prepared")
        self.episodes += len(episodes)
        for episode in episodes:
            (self._demos if kind is Kind.demonstration and episode.success else self._online).add(episode)
        if kind is Kind.demonstration:
            self.demonstrated += len(episodes)
        elif kind is Kind.disturbed:
            self.disturbed += len(episodes)
        else:
            ticks = sum(episode.steps for episode in episodes)
            self.step += ticks
            self.debt += ticks * self.settings.updates_per_step
        if self._refit_due():
            self._fit(self.settings.estimator_refit_updates, first=False)
        self._between = self._snapshot()

    def prepare(self, on_share: Callable[[float], None] = lambda share: None) -> None:
        """Everything that comes before reinforcement, when it is due: estimator, clone of the demonstrations, values.

        on_share: hears how much of it is done, 0 to 1. UserError when a loss stops being a number. What was collected
        stays when it ends early.
        """
        if not self.preparation_due:
            return
        settings, networks = self.settings, self.networks
        clones = settings.clone_updates if self._demos.ticks else 0
        tell = _share_of(settings.estimator_updates + clones + settings.critic_warmup, on_share)
        self._fit(settings.estimator_updates, first=True, on_update=tell)
        networks.set_scales(self._online.privileged[: self._online.rows])
        for _ in range(clones):
            demos = self._demos.sample(settings.batch_size, self._rng)
            self._check_loss("clone", networks.clone(demos._replace(demos=settings.batch_size)))
            tell()
        if self._demos.ticks:
            networks.slow_actor.load_state_dict(networks.actor.state_dict())
        for _ in range(settings.critic_warmup):
            self._update(settings.scale(0), actor_too=False)
            tell()
        self._check_weights()
        self._ready = True
        self._between = self._snapshot()

    def save(self, folder: Path) -> None:
        """The state between the last two rounds, whole or not at all; UserError when the disk is full."""
        self._between.numbers["seconds"] = self.seconds  # also of what is to be done again
        self._between.write(folder, self.settings)

    def load(self, folder: Path) -> None:
        """Inverse of `save`; UserError for files that are missing or damaged."""
        state = read_state(folder)
        try:
            restore_networks(self.networks, self.estimator, state.tensors)
            restore_stores(self._stores, state.experience)
            self._restore_numbers(state.numbers)
        except (KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise UserError(f"{folder} is damaged: {type(error).__name__}: {error}") from None
        self._between = self._snapshot()

    def _update(self, scale: float, actor_too: bool = True) -> None:
        self.networks.update(self._batch(), scale, actor_too)
        for name, loss in self.networks.losses.items():
            self._check_loss(name, loss)

    def _check_loss(self, name: str, loss: float) -> None:
        if not math.isfinite(loss):
            at = f"update {self.networks.updates}, step {self.step}"
            raise UserError(f"the loss '{name}' became {loss} at {at}; try lower learning rates")

    def _check_weights(self) -> None:
        """The last update of a round may spoil the networks without a loss that tells."""
        for name in MODULES:
            if not all(torch.isfinite(tensor).all() for tensor in getattr(self.networks, name).parameters()):
                self._check_loss(f"gradient of {name}", math.nan)

    def _batch(self) -> Batch:
        demos = int(self.settings.batch_size * self.settings.demo_share) if self._demos.ticks else 0
        online = self._online.sample(self.settings.batch_size - demos, self._rng)
        return joined(self._demos.sample(demos, self._rng), online) if demos else online

    def _collected(self) -> bool:
        enough = self.disturbed >= self.settings.warmup_episodes
        return enough and self.demonstrated >= self.settings.demonstrations and self._online.ticks > 0

    def _refit_due(self) -> bool:
        every = self.settings.estimator_refit_every
        return self._ready and 0 < every <= self.step - self.fitted_at

    def _fit(self, updates: int, first: bool, on_update: Callable[[], None] = lambda: None) -> None:
        self.estimate_error = fit(self.estimator, self._frames, updates, self.networks.generator, first, on_update)
        self._check_loss("estimator", self.estimate_error)
        self._frames.estimate(self.estimator)
        self.fitted_at = self.step

    def _snapshot(self) -> TrainerState:
        numbers = {name: getattr(self, name) for name in _COUNTERS}
        numbers |= {"updates": self.networks.updates, "ready": self._ready, "rng": self._rng.bit_generator.state}
        return TrainerState(network_tensors(self.networks, self.estimator), stored_tensors(self._stores), numbers)

    def _restore_numbers(self, numbers: dict[str, Any]) -> None:
        for name in _COUNTERS:
            value = numbers[name]
            setattr(self, name, math.nan if value is None else type(getattr(self, name))(value))  # JSON has no NaN
        self.networks.updates = int(numbers["updates"])
        self._ready = bool(numbers["ready"])
        self._rng.bit_generator.state = numbers["rng"]


def _share_of(total: int, on_share: Callable[[float], None]) -> Callable[[], None]:
    """To be called after each of `total` updates."""
    done = count(1)
    return lambda: on_share(next(done) / total)
