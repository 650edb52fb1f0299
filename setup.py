"""One ament_python package whose sources lie in ros_ws/src; installable by pip and by colcon."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "so_arm"
SOURCES = Path("ros_ws/src")
SHARED_FOLDERS = ("launch", "urdf", "mjcf", "calibration", "models", "benchmarks")


def nodes() -> list[str]:
    """Modules of the nodes room with a main function: the executables of ``ros2 run so_arm``."""
    files = sorted((SOURCES / NAME / "nodes").glob("*.py"))
    return [file.stem for file in files if "\ndef main(" in file.read_text(encoding="utf-8")]


def shared_files() -> list[tuple[str, list[str]]]:
    """data_files entries, one per parent directory (a plain glob breaks on sub-folders)."""
    entries: dict[str, list[str]] = {}
    for folder in SHARED_FOLDERS:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
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
    package_dir={"": SOURCES.as_posix()},
    packages=find_packages(SOURCES.as_posix()),
    package_data={NAME: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["ros_ws/resource/so_arm"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared_files(),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=True,
    entry_points={
        "console_scripts": [
            "so-arm = so_arm.cli.main:main",
            *(f"{node} = so_arm.nodes.{node}:main" for node in nodes()),
        ]
    },
    # colcon: `ros2 run` looks for executables in lib/<package>. pip makes its own scripts, in bin.
    options={
        "develop": {"script_dir": f"$base/lib/{NAME}"},
        "install": {"install_scripts": f"$base/lib/{NAME}"},
    },
)
