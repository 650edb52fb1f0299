from so_arm.launcher.last_words import LastWords, without_command


def test_the_first_process_that_failed_is_quoted():
    heard = LastWords()
    heard.hear("camera-1", "warming up\n")
    heard.hear("driver-2", "driver: no such port\n\n")
    assert heard.reason() is None
    heard.died("driver-2")
    heard.hear("camera-1", "stopped")
    heard.died("camera-1")
    assert heard.reason() == "[driver-2] driver: no such port"


def test_a_silent_death():
    heard = LastWords()
    heard.died("driver-2")
    assert heard.reason() == "[driver-2] died without a word"


def test_the_command_line_of_a_dead_process_is_left_out():
    long = "process has died [pid 7, exit code 2, cmd '/lib/driver --ros-args -p port:=a']'b -r __ns:=/x']."
    assert without_command(long) == "process has died [pid 7, exit code 2]."
    assert without_command("process started with pid [7]") == "process started with pid [7]"
