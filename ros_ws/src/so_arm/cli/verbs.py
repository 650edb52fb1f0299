"""The verbs of ``so-arm`` in the order of its help page; each is loaded from its file only when it is called."""

from __future__ import annotations

from dataclasses import dataclass

RUN, SET_UP, JUDGE, LEARN = "Run the robot", "Set up an arm", "Judge and measure", "Record and learn"


@dataclass(frozen=True)
class Verb:
    file: str  # so_arm/cli/<file>.py
    summary: str
    section: str


VERBS: dict[str, Verb] = {
    "demo": Verb("demo", "Watch the whole node graph do the task: table, video and report.", RUN),
    "run": Verb("run", "Run a policy, and its residual, until Ctrl-C: simulated, emulated or real arm.", RUN),
    "rl-demo": Verb("rl_demo", "Watch what a residual does, live: a key switches it on and off.", RUN),
    "launch": Verb("launch", "Run a ROS 2 launch file, with or without ros2 launch on the machine.", RUN),
    "call": Verb("call", "Have a running node do something: home, emergency stop, start of an episode.", RUN),
    "emulate": Verb("emulate", "Emulate the arm: a serial port with servos, physics behind them, camera streams.", RUN),
    "replay": Verb("replay", "Send the recorded commands of a dataset to an arm, and say how it followed.", RUN),
    "find-port": Verb("find_port", "Which arm is on which serial port.", SET_UP),
    "find-cameras": Verb("find_cameras", "Which camera is which device, and whether a frame comes.", SET_UP),
    "setup-motors": Verb("setup_motors", "Give the servos from the box their ids, one at a time.", SET_UP),
    "calibrate": Verb("calibrate", "Measure middle and ranges of an arm by moving it by hand.", SET_UP),
    "check": Verb("check", "Go or no-go: is the arm fit to run? Moves and writes nothing.", SET_UP),
    "calibration": Verb("calibration", "Show what a calibration file says, whoever wrote it.", SET_UP),
    "eval": Verb("evaluate", "Success rate of a policy over many episodes, with its interval.", JUDGE),
    "rl-eval": Verb("rl_eval", "What a residual makes of a policy: base against base + residual.", JUDGE),
    "bench": Verb("bench", "Speed of physics, graph, images and policy against bare libraries.", JUDGE),
    "replay-eval": Verb("replay_eval", "Judge a policy from recordings: its answers against what was done.", JUDGE),
    "view": Verb("view", "Look at a dataset or bag in the Rerun viewer, or write a file for it.", JUDGE),
    "rewards": Verb("rewards", "List the rewards, and check a reward file of your own.", JUDGE),
    "bag": Verb("bag", "Record, look at, play and check rosbag2 bags (MCAP; sqlite3 from elsewhere).", LEARN),
    "record": Verb("record", "Record episodes of an arm as a LeRobot dataset: by hand, expert or policy.", LEARN),
    "demos": Verb("demos", "Record episodes of the scripted expert as a LeRobot dataset.", LEARN),
    "import": Verb("import_dataset", "Make a LeRobot v3 dataset of LeRobot v2.1, LIBERO HDF5 or RLDS.", LEARN),
    "export": Verb("export_dataset", "Write a LeRobot dataset as LIBERO HDF5 or as RLDS.", LEARN),
    "dataset": Verb("dataset", "Check whether a dataset is whole, repair it, make a bag of it.", LEARN),
    "train": Verb("train", "Train a LeRobot ACT policy on a dataset.", LEARN),
    "rl-train": Verb("rl_train", "Train a residual that corrects a policy, by reinforcement.", LEARN),
}
