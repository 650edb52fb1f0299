"""Arm physics, tasks, expert and Gymnasium environments. Importing it registers ``SoArm/...`` with Gymnasium."""

from so_arm.sim.env import register

register()
