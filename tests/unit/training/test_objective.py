"""What an objective gets from the run, and which batches it refuses."""

import pytest
from helpers.runs import config_of

from vael.errors import ConfigError
from vael.objectives import BetaTC, Elbo
from vael.training.setup import build_objective


def test_the_number_of_training_examples_goes_to_those_that_ask():
    found = build_objective(config_of("data=digits", "objective=beta_tc"), num_data=321)
    assert isinstance(found, BetaTC)
    assert found.num_data == 321
    assert isinstance(build_objective(config_of("data=digits"), num_data=321), Elbo)


@pytest.mark.parametrize("name", ["beta_tc", "dip", "info", "wae"])
@pytest.mark.parametrize(("size", "pieces"), [(1, 1), (4, 4)])
def test_a_batch_of_one_is_refused_where_examples_are_compared(size, pieces, name):
    batch = (f"data.batch_size={size}", f"trainer.accumulate_grad_batches={pieces}")
    with pytest.raises(ConfigError, match=f"must be at least 2, but got {size} / {pieces}"):
        build_objective(config_of("data=digits", f"objective={name}", *batch), num_data=100)
    build_objective(config_of("data=digits", *batch), num_data=100)
