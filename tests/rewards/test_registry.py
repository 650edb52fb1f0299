import textwrap

import pytest

from so_arm.core.errors import UserError
from so_arm.rewards.registry import make_reward
from so_arm.rewards.samples import sample_states


@pytest.fixture
def reward_file(tmp_path):
    def write(text: str) -> str:
        path = tmp_path / "my_reward.py"
        path.write_text(textwrap.dedent(text))
        return f"file:{path}"

    return write


def test_stable_is_v3():
    assert make_reward("stable").name == "v3"


def test_unknown_reward_lists_the_choices():
    with pytest.raises(UserError, match=r"unknown reward 'v9'.*file:PATH.*stable.*v1.*v2.*v3"):
        make_reward("v9")


def test_file_reward_is_called(reward_file):
    reward = make_reward(
        reward_file(
            """
            from so_arm.rewards.terms import reach

            def compute_reward(state):
                return 2 * reach(state) + state.success
            """
        )
    )
    state = sample_states()["gripper at the object"]
    assert reward(state) == 2.0
    assert reward.terms(state) == {"compute_reward": 2.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "def compute_rewards(state):\n    return 0.0\n",
            r"no function 'compute_reward\(state\)'; line 1 defines",
        ),
        ("compute_reward = 3\n", "is a int"),
        ("x = 1\ndef compute_reward(state)\n    return 0\n", r"line 2: expected ':'"),
        ("import math\n\nmath.nothing\n", "line 3: AttributeError"),
        (
            "def compute_reward(state):\n    a = 1\n    return state.height\n",
            "line 3: AttributeError.*height",
        ),
        ("def compute_reward(state):\n    a = 1\n    return float('nan')\n", "line 3: .*returned nan"),
        (
            "def compute_reward(s):\n    if s.success:\n        return None\n    return 1.0\n",
            "line 3.*NoneType",
        ),
        ("def compute_reward(state):\n    return 1e308 * 10\n", "line 2.*returned inf"),
        ("def compute_reward(state):\n    return 'much'\n", "line 2.*a str"),
        ("\n\ndef compute_reward():\n    return 1.0\n", "line 3: TypeError"),
        ("import sys\nsys.exit(1)\n", "line 2: SystemExit"),
    ],
)
def test_bad_file_is_refused_with_the_line_at_fault(reward_file, text, message):
    spec = reward_file(text)
    with pytest.raises(UserError, match=message) as refusal:
        make_reward(spec)
    assert "my_reward.py" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_fault_in_a_called_helper_is_named_at_its_own_line(reward_file):
    with pytest.raises(UserError, match="line 2: ZeroDivisionError"):
        make_reward(reward_file("def helper():\n    return 1 / 0\ndef compute_reward(state):\n    return helper()\n"))


def test_a_fault_that_shows_only_later_is_refused_then(reward_file):
    reward = make_reward(
        reward_file("def compute_reward(s):\n    if s.tick == 399:\n        return float('nan')\n    return 0.0\n")
    )
    late = sample_states()["start"]
    late.tick = 399
    with pytest.raises(UserError, match="line 3"):
        reward(late)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.py cannot be read: No such file"):
        make_reward(f"file:{tmp_path / 'none.py'}")
