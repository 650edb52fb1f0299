from so_arm.launcher.last_words import LastWords, without_command


def test_the_first_process_that_failed_is_quoted():
    heard = LastWords()
    heard.hear("camera-1", "warming up\n")
    heard.hear("driver-2", "driver: no such port\n\n")
    assert heard.reason() is None
    heard.died("driver-2", 2)
    heard.hear("camera-1", "stopped")
    heard.died("camera-1", 1)
    assert heard.reason() == "[driver-2] driver: no such port"


def test_a_silent_death():
    heard = LastWords()
    heard.died("driver-2", 3)
    assert heard.reason() == "[driver-2] died without a word (exit code 3)"


def test_a_killed_process_is_told_as_such_whatever_it_said():
    heard = LastWords()
    heard.hear("driver-2", "[INFO] [1795184093.57] [motor_driver]: following commands")
    heard.hear("driver-2", "a warning of some library")
    heard.died("driver-2", -9)
    assert heard.reason() == "driver-2 was killed (signal 9)"


def test_what_a_node_logs_while_it_lives_is_not_why_it_ends():
    heard = LastWords()
    heard.hear("camera-1", "ValueError: what it died of")
    heard.hear("camera-1", "[ERROR] [1795184093.57] [wrist_camera]: camera wrist: URL delivers nothing")
    heard.hear("camera-1", "[WARN] [1795184093.58] [wrist_camera]: slow\n[INFO] [1795184093.59] [wrist_camera]: bye")
    heard.died("camera-1", 1)
    assert heard.reason() == "[camera-1] ValueError: what it died of"


def test_a_logged_error_is_better_than_nothing():
    heard = LastWords()
    heard.hear("other-1", "[ERROR] [1795184093.57] [other]: no such map")
    heard.hear("other-1", "[INFO] [1795184093.58] [other]: bye")
    heard.died("other-1", 1)
    assert heard.reason() == "[other-1] [ERROR] [1795184093.57] [other]: no such map"


def test_the_command_line_of_a_dead_process_is_left_out():
    long = "process has died [pid 7, exit code 2, cmd '/lib/driver --ros-args -p port:=a']'b -r __ns:=/x']."
    assert without_command(long) == "process has died [pid 7, exit code 2]."
    assert without_command("process started with pid [7]") == "process started with pid [7]"
