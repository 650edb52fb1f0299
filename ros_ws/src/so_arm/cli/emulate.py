"""``so-arm emulate``: an arm that is not there, for everything that talks to a serial port and to cameras."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from so_arm.cli.output import console
from so_arm.core.errors import UserError
from so_arm.core.paths import share_dir

if TYPE_CHECKING:
    from so_arm.hardware.feetech.emulator import Emulator
    from so_arm.hardware.stream_process import StreamProcess
    from so_arm.sim.live_world import LiveWorld


def register(app: typer.Typer) -> None:
    app.command("emulate")(emulate)


def emulate(
    port: Annotated[
        Path | None, typer.Option(metavar="PATH", show_default="in a new folder", help="Where the port appears.")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default="the example", help="How the arm is assembled and set up."),
    ] = None,
    task: Annotated[str, typer.Option(help="Scene around the arm: pick_place or reach.")] = "pick_place",
    seed: Annotated[int, typer.Option(min=0, help="Places cube and target.")] = 0,
    script: Annotated[Path | None, typer.Option(metavar="FILE", help="Faults with their times, one per line.")] = None,
    streams_port: Annotated[
        int, typer.Option(min=0, max=65535, show_default="a free one", help="TCP port of the camera streams.")
    ] = 0,
    no_cameras: Annotated[bool, typer.Option("--no-cameras", help="The bus only.")] = False,
    image_size: Annotated[
        tuple[int, int], typer.Option(metavar="WIDTH HEIGHT", min=16, max=1920, help="Size of the pictures.")
    ] = (640, 480),
    fresh_servos: Annotated[
        bool, typer.Option("--fresh-servos", help="Servos from the box: all have id 1, none is calibrated or wired.")
    ] = False,
) -> None:
    """Emulate the arm: a serial port with its six servos, MuJoCo behind them, and its cameras as HTTP streams.

    Programs cannot tell it from a real arm. While it runs it takes orders on standard input, one per line: `help`
    lists them. Ctrl-C or `quit` ends it.
    """
    from so_arm.cli.emulate_orders import Orders
    from so_arm.core.calibration_formats import read_calibration
    from so_arm.hardware.fault_desk import FaultDesk, read_faults
    from so_arm.hardware.feetech.emulator import Emulator
    from so_arm.hardware.feetech.preset import servos_of
    from so_arm.sim.live_world import LiveWorld
    from so_arm.sim.start import REST_RAD

    out = console()
    arm = read_calibration(calibration or share_dir() / "calibration" / "example_follower.json")
    bus_faults, camera_faults = read_faults(script) if script is not None else ([], [])
    world = LiveWorld(arm, task)
    world.place(seed)
    servos = servos_of(arm, REST_RAD, fresh_servos)
    for servo in servos:
        servo.connected = not fresh_servos
    with ExitStack() as running:
        streams = None if no_cameras else running.enter_context(_streams(world, task, image_size, streams_port))
        emulator = running.enter_context(Emulator(servos, world, port, script=bus_faults))
        for fault in camera_faults:
            if streams is None:
                raise UserError(f"--script {script}: '{fault.kind.value}' is a camera fault, but there are no cameras")
            streams.inject(fault)
        _describe(emulator, streams)
        orders = Orders(emulator, world, FaultDesk(emulator, streams), out)
        try:
            orders.serve()
        except KeyboardInterrupt:
            out.print()


def _streams(world: LiveWorld, task: str, image_size: tuple[int, int], port: int) -> StreamProcess:
    from functools import partial

    from so_arm.hardware.stream_process import StreamProcess
    from so_arm.sim.camera_sources import camera_sources

    width, height = image_size
    return StreamProcess(partial(camera_sources, world.board, task, (height, width)), port=port)


def _describe(emulator: Emulator, streams: StreamProcess | None) -> None:
    out = console()
    out.print(f"serial port    {emulator.path}", soft_wrap=True, markup=False)
    for name, url in (streams.urls if streams is not None else {}).items():
        out.print(f"{name + ' camera':14} {url}", soft_wrap=True, markup=False)
    out.print("orders on standard input: help, quit, ...; Ctrl-C ends it", markup=False)
