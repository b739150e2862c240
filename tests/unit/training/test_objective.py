"""What an objective gets from the run, and which batches it refuses."""

import pytest
from helpers.runs import config_of

from vael.errors import ConfigError
from vael.objectives import BetaTC, Elbo
from vael.randomness import Seeds
from vael.training.setup import build_objective

FACTS, SEEDS = {"num_data": 321, "latent_size": 4}, Seeds.derive(0)


def test_the_number_of_training_examples_goes_to_those_that_ask():
    found = build_objective(config_of("data=digits", "objective=beta_tc"), FACTS, SEEDS)
    assert isinstance(found, BetaTC)
    assert found.num_data == 321
    assert isinstance(build_objective(config_of("data=digits"), FACTS, SEEDS), Elbo)


@pytest.mark.parametrize("name", ["beta_tc", "dip", "info", "wae", "factor_vae", "aae"])
@pytest.mark.parametrize(("size", "pieces"), [(1, 1), (4, 4)])
def test_a_batch_of_one_is_refused_where_examples_are_compared(size, pieces, name):
    batch = (f"data.batch_size={size}", f"trainer.accumulate_grad_batches={pieces}")
    with pytest.raises(ConfigError, match=f"must be at least 2, but got {size} / {pieces}"):
        build_objective(config_of("data=digits", f"objective={name}", *batch), FACTS, SEEDS)
    build_objective(config_of("data=digits", *batch), FACTS, SEEDS)
