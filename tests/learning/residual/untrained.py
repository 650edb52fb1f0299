"""A residual whose networks are drawn at random: it corrects by something, and looks at everything that it is shown."""

from __future__ import annotations

from pathlib import Path

from so_arm.cli.rollouts import released_policy

#: Of the released policy: two cameras of 2 x 2 image tokens, latent and state, 256 numbers each.
FEATURE_SIZE = 10 * 256


def make_residual_folder(
    path: Path, seed: int, policy: Path | None = None, feature_size: int = FEATURE_SIZE, bound: float = 0.03
) -> Path:
    """`path`, as rl-train writes it; it fits `policy` (the released one) and pick_place."""
    import torch

    from so_arm.learning.residual.estimator import Estimator
    from so_arm.learning.residual.networks import Actor
    from so_arm.learning.residual.residual_folder import policy_hash, save_residual
    from so_arm.learning.residual.settings import ResidualSettings

    settings = ResidualSettings(task="pick_place", bound=(bound,) * 6)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor, estimator = Actor(settings.hidden), Estimator(feature_size)
        torch.nn.init.normal_(actor.head.weight, std=0.1)  # it starts at zero
        estimator.place_scale.fill_(0.1)
    save_residual(path, actor, estimator, settings, {"base": policy_hash(policy or released_policy())})
    return path
