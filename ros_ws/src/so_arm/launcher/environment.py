"""Environment variables without which ROS 2 from a Python environment does not work, or not well."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from so_arm.core.paths import share_dir

#: Read by Fast DDS 2.x (Jazzy) and 3.x.
PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def ros_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` plus what is missing in it; what the user has set stays.

    Adds the prefix of this Python to AMENT_PREFIX_PATH, the Fast DDS profile of this package (large images need it),
    and unbuffered output, so that lines of Python programs appear when they are printed.
    """
    full = dict(environment)
    prefixes = [prefix for prefix in full.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    if sys.prefix not in prefixes:
        full["AMENT_PREFIX_PATH"] = os.pathsep.join([*prefixes, sys.prefix])
    profile = share_dir() / "launch" / "fastdds.xml"
    if profile.is_file() and not any(name in full for name in PROFILE_VARIABLES):
        full.update(dict.fromkeys(PROFILE_VARIABLES, str(profile)))
    full.setdefault("PYTHONUNBUFFERED", "1")
    return full
