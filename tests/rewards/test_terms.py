import dataclasses
import math

import pytest

from so_arm.rewards import terms
from so_arm.rewards.state import RewardState

STATE = RewardState(
    object_position=(0.2, 0.0, 0.0125),
    target_position=(0.2, 0.1, 0.0125),
    gripper_position=(0.2, 0.0, 0.1),
    object_height=0.0,
    gripper_object_contacts=0,
    object_speed=0.0,
    gripper_opening=0.5,
    ever_lifted=False,
    success=False,
    tick=3,
)


def state(**changes) -> RewardState:
    return dataclasses.replace(STATE, **changes)


def test_tolerance_is_one_inside_and_falls_to_zero():
    assert terms.tolerance(0.1, 0.1, 0.2) == 1.0
    assert terms.tolerance(0.2, 0.1, 0.2) == pytest.approx(0.5)
    assert terms.tolerance(0.31, 0.1, 0.2) == 0.0
    assert terms.tolerance(math.nan, 0.1, 0.2) == 0.0


@pytest.mark.parametrize("term", ["step", "reach", "contact", "lifted", "transport", "near", "success", "dropped"])
def test_every_term_stays_in_unit_range(term):
    function = getattr(terms, term)
    for x in (-2.0, 0.2, 3.0):
        for height in (-0.01, 0.0, 0.03, 1.0):
            for contacts in (0, 1, 2, 7):
                for flag in (False, True):
                    value = function(
                        state(
                            object_position=(x, 0.1, 0.0125 + height),
                            object_height=height,
                            gripper_object_contacts=contacts,
                            ever_lifted=flag,
                            success=flag,
                        )
                    )
                    assert 0.0 <= value <= 1.0


def test_contact_counts_finger_sides():
    assert [terms.contact(state(gripper_object_contacts=n)) for n in (0, 1, 2)] == [0.0, 0.5, 1.0]


def test_transport_needs_a_lifted_object():
    over = {"object_position": (0.2, 0.1, 0.0425)}
    assert terms.transport(state(object_height=0.0, **over)) == 0.0
    assert terms.transport(state(object_height=0.03, **over)) == pytest.approx(0.9)


def test_near_is_zero_at_six_centimetres():
    assert terms.near(state(object_position=(0.2, 0.04, 0.0125))) == 0.0
    assert terms.near(state(object_position=(0.2, 0.07, 0.0125))) == pytest.approx(0.5)


def test_drop_is_lifted_once_and_now_lying_outside():
    assert terms.dropped(state(ever_lifted=True)) == 1.0
    assert terms.dropped(state(ever_lifted=False)) == 0.0
    assert terms.dropped(state(ever_lifted=True, object_height=0.05)) == 0.0


def test_putting_down_inside_the_target_is_no_drop():
    inside = state(ever_lifted=True, object_position=(0.2, 0.08, 0.0125))
    assert terms.dropped(inside) == 0.0
    assert terms.dropped(state(ever_lifted=True, success=True)) == 0.0


def test_state_travels_as_text_bit_for_bit():
    odd = state(object_position=(0.1 + 0.2, -1e-17, 1 / 3), object_height=2 / 3, success=True, tick=399)
    assert RewardState.from_text(odd.to_text()) == odd


def test_state_text_names_the_bad_field():
    from so_arm.core.errors import UserError

    texts = STATE.to_text()
    with pytest.raises(UserError, match="object_speed"):
        RewardState.from_text({**texts, "object_speed": "fast"})
    del texts["success"]
    with pytest.raises(UserError, match="success"):
        RewardState.from_text(texts)
