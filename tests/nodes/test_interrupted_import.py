import subprocess
import sys

import pytest

CODE = """
import so_arm.nodes
try:
    raise {first}
except BaseException as error:
    raise ImportError("initialization failed") from error
"""


@pytest.mark.parametrize(("first", "code", "traceback"), [("KeyboardInterrupt", 0, False), ("ValueError", 1, True)])
def test_ctrl_c_during_an_import_ends_a_node_quietly(first: str, code: int, traceback: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(first=first)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code
    assert ("Traceback" in done.stderr) is traceback
