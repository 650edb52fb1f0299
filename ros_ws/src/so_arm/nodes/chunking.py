"""The parameters that act_policy and residual_corrector share: both keep the same chunk timeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from so_arm.core.chunk import AGGREGATE_FUNCTIONS, ChunkTimeline
from so_arm.core.chunk_settings import ChunkSettings
from so_arm.nodes.parameters import parameter

AS_POLICY = "policy"


@dataclass(frozen=True)
class Chunking:
    policy_path: str = parameter("", "LeRobot policy directory.")
    lockstep: bool = parameter(True, "Wait for the chunk that answers an observation exactly; false: real time.")
    fps: int = parameter(30, "Control rate [Hz].", low=1, high=200)
    actions_per_chunk: int = parameter(0, "Steps used of each chunk; 0: as the policy says.", low=0, high=1000)
    chunk_size_threshold: float = parameter(
        -1.0,
        "A chunk is due when this share of steps is left; below 0: as the policy says.",
        low=-1.0,
        high=1.0,
    )
    aggregate_fn_name: str = parameter(
        AS_POLICY, "How overlapping chunks become one.", choices=(AS_POLICY, *AGGREGATE_FUNCTIONS)
    )

    def timeline(self) -> ChunkTimeline:
        """An empty timeline with these settings, completed by the policy's own."""
        own = ChunkSettings.of_policy(Path(self.policy_path).expanduser()) if self.policy_path else ChunkSettings()
        return ChunkSettings(
            self.actions_per_chunk or own.actions_per_chunk,
            self.chunk_size_threshold if self.chunk_size_threshold >= 0.0 else own.chunk_size_threshold,
            own.aggregate_fn_name if self.aggregate_fn_name == AS_POLICY else self.aggregate_fn_name,
        ).timeline(self.fps)
