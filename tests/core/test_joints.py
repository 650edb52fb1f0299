import numpy as np
import pytest

from so_arm.core.errors import UserError, choice_error
from so_arm.core.joints import JOINT_NAMES, LOWER_RAD, UPPER_RAD, index_by_name


def test_index_by_name_undoes_any_order():
    shuffled = [JOINT_NAMES[i] for i in (3, 1, 5, 0, 2, 4)]
    index = index_by_name(shuffled, "command")
    assert [shuffled[i] for i in index] == list(JOINT_NAMES)


@pytest.mark.parametrize(
    ("names", "culprit"),
    [
        (JOINT_NAMES[:-1], "command: joints do not match (missing gripper)"),
        ((*JOINT_NAMES, "wrist_yaw"), "unknown wrist_yaw"),
        ((*JOINT_NAMES, "gripper"), "twice gripper"),
    ],
)
def test_wrong_names_are_named(names, culprit):
    with pytest.raises(UserError) as error:
        index_by_name(names, "command")
    assert culprit in str(error.value)


def test_limits_are_ordered_and_read_only():
    assert (LOWER_RAD < UPPER_RAD).all()
    with pytest.raises(ValueError, match="read-only"):
        LOWER_RAD[0] = 0.0
    assert np.isfinite([LOWER_RAD, UPPER_RAD]).all()


def test_choice_error_lists_choices_and_hints():
    message = str(choice_error("task", "pick_plase", ["reach", "pick_place"]))
    assert message == "unknown task 'pick_plase'; choose one of: pick_place, reach. Did you mean 'pick_place'?"
