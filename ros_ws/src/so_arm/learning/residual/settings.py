"""What a residual training run is made of. Written into the run's folder; `--resume` compares it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from so_arm.core.errors import UserError, choice_error
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.learning.precision import PRECISIONS
from so_arm.learning.residual.update_rhythm import update_rhythm

ALGORITHMS = ("td3-bc", "sac")
#: Share of each joint's half range. The gripper gets more: its command says how hard to close, not only where to.
DEFAULT_BOUND: tuple[float, ...] = (0.1, 0.1, 0.1, 0.1, 0.1, 0.3)


@dataclass(frozen=True)
class ResidualSettings:
    """Everything that decides what a run learns, besides the base policy. Ticks are control ticks (1/30 s)."""

    algo: str = "td3-bc"  # sac: the baseline, of which only what `sac` names counts
    task: str = "pick_place"
    reward: str = "v3"
    randomisation: str = "none"
    seed: int = 0
    steps: int = 400_000  # control ticks of exploration; demonstrations and warm-up come on top
    bound: tuple[float, ...] = DEFAULT_BOUND

    # What is collected.
    episodes_per_round: int = 24  # carried out side by side with the same actor
    demonstrations: int = 300  # episodes of the expert, held within the bound around the base
    demonstration_pace: float = 1.4  # how much faster than usual the expert moves
    warmup_episodes: int = 300  # episodes of the disturbed base, before anything is learned
    exploration_noise: float = 0.15  # standard deviation, share of the bound
    latency_ticks: int = 0  # the base's chunks come up to this many ticks late, drawn per episode

    # Reward: success_bonus at success, and the task's reward as a potential (Ng, Harada and Russell 1999).
    success_bonus: float = 1.0
    shaping: float = 0.02
    discount: float = 0.99
    n_step: int = 5

    # Networks.
    hidden: int = 256
    ensemble: int = 4
    pair: bool = True  # the target takes the smaller value of two random critics; without: of all
    layer_norm: bool = True  # of the critics
    actor_layer_norm: bool = True

    # TD3+BC.
    batch_size: int = 256
    updates_per_step: float = 0.2  # update-to-data ratio
    demo_share: float = 0.25  # of each batch
    actor_learning_rate: float = 3e-4
    critic_learning_rate: float = 3e-4
    target_rate: float = 0.005
    policy_delay: int = 2
    smoothing_noise: float = 0.1
    bc_alpha: float = 2.5  # lambda = alpha / mean|Q| weighs the value against the terms below
    bc_demo: float = 1.0  # towards the demonstrated correction
    bc_zero: float = 0.1  # towards no correction
    clone_updates: int = 2000  # of the actor on the demonstrations alone, before anything else
    critic_warmup: int = 1000  # updates of the critics alone
    scale_start: float = 1.0  # share of the bound at the start, ...
    scale_steps: int = 0  # ... growing to all of it within this many ticks

    # The estimator of where things are, from the base's frozen features.
    estimator_updates: int = 3000
    estimator_refit_every: int = 30_000  # ticks; 0: never again
    estimator_refit_updates: int = 1000

    precision: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "bound", _six(self.bound))
        if self.algo not in ALGORITHMS:
            raise choice_error("algo", self.algo, ALGORITHMS)
        if self.algo == "sac":  # stable-baselines3 knows no layer normalisation
            object.__setattr__(self, "actor_layer_norm", False)
        for field in dataclasses.fields(self):
            _check_kind(field.name, getattr(self, field.name), str(field.type))
        for name in ("updates_per_step", "exploration_noise") if self.algo == "sac" else ():
            if getattr(self, name) == 0.0:
                raise UserError(f"{name} is 0, expected more for algo sac")
        if self.algo == "sac":
            update_rhythm(self.updates_per_step)
        if self.precision not in PRECISIONS:
            raise choice_error("precision", self.precision, PRECISIONS)
        for name in ("steps", "episodes_per_round", "n_step", "hidden", "ensemble", "batch_size", "policy_delay"):
            if not getattr(self, name) >= 1:
                raise UserError(f"{name} is {getattr(self, name)}, expected at least 1")
        if not 0.1 <= self.demonstration_pace <= 10.0:
            raise UserError(f"demonstration_pace is {self.demonstration_pace}, expected 0.1 to 10.0")
        for name in ("discount", "demo_share", "target_rate", "scale_start"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UserError(f"{name} is {getattr(self, name)}, expected 0.0 to 1.0")
        if self.demo_share > 0.0 and self.demonstrations == 0:
            object.__setattr__(self, "demo_share", 0.0)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"bound": list(self.bound)}

    @classmethod
    def from_dict(cls, values: Any) -> ResidualSettings:
        """Inverse of `to_dict`; UserError for a setting that this version does not know or cannot have."""
        if not isinstance(values, dict):
            raise UserError(f"residual settings are a {type(values).__name__}, expected an object")
        known = {field.name for field in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise UserError(f"residual setting {name} is unknown to this version of so-arm")
        return cls(**values)

    def differences(self, other: ResidualSettings) -> list[str]:
        """``name: mine, not other's`` for every setting that differs."""
        mine, others = self.to_dict(), other.to_dict()
        return [f"{name}: {mine[name]}, not {others[name]}" for name in mine if mine[name] != others[name]]

    def scale(self, step: int) -> float:
        """Share of the bound in use after `step` ticks of exploration."""
        if step >= self.scale_steps:
            return 1.0
        return self.scale_start + (1.0 - self.scale_start) * step / self.scale_steps


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
    "str": ((str,), "a text"),
}


def _check_kind(name: str, value: Any, kind: str) -> None:
    """UserError for a value of another kind, and for a number that is negative or not finite."""
    if kind not in _KINDS:
        return
    types, wanted = _KINDS[kind]
    if type(value) not in types:
        raise UserError(f"{name} is {value!r}, expected {wanted}")
    if kind in ("int", "float") and not 0 <= value < math.inf:
        raise UserError(f"{name} is {value}, expected a number from 0 on")


def _six(bound: Any) -> tuple[float, ...]:
    try:
        values = tuple(float(value) for value in (bound if isinstance(bound, (list, tuple)) else (bound,)))
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"bound is {bound!r}, expected numbers") from None
    if len(values) == 1:
        values *= NUM_JOINTS
    if len(values) != NUM_JOINTS:
        raise UserError(f"bound has {len(values)} values, expected 1 or {NUM_JOINTS}: {', '.join(JOINT_NAMES)}")
    for joint, value in zip(JOINT_NAMES, values, strict=True):
        if not 0.0 < value <= 1.0:
            raise UserError(f"bound of {joint} is {value}, expected more than 0.0 and at most 1.0")
    return values
