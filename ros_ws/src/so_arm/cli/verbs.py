"""The verbs of ``so-arm`` in the order of its help page; each is loaded from its file only when it is called."""

from __future__ import annotations

from dataclasses import dataclass

RUN, JUDGE, LEARN = "Run the robot", "Judge and measure", "Record and learn"


@dataclass(frozen=True)
class Verb:
    file: str  # so_arm/cli/<file>.py
    summary: str
    section: str


VERBS: dict[str, Verb] = {
    "demo": Verb("demo", "Watch the whole node graph do the task: table, video and report.", RUN),
    "launch": Verb("launch", "Run a ROS 2 launch file, with or without ros2 launch on the machine.", RUN),
    "emulate": Verb("emulate", "Emulate the arm: a serial port with servos, physics behind them, camera streams.", RUN),
    "calibration": Verb("calibration", "Show what a calibration file says, whoever wrote it.", RUN),
    "eval": Verb("evaluate", "Success rate of a policy over many episodes, with its interval.", JUDGE),
    "bench": Verb("bench", "Speed of physics, graph, images and policy against bare libraries.", JUDGE),
    "rewards": Verb("rewards", "List the rewards, and check a reward file of your own.", JUDGE),
    "demos": Verb("demos", "Record episodes of the scripted expert as a LeRobot dataset.", LEARN),
    "train": Verb("train", "Train a LeRobot ACT policy on a dataset.", LEARN),
}
