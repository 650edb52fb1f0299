"""call_service: one call of a service that switches or triggers something; without a name it lists them.

The arguments are NAME [true|false]. Exit code 0: done; 1: refused by the node; 2: there is no such service.
"""

from __future__ import annotations

import os
import sys
import time

import rclpy
from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

from so_arm.core.errors import UserError, choice_error

_TYPES = {"std_srvs/srv/Trigger": Trigger, "std_srvs/srv/SetBool": SetBool}
_VALUES = {"true": True, "false": False}
#: Time that nodes get to be found, and to do what was asked: a trip home takes some seconds.
_FIND_S, _ANSWER_S = 5.0, 60.0
#: For a list: the nodes of a launch are found one soon after the other.
_OTHERS_S = 1.0
REFUSED = 1


def _services(node: Node) -> dict[str, str]:
    """Type of every service by name, of those types that can be called."""
    found = {name: types[0] for name, types in node.get_service_names_and_types()}
    return {name: kind for name, kind in found.items() if kind in _TYPES}


def _find(node: Node, name: str) -> str:
    """The type of the service `name`, once it is there."""
    until = time.monotonic() + _FIND_S
    while name not in (services := _services(node)):
        # On a busy machine nodes are found one by one: that others are there says nothing about this one.
        if time.monotonic() > until:
            if services:
                raise choice_error("service", name, services)
            domain = os.environ.get("ROS_DOMAIN_ID", "0")
            raise UserError(f"no node answers in ROS domain {domain}; is the launch running?")
        rclpy.spin_once(node, timeout_sec=0.05)
    return services[name]


def _call(node: Node, name: str, value: str | None) -> int:
    kind = _TYPES[_find(node, name)]
    if (kind is SetBool) != (value is not None):
        wanted = "wants true or false" if kind is SetBool else "takes no value"
        raise UserError(f"{name} {wanted}")
    request = kind.Request() if value is None else kind.Request(data=_VALUES[value])
    client = node.create_client(kind, name)
    future = client.wait_for_service(_FIND_S) and client.call_async(request)
    if future:
        rclpy.spin_until_future_complete(node, future, timeout_sec=_ANSWER_S)
    if not future or not future.done():
        raise UserError(f"{name} does not answer")
    answer = future.result()
    print(answer.message, file=sys.stdout if answer.success else sys.stderr)
    return 0 if answer.success else REFUSED


def _list(node: Node) -> int:
    until = time.monotonic() + _FIND_S
    while not _services(node) and time.monotonic() < until:
        rclpy.spin_once(node, timeout_sec=0.1)
    time.sleep(_OTHERS_S)
    services = _services(node)
    for name in sorted(services):
        print(f"{name} true|false" if _TYPES[services[name]] is SetBool else name)
    if not services:
        print("no node answers; is the launch running?", file=sys.stderr)
    return 0 if services else 2


def _run(name: str, value: str | None) -> int:
    node = Node(f"call_{os.getpid()}", start_parameter_services=False, enable_rosout=False)
    try:
        return _call(node, name if name.startswith("/") else f"/{name}", value) if name else _list(node)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def main() -> None:
    name, value = [*sys.argv[1:], "", ""][:2]
    try:
        if len(sys.argv) > 3 or value not in ("", *_VALUES):
            raise UserError("give NAME, or NAME true, or NAME false")
        rclpy.init(args=[])
        code = _run(name, value or None)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)


if __name__ == "__main__":
    main()
