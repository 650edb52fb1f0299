"""Teleoperation by gamepad."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from so_arm.core.jog_target import JogTarget
from so_arm.core.pad_jog import TAKE_OVER, jog_of
from so_arm.core.take_over_button import TakeOverButton
from so_arm.hardware.gamepad import Gamepad
from so_arm.nodes.control_listener import ControlListener
from so_arm.nodes.runtime import RuntimeNode
from so_arm.nodes.teleop_source import Follower
from so_arm.sim.cartesian_jog import CartesianJog

_BUTTON_PERIOD_S = 0.02


class GamepadSource:
    """Sticks, and a button that takes over while it is held."""

    def __init__(
        self,
        node: RuntimeNode,
        device: str,
        period_s: float,
        dead_zone: float,
        speed: float,
        again: Callable[[], None],
        control: ControlListener,
    ) -> None:
        self._target = JogTarget(CartesianJog(), period_s)
        self._dead_zone, self._speed = dead_zone, speed
        self._again, self._control = again, control
        self._lost = False
        self._button = TakeOverButton()
        self._pad = Gamepad(device)
        node.create_timer(_BUTTON_PERIOD_S, self._watch)

    def begin(self, follower: Follower, episode_ns: int) -> None:
        self._target.reset(follower.position)

    def target(self, follower: Follower) -> np.ndarray | None:
        state = self._pad.state
        if state is None:
            self._lost = True
            return None
        if self._lost:
            self._lost = False
            self._target.reset(follower.position)
        return self._target.step(jog_of(state, self._dead_zone, self._speed), follower.position)

    @property
    def problem(self) -> str:
        return self._pad.problem

    @property
    def text(self) -> str:
        return self._pad.name

    def close(self) -> None:
        self._pad.close()

    def _watch(self) -> None:
        state = self._pad.state
        order = self._button.step(None if state is None else TAKE_OVER in state.pressed, self._control.is_ours)
        if order is not None:
            self._control.take_over(order)
        if state is not None and self._lost:
            self._again()
