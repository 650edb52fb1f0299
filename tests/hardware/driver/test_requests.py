"""Whoever asks something of the bus thread gets an answer, also when that thread has ended."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from so_arm.core.errors import UserError
from so_arm.hardware.driver.requests import Requests


def test_requests_are_served_in_order_and_answered_with_the_result_or_the_reason() -> None:
    requests, served = Requests(), list[str]()

    def refuse() -> str:
        served.append("second")
        raise UserError("not now")

    first, second = requests.ask(lambda: served.append("first")), requests.ask(refuse)
    assert not first.done() and served == []
    requests.serve()
    assert served == ["first", "second"] and first.result(0) is None
    with pytest.raises(UserError, match="not now"):
        second.result(0)


def test_an_action_may_answer_later() -> None:
    requests, begun = Requests(), list[Future[str]]()
    answer = requests.begin(begun.append)
    requests.serve()
    assert not answer.done()
    begun[0].set_result("there")
    assert answer.result(0) == "there"


def test_nobody_waits_for_a_thread_that_has_ended() -> None:
    requests = Requests()
    waiting = requests.ask(lambda: "done")
    requests.close()
    for answer in (waiting, requests.ask(lambda: "done")):
        with pytest.raises(UserError, match="the driver has ended"):
            answer.result(0)
