"""One episode on its way through the collector."""

from __future__ import annotations

import numpy as np

from so_arm.core.chunk import ActionChunk, TimelineStep
from so_arm.core.chunk_follower import ChunkFollower
from so_arm.core.clock import tick_stamp_ns
from so_arm.core.joints import LOWER_RAD, NUM_JOINTS, UPPER_RAD
from so_arm.core.residual import apply_correction, residual_scale_rad, to_unit
from so_arm.learning.residual import network_input
from so_arm.learning.residual.episodes import BatchPolicy, Episode, Kind, TrainingEnvironment, Workplace
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.training_reward import TrainingReward, places, privileged

#: A disturbance is held this long [ticks], so that the arm really leaves its path before the base corrects it.
_HELD_TICKS = 6
_HELD_SIZES = (0.0, 0.2, 0.5)


class Run:
    """Tick by tick: `due` and `plan`, then `begin_tick`, then `step` or `hold`."""

    def __init__(
        self,
        env: TrainingEnvironment,
        seed: int,
        kind: Kind,
        bound: np.ndarray,
        workplace: Workplace,
        settings: ResidualSettings,
    ) -> None:
        self.env, self.seed, self.over = env, seed, False
        self._kind, self._bound = kind, bound
        self._noise = settings.exploration_noise
        self._rng = np.random.default_rng([settings.seed, seed])
        delay = int(self._rng.integers(settings.latency_ticks + 1)) if settings.latency_ticks else 0
        self._chunks = ChunkFollower(workplace.make_timeline(), delay)
        self._reward = TrainingReward(workplace.reward, settings.success_bonus, settings.shaping, settings.discount)
        observation, info = env.reset(seed=seed)
        self._expert = workplace.make_expert(env) if kind is Kind.demonstration and workplace.make_expert else None
        self._state = info["state"]
        self._reward.begin(self._state)
        self._tick = 0
        self._last_planned: TimelineStep | None = None
        self.position = self._previous = np.asarray(observation["joint_position"])
        self._frame_of: dict[int, int] = {}
        self._features: list[np.ndarray] = []
        self._places: list[np.ndarray] = []
        self._estimates: list[np.ndarray] = []
        self._disturbance = np.zeros(NUM_JOINTS)
        self._bodies: list[np.ndarray] = []
        self._privileged: list[np.ndarray] = []
        self._frames: list[int] = []
        self._actions: list[np.ndarray] = []
        self._rewards: list[float] = []
        self._total = 0.0
        self.terminated, self.success, self.failure = False, False, None

    def due(self) -> bool:
        """The base has to plan now."""
        return self._chunks.due(tick_stamp_ns(self._tick))

    def plan(self, chunk: np.ndarray, features: np.ndarray, estimate: np.ndarray) -> None:
        """What the base planned for now (n, 6) [rad], what it saw (k,), and the places in that (6,) [m]."""
        stamp = tick_stamp_ns(self._tick)
        self._frame_of[stamp] = len(self._features)
        self._features.append(features.astype(np.float16))
        self._places.append(places(self._state))
        self._estimates.append(estimate)
        self._chunks.add(ActionChunk(stamp, self._chunks.period_ns, chunk))

    def begin_tick(self) -> TimelineStep | None:
        """The step of the plan that is due; None: no plan is there yet."""
        self.planned = self._chunks.at(tick_stamp_ns(self._tick))
        return self.planned

    @property
    def rate(self) -> np.ndarray:
        """Change of position within the last tick (6,) [rad]."""
        return self.position - self._previous

    @property
    def estimate(self) -> np.ndarray:
        """Estimated places (6,) [m] that go with the plan."""
        assert self.planned is not None
        return self._estimates[self._frame_of[self.planned.chunk_stamp_ns]]

    @property
    def earned(self) -> float:
        """What the last step brought, with the ticks without a plan that followed it."""
        return self._rewards[-1]

    def step(self, body: np.ndarray, correction: np.ndarray) -> None:
        """One tick. body: (BODY_SIZE,) of this tick; correction: (6,) share of the bound that the actor wants."""
        assert self.planned is not None
        self._see(body)
        self._last_planned = self.planned
        base = self.planned.position
        action = apply_correction(base, self._wanted(base, correction), self._bound).action
        self._actions.append(to_unit(action).astype(np.float32))
        self._rewards.append(0.0)
        self._move(self.env.step(action))

    def hold(self) -> None:
        """A tick without a plan; the arm keeps its target, and the last action lasts one tick longer."""
        self._move(self.env.hold())

    def episode(self) -> Episode:
        """Once it is over and its last state was seen by `see_end`."""
        return Episode(
            seed=self.seed,
            success=self.success,
            failure=None if self.success else self.failure,
            terminated=self.terminated,
            episode_reward=self._total,
            body=np.array(self._bodies),
            privileged=np.array(self._privileged),
            action=np.array(self._actions),
            reward=np.array(self._rewards, dtype=np.float32),
            frame=np.array(self._frames),
            features=np.array(self._features),
            places=np.array(self._places),
            estimated=np.array(self._estimates),
        )

    def see_end(self, body: np.ndarray) -> None:
        """The state after the last tick."""
        self._see(body)

    def _see(self, body: np.ndarray) -> None:
        assert self.planned is not None
        self._bodies.append(body)
        self._privileged.append(privileged(self._state))
        self._frames.append(self._frame_of[self.planned.chunk_stamp_ns])

    def _wanted(self, base: np.ndarray, correction: np.ndarray) -> np.ndarray:
        """Correction (6,) in shares of the bound, -1 to 1."""
        if self._expert is not None:
            target = np.clip(self._expert.act(), LOWER_RAD, UPPER_RAD)
            return np.clip((target - base) / residual_scale_rad(self._bound), -1.0, 1.0)
        if self._kind is Kind.disturbed:
            if self._tick % _HELD_TICKS == 0:
                size = self._rng.choice(_HELD_SIZES)
                self._disturbance = size * self._rng.uniform(-1.0, 1.0, NUM_JOINTS)
            return self._disturbance
        if self._kind is Kind.exploration:
            return np.clip(correction + self._rng.normal(0.0, self._noise, NUM_JOINTS), -1.0, 1.0)
        return correction

    def _move(self, result: tuple) -> None:  # type: ignore[type-arg]
        observation, reward, terminated, truncated, info = result
        self._previous, self.position = self.position, np.asarray(observation["joint_position"])
        self._state = info["state"]
        self._tick += 1
        self._total += float(reward)
        earned = self._reward(self._state)
        if self._rewards:
            self._rewards[-1] += earned
        self.terminated, self.success, self.failure = terminated, bool(info["success"]), info["failure"]
        self.over = terminated or truncated
        if self.over:
            self.planned = self._chunks.at(tick_stamp_ns(self._tick)) or self._last_planned


def plan_due(runs: list[Run], policy: BatchPolicy, estimator: Estimator) -> None:
    """Have the base plan for those that are due, all at once."""
    runs = [run for run in runs if run.due()]
    if not runs:
        return
    positions = np.stack([run.position for run in runs])
    images = {name: np.stack([run.env.camera_image(name) for run in runs]) for name in policy.camera_names}
    chunks, features = policy.predict_batch(positions, images)
    estimates = estimator.places(features)
    for run, chunk, seen, estimate in zip(runs, chunks, features, estimates, strict=True):
        run.plan(chunk, seen, estimate)


def bodies_of(runs: list[Run]) -> np.ndarray:
    """What the arms know of themselves now (n, BODY_SIZE)."""
    steps = [run.planned for run in runs if run.planned is not None]
    return network_input.body(
        np.stack([run.position for run in runs]),
        np.stack([run.rate for run in runs]),
        np.stack([network_input.plan_ahead(step.plan) for step in steps]),
        np.array([step.step for step in steps]),
    )
