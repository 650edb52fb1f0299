import json

import pytest

from so_arm.core.episode import EpisodeResult
from so_arm.core.errors import UserError

RESULT = EpisodeResult(seed=7, success=False, reward=0.1 + 0.2, steps=400, failure="dropped", seconds=400 / 30)


def test_round_trip_through_json():
    assert EpisodeResult.from_dict(json.loads(json.dumps(RESULT.to_dict()))) == RESULT


def test_missing_field_is_named():
    values = RESULT.to_dict()
    del values["steps"]
    with pytest.raises(UserError, match="lacks steps"):
        EpisodeResult.from_dict(values | {"more": 1})
