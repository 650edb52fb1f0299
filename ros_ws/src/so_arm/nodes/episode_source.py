"""The services of the node that runs the episodes: mujoco_bridge, arm_emulator or episode_manager."""

from __future__ import annotations

from concurrent.futures import Future

import rclpy.task
from std_srvs.srv import Trigger

from so_arm.core.errors import UserError
from so_arm.core.recording_session import Order
from so_arm.nodes.runtime import RuntimeNode

#: Services by which a person ends an episode.
ENDS = ("stop", "discard", "succeed", "fail")


class EpisodeSource:
    """Asks the node called `name`."""

    def __init__(self, node: RuntimeNode, name: str) -> None:
        self._name = name
        self._clients = {
            service: node.create_client(Trigger, f"{name}/{service}") for service in (Order.start.value, *ENDS)
        }

    def missing(self) -> str | None:
        """A service that is not there; None: all are."""
        for client in self._clients.values():
            if not client.service_is_ready():
                return f"there is no service {client.srv_name}; is {self._name} running?"
        return None

    def ask(self, service: str) -> Future[str]:
        """What the service answers, or UserError with why not."""
        client = self._clients[service]
        if not client.service_is_ready():
            return answered(UserError(f"there is no service {client.srv_name}"))
        answer: Future[str] = Future()

        def pass_on(future: rclpy.task.Future) -> None:
            response = future.result()
            if response.success:
                answer.set_result(response.message)
            else:
                answer.set_exception(UserError(response.message))

        client.call_async(Trigger.Request()).add_done_callback(pass_on)
        return answer


def answered(answer: str | UserError) -> Future[str]:
    """An answer that is known at once."""
    future: Future[str] = Future()
    if isinstance(answer, str):
        future.set_result(answer)
    else:
        future.set_exception(answer)
    return future
