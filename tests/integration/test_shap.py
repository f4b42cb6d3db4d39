"""SHAP: its model-agnostic explainers on `predict` and `predict_proba`."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from sklearn_dl import DLClassifier, DLRegressor

with warnings.catch_warnings():  # shap 0.51 uses what matplotlib 3.11 will withdraw
    warnings.simplefilter("ignore")
    shap = pytest.importorskip("shap")

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * rng.normal(size=200)
c = np.array(["low", "middle", "high"])[np.digitize(y, [-1.0, 1.0])]
SETTINGS = {"hidden_layer_sizes": (8,), "max_iter": 40, "random_state": 0, "learning_rate_init": 0.02}
BACKGROUND, ROWS = X[:50], X[50:56]


def test_the_exact_explainer_of_a_regressor():
    """Contributions sum to the prediction; of a linear network they are slope times distance from the mean."""
    model = DLRegressor(**SETTINGS | {"hidden_layer_sizes": ()}, encoder=None, scale_target=False).fit(X, y)
    explained = shap.Explainer(model.predict, BACKGROUND)(ROWS)
    np.testing.assert_allclose(explained.values.sum(axis=1) + explained.base_values, model.predict(ROWS), atol=1e-9)
    slopes = model.coefs_[0].ravel()
    np.testing.assert_allclose(explained.values, slopes * (ROWS - BACKGROUND.mean(axis=0)), atol=1e-9)


def test_the_permutation_explainer_of_a_classifier():
    model = DLClassifier(**SETTINGS).fit(X, c)
    explained = shap.PermutationExplainer(model.predict_proba, BACKGROUND, seed=0)(ROWS)
    assert explained.values.shape == (6, 4, 3)
    whole = explained.values.sum(axis=1) + explained.base_values
    np.testing.assert_allclose(whole, model.predict_proba(ROWS), atol=1e-9)
    assert np.abs(explained.values).mean(axis=(0, 2)).argmax() == 1


def test_the_kernel_explainer_of_both():
    for model, function in (
        (DLRegressor(**SETTINGS).fit(X, y), "predict"),
        (DLClassifier(**SETTINGS).fit(X, c), "predict_proba"),
    ):
        predict = getattr(model, function)
        explainer = shap.KernelExplainer(predict, BACKGROUND)
        values = explainer.shap_values(ROWS, silent=True)
        np.testing.assert_allclose(values.sum(axis=1) + explainer.expected_value, predict(ROWS), atol=1e-6)


def test_a_table_with_categories_is_explained_through_codes():
    """SHAP subtracts columns, so that text must come as codes; the model gets its text back."""
    kinds = np.array(["down", "up", "flat"])
    codes = rng.integers(0, 3, 200)
    frame = pd.DataFrame({"x": X[:, 0], "kind": kinds[codes]})
    model = DLRegressor(**SETTINGS).fit(frame, X[:, 0] + 3 * codes)

    def predict(coded):
        return model.predict(pd.DataFrame({"x": coded[:, 0], "kind": kinds[coded[:, 1].astype(int)]}))

    coded = np.c_[X[:, 0], codes]
    explained = shap.Explainer(predict, coded[:50])(coded[50:60])
    whole = explained.values.sum(axis=1) + explained.base_values
    np.testing.assert_allclose(whole, model.predict(frame[50:60]), atol=1e-9)
    for code in range(3):  # the middle one of three levels moves a prediction least
        if (codes[50:60] == code).any():
            share = explained.values[codes[50:60] == code, 1].mean()
            assert np.sign(share) == np.sign(code - codes[:50].mean())
