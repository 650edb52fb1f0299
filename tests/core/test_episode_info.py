import pytest

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError


def test_text_and_back_bit_for_bit() -> None:
    info = EpisodeInfo("a-1", "ended", 3, "reach", 10**18 + 7, "failure", "dropped", 0.1 + 0.2, 4, 1.5, 2.5)
    assert EpisodeInfo.from_text(info.to_text()) == info
    assert not info.running and info.outcome == "failure"


def test_what_is_missing_or_wrong_is_named() -> None:
    texts = EpisodeInfo().to_text()
    with pytest.raises(UserError, match="field 'seed' is 'x'"):
        EpisodeInfo.from_text(texts | {"seed": "x"})
    with pytest.raises(UserError, match="lacks the field 'reward'"):
        EpisodeInfo.from_text({key: value for key, value in texts.items() if key != "reward"})
    with pytest.raises(UserError, match="unknown episode phase 'runing'; choose one of"):
        EpisodeInfo.from_text(texts | {"phase": "runing"})
