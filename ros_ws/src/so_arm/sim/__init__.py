"""Arm physics, tasks, expert and Gymnasium environments. Importing it registers ``SoArm/...`` with Gymnasium."""

from so_arm.sim import opengl

opengl.choose()  # before anything imports mujoco

from so_arm.sim.env import register  # noqa: E402

register()
