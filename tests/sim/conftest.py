"""Importing so_arm.sim first lets it choose the OpenGL that MuJoCo renders with."""

import so_arm.sim  # noqa: F401
