"""SAC of stable-baselines3 on the residual's task: what it leaves behind acts as it does."""

import json
from functools import partial

import numpy as np
import pytest
from fake_base import FEATURES, make_workplace, small_settings

pytestmark = pytest.mark.torch

STEPS = 150


class OwnProcess:
    """A pool without processes, which take seconds to start."""

    workers = 1

    def __init__(self, setup, workers):
        self._job = setup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def do(self, jobs):
        return [self._job(job) for job in jobs]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder, reports, run) of a short training."""
    from so_arm.learning.residual import sac
    from so_arm.learning.residual.sac import SacRun
    from so_arm.learning.residual.training import Base, Pace

    folder = tmp_path_factory.mktemp("sac")
    settings = small_settings(algo="sac", steps=STEPS, updates_per_step=0.5, warmup_episodes=2)
    base = Base("nowhere", "0" * 64, FEATURES)
    reports = []
    run = SacRun(folder, settings, base, partial(make_workplace, horizon=20), Pace(1, 100, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sac, "WorkerPool", OwnProcess)
        best = run.run(reports.append)
    return best, reports, run


def test_files_and_reports(trained):
    best, reports, _ = trained
    rows = [json.loads(line) for line in (best.parent / "metrics.jsonl").read_text().splitlines()]
    assert {"train/success", "train/episode_reward", "losses/critic", "losses/actor"} <= {
        key for r in rows for key in r
    }
    assert [row["step"] for row in rows if "eval/success" in row] == [99, STEPS]
    assert reports[-1].step == STEPS
    assert reports[-1].updates > 30
    assert (best.parent / "final" / "residual.safetensors").is_file()


def test_the_result_loads_and_its_description_says_sac(trained):
    from so_arm.learning.residual.residual_folder import load_residual

    loaded = load_residual(trained[0], task="reach")
    assert loaded.settings.algo == "sac"
    assert loaded.description["training"]["step"] in (99, STEPS)


def test_the_exported_actor_acts_as_sac_does_without_noise():
    import torch

    from so_arm.learning.residual.gym_env import ResidualEnv
    from so_arm.learning.residual.network_input import BODY_SIZE
    from so_arm.learning.residual.sac import exported_actor, make_sac

    settings = small_settings(algo="sac", steps=100)
    env = ResidualEnv(make_workplace(horizon=20), settings)
    model = make_sac(env, settings)
    observation, _ = env.reset(seed=3)
    assert not model.predict(observation, deterministic=True)[0].any()  # it starts at the base
    torch.nn.init.normal_(model.actor.mu.weight, std=0.3)
    wanted, _ = model.predict(observation, deterministic=True)
    actor = exported_actor(model)
    with torch.inference_mode():
        correction = torch.tanh(actor.head(actor.layers(torch.from_numpy(observation[None]))))[0].numpy()
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(correction, wanted, atol=1e-6)
    assert len(observation) > BODY_SIZE


def test_a_loss_that_is_no_number_ends_the_run_in_one_line(trained):
    from types import SimpleNamespace

    from so_arm.core.errors import UserError

    logger = SimpleNamespace(name_to_value={"train/critic_loss": float("nan")})
    with pytest.raises(UserError, match="loss 'critic' became nan at step 7"):
        trained[2]._hear(SimpleNamespace(num_timesteps=7, _n_updates=1, logger=logger), [])
