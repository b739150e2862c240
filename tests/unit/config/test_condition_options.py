"""The options of ``condition``, and what may be compared."""

import pytest
from helpers.runs import config_of

from vael.config.condition_options import check_condition, describe_condition
from vael.config.validate import check_config
from vael.errors import ConfigError
from vael.runs.comparability import NotComparableError, check_comparable, collect_facts


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (
            ["condition=label", "condition.embedding=0"],
            "embedding must be null or an integer >= 1",
        ),
        (["condition=label", "condition.prior=1"], "condition.prior must be true or false"),
        (["condition=label", "+condition.names=[a]"], "condition.names is no option"),
        (["condition=factors", "condition.names=[]"], "names must be null or a list of different"),
        (["condition=factors", "condition.names=[a,a]"], "list of different names"),
        (["+condition.prior=true"], "condition.prior is no option of condition=none"),
        (["condition.kind=tags"], "condition must be one of none, label, factors, columns"),
        (["condition=columns"], "needs the names of columns"),
        (
            [
                "condition=label",
                *(f"condition.{p}=false" for p in ("encoder", "decoder", "prior")),
            ],
            "must be true, or nothing depends on it",
        ),
    ],
)
def test_what_cannot_work_is_refused(given, match):
    with pytest.raises(ConfigError, match=match) as caught:
        check_config(config_of(*given))
    assert "\n" not in str(caught.value)


def test_a_config_from_before_has_no_condition():
    config = config_of()
    del config.condition
    check_condition(config)
    assert describe_condition(config) is None


def test_scores_are_compared_only_given_the_same_c():
    def facts(*overrides):
        told = describe_condition(config_of(*overrides))
        return collect_facts(
            split="test", k=9, score="bpd", digest="d", binarize="none", condition=told
        )

    label = facts("condition=label")
    check_comparable(label, facts("condition=label", "condition.prior=false"))
    check_comparable(facts(), facts())
    some = facts("condition=factors", "condition.names=[x,shape]")
    check_comparable(some, facts("condition=factors", "condition.names=[shape,x]"))
    for other in (facts(), some):
        with pytest.raises(NotComparableError, match="condition is label for one and"):
            check_comparable(label, other)
