"""State of a training run: network, optimiser, averaged weights; one step of it, and saving it exactly."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path

import torch
from lerobot.policies.act.configuration_act import ACTConfig
from safetensors.torch import load_file
from torch import Tensor, nn

from so_arm.core import files
from so_arm.core.errors import UserError
from so_arm.learning.act.batches import BatchSource
from so_arm.learning.act.network import chunk_loss, make_policy, predict
from so_arm.learning.act.replicas import Replicas
from so_arm.learning.act.settings import TrainSettings
from so_arm.learning.precision import use_bf16
from so_arm.learning.tensor_files import replacing_folder, write_tensors

_STATE_FILE = "trainer.json"


class Trainer:
    """Trains one ACT policy; `step` counts finished steps, `seconds` the time they took over all sessions."""

    def __init__(self, settings: TrainSettings, config: ACTConfig, replicas: int = 1) -> None:
        torch.manual_seed(settings.seed)
        self._settings = settings
        self._device = torch.device(config.device or "cpu")
        self.policy = make_policy(config, settings.backbone_norm).to(self._device)
        self.policy.train()
        self._replicas = Replicas(self.policy.model, replicas)
        self._parameters = [parameter for parameter in self.policy.parameters() if parameter.requires_grad]
        self._optimiser = torch.optim.AdamW(
            self._parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self._averaged = {name: tensor.detach().clone() for name, tensor in self.policy.state_dict().items()}
        self._bf16 = use_bf16(settings.precision, self._device)
        self.step = 0
        self.seconds = 0.0

    def progress(self) -> float:
        """Share of the run that is done, 0..1, by steps or by time, whichever the settings name."""
        if self._settings.steps is not None:
            return min(self.step / self._settings.steps, 1.0)
        assert self._settings.minutes is not None
        return min(self.seconds / (60.0 * self._settings.minutes), 1.0)

    def learning_rate(self) -> float:
        """Linear warm-up, then a cosine to zero, over `progress`."""
        done, warmup = self.progress(), self._settings.warmup_fraction
        if done < warmup:
            return self._settings.learning_rate * max(done / warmup, 0.01)
        return self._settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))

    def train(self, batches: BatchSource) -> float:
        """One optimiser step; returns the loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = self.learning_rate()

        def loss_of(model: nn.Module, share: int) -> Tensor:
            batch = batches.batch(self.step, share, self._replicas.count).to(self._device)
            with torch.autocast(self._device.type, torch.bfloat16) if self._bf16 else nullcontext():
                predicted = predict(model, batch.images, batch.state)
            return chunk_loss(predicted, batch.action, batch.is_pad)

        loss = self._replicas.gradients(loss_of)
        torch.nn.utils.clip_grad_norm_(self._parameters, self._settings.gradient_clip)
        self._optimiser.step()
        self._average()
        self.step += 1
        return loss

    def averaged_weights(self) -> dict[str, Tensor]:
        """Exponential average of the weights, under the names that LeRobot's ACT gives them."""
        return {name: value for name, value in self._averaged.items() if not name.endswith("num_batches_tracked")}

    def save(self, folder: Path) -> None:
        """Everything that an exact continuation needs, as safetensors and JSON, whole or not at all."""
        moments = self._optimiser.state_dict()["state"]
        flat = {f"{index}.{name}": value for index, entry in moments.items() for name, value in entry.items()}
        with replacing_folder(folder) as part:
            write_tensors(part / "weights.safetensors", _contiguous(self.policy.state_dict()))
            write_tensors(part / "averaged.safetensors", _contiguous(self._averaged))
            write_tensors(part / "optimiser.safetensors", _contiguous(flat))
            files.write_json(part / _STATE_FILE, {"step": self.step, "seconds": self.seconds})

    def load(self, folder: Path) -> None:
        """Inverse of `save`."""
        if not (folder / _STATE_FILE).is_file():
            raise UserError(f"{folder} holds no training state to resume from")
        state = files.read_json(folder / _STATE_FILE)
        self.policy.load_state_dict(load_file(folder / "weights.safetensors"))
        for name, value in load_file(folder / "averaged.safetensors").items():
            self._averaged[name].copy_(value)
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in load_file(folder / "optimiser.safetensors").items():
            index, name = key.split(".")
            # The fused optimiser walks through memory: a moment has to lie as its parameter does (channels last).
            like = self._parameters[int(index)] if value.dim() else value
            moments.setdefault(int(index), {})[name] = torch.empty_like(like).copy_(value)
        self._optimiser.load_state_dict({**self._optimiser.state_dict(), "state": moments})
        self.step, self.seconds = int(state["step"]), float(state["seconds"])

    def close(self) -> None:
        """End the threads; no step can be trained after this."""
        self._replicas.close()

    def _average(self) -> None:
        # A fixed decay would keep the random first weights for the first thousand steps.
        decay = min(self._settings.ema_decay, (1 + self.step) / (10 + self.step))
        current = self.policy.state_dict()
        names = [name for name, value in self._averaged.items() if value.is_floating_point()]
        with torch.no_grad():
            torch._foreach_lerp_([self._averaged[n] for n in names], [current[n] for n in names], 1 - decay)


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
