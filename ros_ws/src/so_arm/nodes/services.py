"""Services that say what they did, or why they did not."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

from so_arm.core.errors import UserError


def create_triggers(node: Node, **actions: Callable[[], str]) -> None:
    """A service ``~/NAME`` for each action, which returns what it did or raises UserError."""

    def serve(action: Callable[[], str]) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        return lambda request, response: _fill(response, action)

    for name, action in actions.items():
        node.create_service(Trigger, f"~/{name}", serve(action))


def create_switches(node: Node, **actions: Callable[[bool], str]) -> None:
    """The same for actions that switch something on or off."""

    def serve(action: Callable[[bool], str]) -> Callable[[SetBool.Request, SetBool.Response], SetBool.Response]:
        return lambda request, response: _fill(response, lambda: action(request.data))

    for name, action in actions.items():
        node.create_service(SetBool, f"~/{name}", serve(action))


def _fill[Response: (Trigger.Response, SetBool.Response)](response: Response, action: Callable[[], str]) -> Response:
    try:
        response.message, response.success = action(), True
    except UserError as error:
        response.message, response.success = str(error), False
    return response
