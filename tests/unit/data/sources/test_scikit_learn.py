"""The embedded table against scikit-learn's own."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from vael.data.module import VaelData
from vael.data.sources import scikit_learn
from vael.data.sources.scikit_learn import BreastCancer
from vael.errors import DataError


def test_it_is_scikit_learns_table():
    decoded, bunch = BreastCancer().decode(), load_breast_cancer()
    np.testing.assert_allclose(decoded.train.x, bunch.data, rtol=1e-7)
    assert np.array_equal(decoded.train.y, bunch.target)
    assert decoded.columns == tuple(bunch.feature_names)


def test_training_sees_standardised_columns(tmp_path):
    data = VaelData(BreastCancer(), batch_size=20, cache_dir=str(tmp_path))
    data.prepare()
    spec = data.spec
    assert (spec.num_train, spec.num_val, spec.num_test) == (460, 52, 57)
    assert (spec.event_shape, spec.levels, spec.support) == ((30,), None, "real")
    assert spec.num_classes == 2
    x = data.preprocess(data.head("train", 460).x).double().numpy()
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(0), 1, rtol=1e-5)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(scikit_learn, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"data=breast_cancer .* pip install"):
        BreastCancer().fingerprint()
