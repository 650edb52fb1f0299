"""so-arm call: one service of a running node, from a shell."""

from __future__ import annotations

import sys

import pytest

rclpy = pytest.importorskip("rclpy")

from std_srvs.srv import SetBool, Trigger  # noqa: E402

from so_arm.cli import main as cli_main  # noqa: E402
from so_arm.core.errors import UserError  # noqa: E402
from so_arm.nodes import call_service  # noqa: E402

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
    assert switched == [True]
    assert call("motor_driver/home") == (1, "torque is off")
    code, told = call("motor_driver/homes")
    assert code == 2 and told.endswith("Did you mean '/motor_driver/home'?")


def test_a_node_that_is_found_late_is_waited_for(monkeypatch):
    """An emergency stop must not fail because other nodes of the launch were found sooner."""

    class Graph:
        now_s = 0.0

        def get_service_names_and_types(self) -> list[tuple[str, list[str]]]:
            found = [("/episode_manager/start", ["std_srvs/srv/Trigger"])]
            return found + [("/motor_driver/estop", ["std_srvs/srv/SetBool"])] * (self.now_s > late_s)

        def monotonic(self) -> float:
            return self.now_s

        def spin_once(self, _: object, timeout_sec: float) -> None:
            self.now_s += timeout_sec

    def find() -> str:
        graph = Graph()
        monkeypatch.setattr(call_service, "time", graph)
        monkeypatch.setattr(call_service.rclpy, "spin_once", graph.spin_once)
        return call_service._find(graph, "/motor_driver/estop")

    late_s = 4.5
    assert find() == "std_srvs/srv/SetBool"
    late_s = 10.0
    with pytest.raises(UserError, match="unknown service '/motor_driver/estop'"):
        find()


def test_without_a_launch_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(call_service, "_FIND_S", 0.2)
    monkeypatch.setattr(call_service, "_OTHERS_S", 0.1)
    for words, told in (([], "no node answers"), (["motor_driver/home"], "error: no node answers in ROS domain")):
        monkeypatch.setattr(sys, "argv", ["call_service", *words])
        with pytest.raises(SystemExit) as ended:
            call_service.main()
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith(told)
