"""Services whose answer takes a while, without keeping the node from everything else in the meantime."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger


def create_slow_trigger(node: Node, name: str, action: Callable[[], Future[str]]) -> None:
    """Service `name` that answers when the future of `action` is done, whatever thread that is in.

    The executor in use knows no coroutines, so the answer that it wants to send at once is held back here.
    """
    started: list[Future[str]] = []

    def begin(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        started.append(action())
        return response

    service = node.create_service(Trigger, name, begin)
    send = service.send_response

    def send_when_done(response: Trigger.Response, header: Any) -> None:
        def finish(future: Future[str]) -> None:
            if node.context.ok():
                error = future.exception()
                response.success = error is None
                response.message = str(error) if error is not None else future.result()
                send(response, header)

        started.pop().add_done_callback(finish)

    service.send_response = send_when_done  # type: ignore[method-assign]
