"""Why an episode failed, from the milestones it reached."""

from __future__ import annotations

from dataclasses import dataclass

from so_arm.core.episode_phase import Phase

FAILURES: tuple[str, ...] = ("no_approach", "missed_grasp", "dropped", "misplaced", "timeout")

#: A cube that ends this close to the target was put down, not lost on the way [m].
PLACED_NEAR_M = 0.08
APPROACH_M = 0.03


@dataclass(slots=True)
class Milestones:
    """What happened so far in one episode."""

    closest_approach_m: float = float("inf")
    touched: bool = False
    ever_lifted: bool = False
    lifted: bool = False
    target_distance_m: float = float("inf")
    in_target: bool = False

    def phase(self) -> Phase:
        """Where in the task the episode is; it can fall back from near the target."""
        if self.ever_lifted:
            return Phase.NEAR_TARGET if self.target_distance_m < PLACED_NEAR_M else Phase.LIFTED
        return Phase.TOUCHED if self.touched else Phase.UNTOUCHED

    def failure(self) -> str:
        """Failure kind of an episode that ended without success."""
        if not self.touched and self.closest_approach_m > APPROACH_M:
            return "no_approach"
        if not self.ever_lifted:
            return "missed_grasp"
        if self.lifted or self.in_target:
            return "timeout"
        return "misplaced" if self.target_distance_m < PLACED_NEAR_M else "dropped"
