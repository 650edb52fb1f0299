"""What a residual training run leaves in its folder, whatever the algorithm, and what it says of itself meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from so_arm.core import files
from so_arm.core.errors import UserError
from so_arm.core.folder_lock import FolderLock
from so_arm.core.paths import from_here
from so_arm.core.provenance import provenance
from so_arm.learning.residual.collector import load_weights
from so_arm.learning.residual.episodes import Episode, Kind, Order
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.journal import Journal, Judgement, Learner
from so_arm.learning.residual.networks import Actor
from so_arm.learning.residual.residual_folder import save_residual
from so_arm.learning.residual.seeds import SELECTION_SEED
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.weights_and_biases import WandbRun

RUN_FILE = "run.json"
BEST, FINAL = "best", "final"
#: Phase of a `Report` between collecting and exploring; the others are `Kind`s.
PREPARING = "preparing"


@dataclass(frozen=True)
class Pace:
    """How a run is driven. None of it decides what is learned, but for the last bits of chunks and products.

    workers: processes that collect. The base plans for all episodes of one process at once, and how many they are
    shows in the last bits. learner_threads: of torch, for the updates; those show there, too.
    """

    workers: int = 1
    evaluate_every: int = 30_000  # ticks
    evaluation_episodes: int = 60
    checkpoint_minutes: float = 5.0
    learner_threads: int = 1
    wandb: str | None = None  # project of Weights & Biases that gets the metrics, too


@dataclass
class Report:
    """Where a run stands. remaining_s: None before the first round; success: of the last 100 exploring episodes.

    before: so many episodes come before exploration; None once they are done. judged_success: in the last evaluation.
    best_success: in the best one, of the residual as it was at best_step. base_success: of the base alone.
    """

    phase: str
    step: int
    updates: int
    episodes: int
    success: float | None
    best_success: float | None
    progress: float
    remaining_s: float | None
    before: int | None = None
    judged_success: float | None = None
    best_step: int | None = None
    base_success: float | None = None


@dataclass(frozen=True)
class Base:
    """What the residual is trained on top of. weights_hash: see `residual_folder.policy_hash`."""

    policy: str
    weights_hash: str
    feature_size: int


class RunFolder:
    """``run.json``, ``metrics.jsonl``, ``tensorboard/``, and the residuals ``best/`` and ``final/``.

    One process writes to it: UserError while another one does. It says what began the run, and what resumed it.
    """

    def __init__(self, path: Path, settings: ResidualSettings, base: Base, pace: Pace) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(path)
        self.path = path
        self.journal = Journal(path)
        self._settings, self._base, self._pace = settings, base, pace
        self._origin: dict[str, Any] = {}

    @contextmanager
    def open(self, step: int) -> Iterator[None]:
        """While it is open, the metrics go wherever they are wanted; then others may write to the folder."""
        run = {"settings": self._settings.to_dict(), "base": asdict(self._base), "pace": asdict(self._pace)}
        self._origin = _origin(self.path / RUN_FILE)
        files.write_json(self.path / RUN_FILE, run | self._origin)
        project = self._pace.wandb
        more = [] if project is None else [WandbRun(self.path, project, self._settings.to_dict())]
        try:
            with self.journal.open(step, *more):
                yield
        finally:
            self._lock.release()

    @property
    def episodes_before(self) -> int:
        """So many come before exploration."""
        settings = self._settings
        return settings.warmup_episodes + (0 if settings.algo == "sac" else settings.demonstrations)

    def evaluation(self, order: Order) -> Order:
        """The residual of `order` on the episodes that choose the best."""
        return order._replace(seeds=self._selection_seeds(), kind=Kind.evaluation, scale=1.0)  # as it is used later

    def base_evaluation(self) -> Order:
        """The base alone on the same episodes."""
        return Order(self._selection_seeds(), Kind.evaluation, None, None)

    def _selection_seeds(self) -> list[int]:
        return list(range(SELECTION_SEED, SELECTION_SEED + self._pace.evaluation_episodes))

    def judged(self, learner: Learner, order: Order, episodes: list[Episode], step: int) -> Judgement:
        """What `episodes` say of the residual of `order`, as of `step`: it is kept if it does better than the best."""
        judgement = Judgement.of(episodes, step)
        if judgement.better_than(self.journal.best):
            self.save(BEST, learner, order, step, judgement.row())
        return judgement

    def save(self, name: str, learner: Learner, order: Order, step: int, judged: dict[str, Any]) -> None:
        """Write the residual of `order`, which is as of `step`. judged: of it, as far as it is known."""
        actor = Actor(self._settings.hidden, self._settings.actor_layer_norm)
        estimator = Estimator(self._base.feature_size)
        load_weights(actor, order.actor)
        load_weights(estimator, order.estimator)
        training = {
            "step": step,
            # until it was judged
            "minutes": learner.seconds / 60.0,
            "selection": judged | {"seeds": [SELECTION_SEED, self._pace.evaluation_episodes]},
        }
        base = {"base": self._base.weights_hash, "policy": from_here(Path(self._base.policy))}
        description = base | {"training": training} | self._origin
        save_residual(self.path / name, actor, estimator, self._settings, description)

    def report(self, learner: Learner, phase: Kind, remaining_s: float | None) -> Report:
        best, judged, settings, before = self.journal.best, self.journal.judged, self._settings, self.episodes_before
        preparing = phase is not Kind.exploration
        return Report(
            phase=phase.value,
            step=learner.step,
            updates=learner.networks.updates,
            episodes=learner.episodes,
            success=self.journal.success,
            best_success=None if best is None else best.success,
            progress=min(learner.episodes / max(before, 1) if preparing else learner.step / settings.steps, 1.0),
            remaining_s=remaining_s,
            before=before if preparing else None,
            judged_success=None if judged is None else judged.success,
            best_step=None if best is None else best.at,
            base_success=self.journal.base_success,
        )


def _origin(run_file: Path) -> dict[str, Any]:
    """Keys `made_by`, and `resumed_by` for a run that is there already: the provenance of every time it went on."""
    if not run_file.is_file():
        return {"made_by": provenance()}
    before = files.read_json(run_file)
    return {"made_by": before["made_by"], "resumed_by": [*before.get("resumed_by", []), provenance()]}


def load_run(folder: Path) -> tuple[ResidualSettings, dict[str, Any]]:
    """Settings of the run that `folder` holds, and all that it says of itself."""
    path = folder / RUN_FILE
    if not path.is_file():
        raise UserError(f"{folder} holds no residual training run to resume (no {RUN_FILE})")
    run = files.read_json(path)
    if not (isinstance(run.get("made_by"), dict) and isinstance(run.get("resumed_by", []), list)):
        raise UserError(f"{path} is damaged: 'made_by' or 'resumed_by' does not say what made the run")
    try:
        Base(**run["base"])
        Pace(**run["pace"])
        return ResidualSettings.from_dict(run["settings"]), run
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: {type(error).__name__}: {error}") from None
