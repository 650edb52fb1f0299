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
    from so_arm.learning.residual.run_folder import Base, Pace
    from so_arm.learning.residual.sac import SacRun

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


def test_runs_with_other_seeds_learn_from_other_episodes(tmp_path):
    """The estimator's episodes, and the first of SAC's own."""
    from so_arm.learning.residual.gym_env import ResidualEnv
    from so_arm.learning.residual.run_folder import Base, Pace
    from so_arm.learning.residual.sac import SacRun, make_sac

    class Listening:
        workers = 2

        def __init__(self):
            self.seeds = set()

        def do(self, orders):
            self.seeds |= {seed for order in orders for seed in order.seeds}
            return []

    heard = []
    for seed in (0, 1):
        pool, settings = Listening(), small_settings(algo="sac", seed=seed, warmup_episodes=300)
        SacRun(tmp_path, settings, Base("nowhere", "0" * 64, FEATURES), make_workplace, Pace())._fit_estimator(pool)
        heard.append(pool.seeds | {make_sac(ResidualEnv(make_workplace(), settings), settings).seed})
    assert [len(seeds) for seeds in heard] == [300, 300]
    assert not heard[0] & heard[1]


@pytest.mark.parametrize(("ratio", "updates"), [(0.3, 42), (1.5, 204), (0.2, 28)])
def test_so_many_updates_as_were_asked_for(ratio, updates):
    """From the end of the wait in which the first batch is full: tick 70 by tens, 66 by twos, 65 by fives."""
    from so_arm.learning.residual.gym_env import ResidualEnv
    from so_arm.learning.residual.sac import make_sac

    settings = small_settings(algo="sac", steps=200, updates_per_step=ratio, hidden=8)
    model = make_sac(ResidualEnv(make_workplace(horizon=20), settings), settings)
    model.learn(settings.steps)
    assert model._n_updates == updates


def test_a_loss_that_is_no_number_ends_the_run_in_one_line(trained):
    from types import SimpleNamespace

    from so_arm.core.errors import UserError

    logger = SimpleNamespace(name_to_value={"train/critic_loss": float("nan")})
    with pytest.raises(UserError, match="loss 'critic' became nan at step 7"):
        trained[2]._hear(SimpleNamespace(num_timesteps=7, _n_updates=1, logger=logger), [])
