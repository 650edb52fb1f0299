"""What all nodes share: parameters, health on /diagnostics, and a main() that starts and ends them properly."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NoReturn

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import ExternalShutdownException
from rclpy.experimental.events_executor import EventsExecutor
from rclpy.node import Node
from rclpy.utilities import remove_ros_args

from so_arm.core.errors import UserError
from so_arm.nodes import qos
from so_arm.nodes.health_log import HealthLog
from so_arm.nodes.messages import diagnostic_array, key_values
from so_arm.nodes.parameters import NodeParameters

#: Time that DDS gets to tell about publishers on this machine [s].
DISCOVERY_S = 1.0
OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


class RuntimeNode[Settings](Node):
    """A node with settings from a frozen dataclass and a health report once per second.

    The constructor only makes names; `setup` does the work, so that a failure in it is cleaned up after.
    Callbacks count events with ``self.counts[...] += 1``; the report gives each count, its rate and its age, which
    is the time since it last grew. Whatever else is worth reading goes into ``self.readings``. What is wrong is also
    logged, a line per change.
    """

    def __init__(self, name: str, kind: type[Settings]) -> None:
        super().__init__(name)
        self.counts: Counter[str] = Counter()
        self.readings: dict[str, str] = {}
        self.failure: Exception | None = None
        self._kind = kind
        self._reported: dict[str, int] = {}
        self._last: dict[str, float] = {}  # per count, the report that saw it grow [s]
        self._problem = ""
        self._report_time = time.monotonic()
        self._health_log = HealthLog(self.get_logger())

    def setup(self) -> None:
        """Load, connect, subscribe; make the EpisodeListener before anything that answers observations."""

    def close(self) -> None:
        """Stop threads, close files. Called once, also after a failed `setup`."""

    def settings_changed(self, settings: Settings, given: Collection[str]) -> None:
        """Called before settings are accepted; `given` names the parameters that were set. UserError refuses them."""

    def check_health(self) -> tuple[bytes, str]:
        """Level and one line for the health report."""
        return (WARN, self._problem) if self._problem else (OK, "ok")

    def health_to_log(self, level: bytes, text: str) -> tuple[bytes, str]:
        """What of the report the log is to tell; a node that logs its own changes leaves them out."""
        return level, text

    @property
    def settings(self) -> Settings:
        return self._settings.values

    def problem(self, text: str) -> None:
        """Something was refused: counted, and named in the next health report; logged when it goes on."""
        self.counts["problems"] += 1
        self._problem = text

    def fail(self, error: Exception) -> None:
        """End the node from any thread; a UserError is printed as one line."""
        # What fails because the node is being ended anyway is not the reason of its end.
        if self.context.ok() or isinstance(error, UserError):
            self.failure = self.failure or error
        self.context.try_shutdown()

    def declare(self) -> None:
        """Declare the parameters and start reporting."""
        self._settings = NodeParameters(self, self._kind, self.settings_changed)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", qos.STATE)
        self.create_timer(1.0, self._report)

    def refuse_other_publishers(self, *topics: str) -> None:
        """UserError when another node publishes one of `topics`; call before creating the own publishers."""

        def busy() -> str | None:
            for topic in topics:
                for found in self.get_publishers_info_by_topic(topic):
                    return f"{self.resolve_topic_name(topic)} is already published by node '{found.node_name}'"
            return None

        self._refuse(busy)

    def refuse_twin(self) -> None:
        """UserError when another node has this one's name."""

        def busy() -> str | None:
            names = self.get_node_names_and_namespaces()
            twins = names.count((self.get_name(), self.get_namespace())) > 1
            return f"another {self.get_fully_qualified_name()} is running" if twins else None

        self._refuse(busy)

    def _refuse(self, busy: Callable[[], str | None]) -> None:
        """UserError with what `busy` says until DDS had its time to tell about other nodes."""
        deadline = time.monotonic() + DISCOVERY_S
        while time.monotonic() < deadline:
            if reason := busy():
                raise UserError(
                    f"{reason} in ROS domain {os.environ.get('ROS_DOMAIN_ID', '0')}; stop it, or choose another"
                    " ROS_DOMAIN_ID or namespace"
                )
            time.sleep(0.05)

    def _report(self) -> None:
        now = time.monotonic()
        elapsed, self._report_time = now - self._report_time, now
        level, text = self.check_health()
        self._health_log.note(*self.health_to_log(level, text), now)
        self._problem = ""
        values = {}
        counts = dict(self.counts)
        for name, count in counts.items():
            new = count - self._reported.get(name, 0)
            if new or name not in self._last:
                self._last[name] = now
            values[name] = str(count)
            values[f"{name}_hz"] = f"{new / elapsed:.1f}"
            values[f"{name}_age_s"] = f"{now - self._last[name]:.0f}"
        self._reported = counts
        status = DiagnosticStatus(
            level=level,
            name=self.get_fully_qualified_name().lstrip("/"),
            message=text,
            hardware_id="so_arm",
            values=key_values(values | self.readings),
        )
        self._diagnostics.publish(diagnostic_array(time.time_ns(), status))


def run(make_node: Callable[[], RuntimeNode[Any]]) -> NoReturn:
    """main() of every node: exit code 0 at the end or after SIGINT or SIGTERM; 2 and one line for a UserError."""
    # One thread per node unless asked otherwise: several nodes share few cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    node: RuntimeNode[Any] | None = None
    initialised = False
    failure: BaseException | None = None
    try:
        _init()
        initialised = True
        node = make_node()
        _spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception as error:
        # A shutdown signal can surface as any error of a middleware call in progress.
        ending = initialised and not rclpy.ok() and not isinstance(error, UserError)
        failure = None if ending else error
    if node is not None and node.failure is not None:
        failure = node.failure
    if isinstance(failure, UserError):
        print(f"{Path(sys.argv[0]).stem}: {failure}", file=sys.stderr, flush=True)
        _exit(2)
    if failure is not None:
        traceback.print_exception(failure)
        _exit(1)
    _exit(0)


def _init() -> None:
    try:
        unknown = remove_ros_args(sys.argv)[1:]
        rclpy.init(args=sys.argv)
    except RuntimeError as error:  # the client library's own type is not exported
        raise UserError(str(error).splitlines()[0]) from None
    if unknown:
        raise UserError(f"unknown argument '{unknown[0]}'; give parameters as --ros-args -p NAME:=VALUE")


def _spin(node: RuntimeNode[Any]) -> None:
    # A third less time per message than SingleThreadedExecutor, and callbacks in order of arrival.
    executor = EventsExecutor()
    try:
        node.declare()
        node.setup()
        # What is there now stays: without it a full collection goes through all libraries and stops every thread.
        gc.collect()
        gc.freeze()
        executor.add_node(node)
        while rclpy.ok():  # its own spin() delivers nothing in rclpy 7.1.6
            executor.spin_once(timeout_sec=1.0)
    finally:
        # A second Ctrl-C must not interrupt the clean-up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        node.close()
        executor.shutdown()
        node.destroy_node()


def _exit(code: int) -> NoReturn:
    """End at once: after DDS and OpenGL threads, the interpreter's own shutdown is slow and may crash."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
