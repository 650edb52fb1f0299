import pytest
from tests.data.exchange.datasets import make_dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """A LeRobot dataset; do not change it."""
    return make_dataset(tmp_path_factory.mktemp("exchange") / "pick_and_reach")
