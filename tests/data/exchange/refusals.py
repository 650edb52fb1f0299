from collections.abc import Callable

import pytest

from so_arm.core.errors import UserError


def refusal(function: Callable, *arguments: object) -> str:
    """The one line with which `function` refuses `arguments`."""
    with pytest.raises(UserError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)
