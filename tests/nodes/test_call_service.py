"""so-arm call: one service of a running node, from a shell."""

from __future__ import annotations

import pytest

rclpy = pytest.importorskip("rclpy")

from std_srvs.srv import SetBool, Trigger  # noqa: E402

from so_arm.cli import main as cli_main  # noqa: E402

pytestmark = [pytest.mark.ros, pytest.mark.slow]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd):
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)

    def run(*words: str) -> tuple[int, str]:
        code = cli_main.main(["call", *words])
        captured = capfd.readouterr()
        return code, (captured.out + captured.err).strip()

    return run


def test_services_are_listed_called_and_refused(ros, call):
    switched = []

    def switch(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        switched.append(request.data)
        response.success, response.message = True, f"switched {request.data}"
        return response

    def refuse(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = False, "torque is off"
        return response

    ros.probe.create_service(SetBool, "motor_driver/estop", switch)
    ros.probe.create_service(Trigger, "motor_driver/home", refuse)
    assert call() == (0, "/motor_driver/estop true|false\n/motor_driver/home")
    assert call("motor_driver/estop", "true") == (0, "switched True")
    assert call("/motor_driver/estop", "false") == (0, "switched False")
    assert switched == [True, False]
    assert call("motor_driver/home") == (1, "torque is off")
    assert call("motor_driver/estop") == (2, "error: /motor_driver/estop wants true or false")
    code, told = call("motor_driver/homes")
    assert code == 2 and told.endswith("Did you mean '/motor_driver/home'?")


def test_without_a_launch_it_says_so(call):
    code, told = call()
    assert code == 2 and told == "no node answers; is the launch running?"
