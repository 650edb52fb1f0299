from __future__ import annotations

import pytest

from so_arm.core.errors import UserError
from so_arm.data.bags.selection import Selection

TOPICS = ["/follower/joint_states", "/follower/joint_commands", "/reward"]


@pytest.mark.parametrize(
    ("patterns", "taken"),
    [
        ([], TOPICS),
        (["/reward"], TOPICS[2:]),
        (["reward"], TOPICS[2:]),
        (["/follower/.*"], TOPICS[:2]),
        (["reward", ".*states"], [TOPICS[0], TOPICS[2]]),
    ],
)
def test_names_and_expressions(patterns, taken):
    assert Selection(patterns).of(TOPICS, "topic") == taken


def test_what_is_not_there_is_named_with_what_is():
    with pytest.raises(UserError, match=r"unknown topic 'rewards'; choose one of: .*Did you mean '/reward'"):
        Selection(["/reward", "rewards"]).of(TOPICS, "topic")
    with pytest.raises(UserError, match="neither the name of a topic nor a regular expression"):
        Selection(["["])
