"""Which number format a computation runs in: bf16 only where the processor computes it natively."""

from __future__ import annotations

from typing import TYPE_CHECKING

from so_arm.core.errors import UserError, choice_error

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "fp32", "bf16")


def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bf16 natively (AVX512_BF16 or AMX); emulated bf16 is slower than fp32."""
    import torch  # settings ask for the names alone

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def use_bf16(precision: str, device: torch.device) -> bool:
    """Resolve "auto" | "fp32" | "bf16" for `device`; UserError when bf16 is asked of a CPU that lacks it."""
    import torch

    if precision not in PRECISIONS:
        raise choice_error("precision", precision, PRECISIONS)
    able = cpu_has_bf16() if device.type == "cpu" else torch.cuda.is_bf16_supported()
    if precision == "bf16" and not able:
        raise UserError("precision bf16: this processor has no native bf16 (avx512_bf16 or amx); use fp32 or auto")
    return able and precision != "fp32"
