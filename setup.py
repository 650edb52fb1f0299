"""One ament_python package whose sources lie in ros_ws/src; installable by pip and by colcon."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "so_arm"
NODES = (
    "mujoco_bridge",
    "act_policy",
    "residual_corrector",
    "reward_estimator",
    "command_mux",
    "camera",
    "episode_runner",
)


def share(*folders: str) -> list[tuple[str, list[str]]]:
    """data_files entries for whole folders, a list per parent directory (a plain glob breaks on sub-folders)."""
    entries: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                entries.setdefault(f"share/{NAME}/{path.parent.as_posix()}", []).append(path.as_posix())
    return list(entries.items())


setup(
    name=NAME,
    version="0.1.0",
    description="Robot runtime for the SO-ARM100: run, record, judge and improve manipulation policies over ROS 2",
    license="Apache-2.0",
    maintainer="The so_arm developers",
    maintainer_email="so_arm@example.org",
    python_requires=">=3.12",
    package_dir={"": "ros_ws/src"},
    packages=find_packages("ros_ws/src"),
    package_data={NAME: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["ros_ws/resource/so_arm"]),
        (f"share/{NAME}", ["package.xml"]),
        *share("launch", "urdf", "mjcf", "models", "benchmarks"),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=True,
    entry_points={
        "console_scripts": [
            "so-arm = so_arm.cli.main:main",
            *(f"{node} = so_arm.nodes.{node}:main" for node in NODES),
        ]
    },
)
