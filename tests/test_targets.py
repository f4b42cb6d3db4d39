"""Targets of every kind, and tables of every kind: what goes in, in which units, and what comes out.

Scales, labels, losses, quantiles; sparse tables and named columns.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import r2_score

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.losses import Focal, LogLoss, Quantile, Tweedie

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 3))
signal = X @ [1.0, -2.0, 0.5]
y = signal + 0.1 * rng.normal(size=200)
three = np.digitize(signal, [-1.0, 1.0])
SMALL = {"hidden_layer_sizes": (20,), "batch_size": 50, "max_iter": 60, "random_state": 0, "learning_rate_init": 0.01}

# ---------------------------------------------------------------- numbers

Y3 = np.c_[y, 1e6 * X[:, 0] - 3e8, 1e-6 * np.tanh(X[:, 1])]


def test_outputs_of_different_scales_are_learnt_alike():
    model = DLRegressor(**SMALL | {"max_iter": 100}).fit(X, Y3)
    assert model.predict(X).shape == (200, 3)
    assert (r2_score(Y3, model.predict(X), multioutput="raw_values") > 0.95).all()
    assert model.n_outputs_ == 3
    plain = DLRegressor(**SMALL | {"max_iter": 100}, scale_target=False).fit(X, Y3)
    assert r2_score(Y3, plain.predict(X), multioutput="raw_values")[1] < 0.5  # so that scaling is what does it


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_regression_losses_find_the_signal_in_the_units_of_y(loss):
    model = DLRegressor(**SMALL, loss=loss).fit(X, 1e4 * y + 1e6)
    assert model.score(X, 1e4 * y + 1e6) > 0.95
    assert model.predict(X).dtype == np.float64


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.float32, bool, object, "U"])
def test_numbers_of_any_type(kind):
    target = (10 * np.clip(signal, -3, 3)).astype(int) if kind is not bool else signal > 0
    given = target.astype(kind)
    a = DLRegressor(**SMALL | {"max_iter": 3}).fit(X, given)
    b = DLRegressor(**SMALL | {"max_iter": 3}).fit(X, target.astype(float))
    np.testing.assert_array_equal(a.predict(X), b.predict(X))


def test_a_column_vector_warns_and_is_a_vector():
    for estimator, target in ((DLRegressor, y), (DLClassifier, three)):
        with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array was expected"):
            model = estimator(**SMALL | {"max_iter": 2}).fit(X, target[:, None])
        assert model.predict(X).shape == (200,)


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie", Tweedie(1.2)], ids=str)
@pytest.mark.parametrize(("scale", "scale_target"), [(1e-5, True), (1.0, True), (1e7, True), (1.0, False)])
def test_predictions_of_a_log_link_are_positive_and_right_on_average(loss, scale, scale_target):
    mean = np.exp(0.4 * X[:, 0])
    drawn = rng.poisson(5 * mean) / 5 if loss != "gamma" else rng.gamma(5.0, mean / 5)
    model = DLRegressor(**SMALL, loss=loss, scale_target=scale_target).fit(X, scale * drawn)
    predicted = model.predict(X) / scale
    assert (predicted > 0).all()
    assert predicted.mean() == pytest.approx(drawn.mean(), rel=0.1)
    assert np.corrcoef(predicted, mean)[0, 1] > 0.8
    assert model.out_activation_ == "exp"


def test_a_log_link_with_several_outputs():
    drawn = np.c_[rng.poisson(np.exp(X[:, 0])), 1000 * rng.poisson(np.exp(X[:, 1]))]
    predicted = DLRegressor(**SMALL, loss="poisson").fit(X, drawn).predict(X)
    np.testing.assert_allclose(predicted.mean(axis=0), drawn.mean(axis=0), rtol=0.15)


def test_rows_of_weight_zero_do_not_matter_to_the_domain_of_a_loss():
    weight = (y > 0).astype(float)
    model = DLRegressor(**SMALL, loss="gamma").fit(X, y, sample_weight=weight)
    reference = DLRegressor(**SMALL, loss="gamma").fit(X[y > 0], y[y > 0])
    np.testing.assert_allclose(model.predict(X), reference.predict(X), rtol=1e-10)


LEVELS = (0.1, 0.5, 0.9)


def test_quantiles_are_sorted_and_cover():
    table = rng.uniform(-1, 1, size=(1500, 1))
    target = 100 * (table[:, 0] + (0.2 + 0.5 * np.abs(table[:, 0])) * rng.normal(size=1500)) + 1000
    model = DLRegressor(**SMALL, loss=Quantile(LEVELS)).fit(table[:1000], target[:1000])
    quantiles = model.predict_quantiles(table)
    assert quantiles.shape == (1500, 3)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    np.testing.assert_array_equal(model.predict(table), quantiles[:, 1])
    below = (target[1000:, None] < quantiles[1000:]).mean(axis=0)
    np.testing.assert_allclose(below, LEVELS, atol=0.06)


def test_quantiles_of_several_outputs():
    model = DLRegressor(**SMALL, loss=Quantile((0.05, 0.25, 0.75, 0.95))).fit(X, Y3)
    quantiles = model.predict_quantiles(X)
    assert quantiles.shape == (200, 3, 4)
    np.testing.assert_array_equal(model.predict(X), quantiles[..., 1])  # of four, the lower middle one
    inside = ((quantiles[..., 0] < Y3) & (quantiles[..., 3] > Y3)).mean(axis=0)
    np.testing.assert_allclose(inside, 0.9, atol=0.1)


def test_predict_quantiles_is_only_there_for_quantiles():
    assert not hasattr(DLRegressor(), "predict_quantiles")
    assert hasattr(DLRegressor(loss="quantile"), "predict_quantiles")
    assert hasattr(DLRegressor(loss=Quantile((0.1, 0.9))), "predict_quantiles")
    model = DLRegressor(**SMALL | {"max_iter": 1}).fit(X, y)
    assert not hasattr(model, "predict_quantiles")
    assert not hasattr(model.set_params(loss="quantile"), "predict_quantiles")  # as it was fitted
    assert DLRegressor(**SMALL | {"max_iter": 1}, loss="quantile").fit(X, y).predict_quantiles(X).shape == (200, 1)


# ---------------------------------------------------------------- scale invariance

DX, DY = load_diabetes(return_X_y=True)


@pytest.mark.parametrize("solver", ["adamw", "sgd", "lbfgs"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_powers_of_two_change_nothing(solver, dtype):
    columns = 2.0 ** np.round(np.linspace(-10, 17, DX.shape[1]))
    params = {"max_iter": 40, "random_state": 0, "solver": solver, "dtype": dtype}
    a = DLRegressor(**params).fit(DX, DY).predict(DX)
    b = DLRegressor(**params).fit(DX * columns, DY * 2.0**20).predict(DX * columns)
    np.testing.assert_allclose(b / 2.0**20, a, rtol=1e-9)


def test_large_offsets_change_little():
    """With the default's members, folds and start above a line; small layers, for time."""
    model, train, test = DLRegressor(hidden_layer_sizes=(16,), random_state=0), slice(0, 250), slice(250, None)
    plain = model.fit(DX[train], DY[train]).score(DX[test], DY[test])
    moved = model.fit(DX[train] + 1e9, DY[train] + 1e9).score(DX[test] + 1e9, DY[test] + 1e9)
    assert plain > 0.3
    assert moved == pytest.approx(plain, abs=0.01)


@pytest.mark.parametrize("column", [0.0, 7.0, 1e9, 0.1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_constant_column_changes_nothing(column, dtype):
    table = np.c_[X, np.full(200, column)].astype(dtype)
    model = DLRegressor(**SMALL).fit(table, y)
    reference = DLRegressor(**SMALL).fit(np.c_[X, np.zeros(200)].astype(dtype), y)
    np.testing.assert_allclose(model.predict(table), reference.predict(np.c_[X, np.zeros(200)].astype(dtype)))


def test_a_constant_target_is_predicted():
    for value in (1e6, 3.0, -1e-9, 1.7e308):
        model = DLRegressor(**SMALL).fit(X, np.full(200, value))
        np.testing.assert_allclose(model.predict(5 * X), value, rtol=1e-5)
    both = DLRegressor(**SMALL | {"max_iter": 100}).fit(X, np.c_[np.zeros(200), y]).predict(X)
    np.testing.assert_allclose(both[:, 0], 0, atol=1e-5)
    assert r2_score(y, both[:, 1]) > 0.95


@pytest.mark.parametrize("kind", [{}, {"warm_start": True}])
def test_a_target_that_is_constant_at_first_can_be_learnt_later(kind):
    model = DLRegressor(**SMALL | {"learning_rate": "constant"}, **kind)
    going_on = model.fit if kind else model.partial_fit
    going_on(X, np.full(200, 2.0))
    for _ in range(1 if kind else 60):
        going_on(X, y)
    assert model.score(X, y) > 0.9


# ---------------------------------------------------------------- classes

NAMES = np.array(["low", "middle", "high"])
LABELS = {
    "ints": np.array([-5, 3, 70])[three],
    "floats": np.array([0.0, 1.0, 2.0])[three],
    "strings": NAMES[three],
    "objects": NAMES.astype(object)[three],
    "bools": three > 1,
    "series": pd.Series(NAMES[three]),
    "categorical": pd.Series(pd.Categorical(NAMES[three])),
    "list": NAMES[three].tolist(),
    "uint8": three.astype(np.uint8),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_any_type(name):
    labels = LABELS[name]
    model = DLClassifier(**SMALL).fit(X, labels)
    expected = np.unique(np.asarray(labels))
    np.testing.assert_array_equal(model.classes_, expected)
    assert model.predict(X).dtype == expected.dtype
    assert model.score(X, labels) > 0.95
    proba = model.predict_proba(X)
    assert proba.shape == (200, len(expected))
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(expected[proba.argmax(axis=1)], model.predict(X))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), proba)
    assert model.out_activation_ == ("logistic" if len(expected) == 2 else "softmax")


@pytest.mark.parametrize("loss", ["log_loss", "focal", LogLoss(label_smoothing=0.1), Focal(gamma=1)], ids=str)
@pytest.mark.parametrize("target", [three, three > 0, np.c_[three > 0, three > 1].astype(int)], ids=["3", "2", "two"])
def test_classification_losses(loss, target):
    assert DLClassifier(**SMALL, loss=loss).fit(X, target).score(X, target) > 0.93


def test_multilabel():
    labels = np.c_[signal > 0, X[:, 0] > 0, X[:, 1] > 0.5].astype(int)
    model = DLClassifier(**SMALL).fit(X, labels)
    proba = model.predict_proba(X)
    assert proba.shape == (200, 3)
    assert ((proba > 0) & (proba < 1)).all()
    np.testing.assert_array_equal(model.predict(X), (proba > 0.5).astype(int))
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.score(X, labels) == (model.predict(X) == labels).all(axis=1).mean() > 0.85


@pytest.mark.parametrize(
    "labels",
    [
        np.c_[three, three > 0, np.digitize(X[:, 0], [-1, 0, 1])].astype(int),
        np.c_[NAMES[three], np.where(X[:, 0] > 0, "yes", "no")],
        np.c_[NAMES[three], np.where(X[:, 0] > 0, "yes", "no")].astype(object),
    ],
    ids=["ints", "strings", "objects"],
)
def test_several_targets_with_classes_of_their_own(labels):
    model = DLClassifier(**SMALL | {"max_iter": 100}).fit(X, labels)
    proba, predicted = model.predict_proba(X), model.predict(X)
    assert predicted.shape == labels.shape
    assert isinstance(proba, list)
    for i, part in enumerate(proba):
        np.testing.assert_array_equal(model.classes_[i], np.unique(labels[:, i]))
        np.testing.assert_allclose(part.sum(axis=1), 1)
        np.testing.assert_array_equal(predicted[:, i], model.classes_[i][part.argmax(axis=1)])
        np.testing.assert_allclose(np.exp(model.predict_log_proba(X)[i]), part)
        assert (predicted[:, i] == labels[:, i]).mean() > 0.9
    right = (predicted == labels).all(axis=1)
    weight = rng.uniform(size=200)
    assert model.score(X, labels) == pytest.approx(right.mean())
    assert model.score(X, labels, weight) == pytest.approx(np.average(right, weights=weight))
    assert model.out_activation_ == "grouped"


def test_columns_of_text_and_of_numbers_keep_their_types():
    labels = pd.DataFrame({"name": NAMES[three], "side": (X[:, 0] > 0).astype(int)})
    model = DLClassifier(**SMALL | {"max_iter": 100}).fit(X, labels)
    assert [levels.tolist() for levels in model.classes_] == [["high", "low", "middle"], [0, 1]]
    predicted = model.predict(X)
    assert {type(value) for value in predicted[:, 1]} == {int}
    assert model.score(X, labels) == (predicted == labels.to_numpy()).all(axis=1).mean() > 0.8


def test_a_sparse_indicator_matrix_is_one():
    labels = np.c_[signal > 0, X[:, 0] > 0].astype(int)
    dense = DLClassifier(**SMALL).fit(X, labels)
    for kind in (sparse.csr_matrix, sparse.csc_array):
        np.testing.assert_array_equal(
            DLClassifier(**SMALL).fit(X, kind(labels)).predict_proba(X), dense.predict_proba(X)
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("factor", [2.0**-900, 2.0**-200, 2.0**100, 2.0**900])
def test_a_factor_on_all_weights_and_on_alpha_changes_nothing(factor, dtype):
    weight = rng.uniform(0.5, 2.0, 200)
    params = SMALL | {"max_iter": 5, "dtype": dtype, "early_stopping": True}
    a = DLRegressor(**params, alpha=0.5).fit(X, y, sample_weight=weight)
    b = DLRegressor(**params, alpha=0.5 * factor).fit(X, y, sample_weight=weight * factor)
    np.testing.assert_allclose(b.predict(X), a.predict(X), rtol=1e-9 if dtype == "float64" else 1e-4)
    np.testing.assert_allclose(b.validation_loss_curve_, a.validation_loss_curve_, rtol=1e-4)


WEIGHTS = {
    "dict": (three, {0: 1.0, 1: 3.0, 2: 0.5}, np.array([1.0, 3.0, 0.5])[three]),
    "dict of some": (three, {1: 3.0}, np.array([1.0, 3.0, 1.0])[three]),
    "strings": (NAMES[three], {"middle": 3.0}, np.array([1.0, 3.0, 1.0])[three]),
    "bools": (three > 0, {True: 2.0}, np.where(three > 0, 2.0, 1.0)),
    "balanced": (three, "balanced", 200 / 3 / np.bincount(three)[three]),
    "list of dicts": (np.c_[three, three > 0].astype(int), [{2: 5.0}, {0: 3.0}],
                      np.where(three == 2, 5.0, 1.0) * np.where(three > 0, 1.0, 3.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("own", [None, rng.uniform(0.5, 2, 200)], ids=["unit", "weighted"])
def test_class_weights_multiply_the_weights_of_rows(name, own):
    labels, class_weight, weight = WEIGHTS[name]
    if name == "balanced" and own is not None:
        weight = own.sum() / 3 / np.bincount(three, own)[three]
    total = weight if own is None else own * weight
    a = DLClassifier(**SMALL | {"max_iter": 10}, class_weight=class_weight).fit(X, labels, own)
    b = DLClassifier(**SMALL | {"max_iter": 10}).fit(X, labels, total)
    np.testing.assert_allclose(b.encoder_.center_, a.encoder_.center_, rtol=1e-10)
    np.testing.assert_allclose(np.ravel(a.predict_proba(X)[0]), np.ravel(b.predict_proba(X)[0]), rtol=1e-8)


# ---------------------------------------------------------------- tables

S = rng.normal(size=(200, 30)) * (rng.random((200, 30)) < 0.2)
SY = S @ rng.normal(size=30)
SPARSE = [sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.csc_matrix, sparse.coo_array]


@pytest.mark.parametrize("kind", SPARSE, ids=lambda k: k.__name__)
@pytest.mark.parametrize("encoder", ["auto", None])
def test_sparse_tables(kind, encoder):
    table = kind(S)
    params = SMALL | {"max_iter": 100, "encoder": encoder, "n_members": 1}
    model = DLRegressor(**params).fit(table, SY)
    assert model.score(table, SY) > 0.9
    np.testing.assert_allclose(model.predict(table), model.predict(sparse.csr_array(S)), rtol=1e-12)
    model.partial_fit(table, SY)
    assert DLClassifier(**params | {"max_iter": 60}).fit(table, SY > 0).score(table, SY > 0) > 0.9
    if encoder is None:
        dense = DLRegressor(**params).fit(S, SY)
        assert model.n_iter_ == 101
        np.testing.assert_allclose(DLRegressor(**params).fit(table, SY).predict(table), dense.predict(S), rtol=1e-6)


def test_sparse_tables_with_validation_and_weights():
    weight = rng.integers(0, 3, 200)
    model = DLRegressor(**SMALL, early_stopping=True, validation_fraction=0.3)
    model.fit(sparse.csc_array(S), SY, sample_weight=weight)
    assert model.validation_loss_curve_ is not None
    assert np.isfinite(model.predict(sparse.csc_array(S))).all()


FRAMES = {
    "pandas": lambda a: pd.DataFrame(a, columns=["a", "b", "c"]),
    "polars": lambda a: pl.DataFrame(a, schema=["a", "b", "c"]),
    "mixed": lambda a: pd.DataFrame(a, columns=["a", "b", "c"]).astype({"a": "float32"}),
    "nullable": lambda a: pd.DataFrame(a, columns=["a", "b", "c"]).astype("Float64"),
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])
def test_frames_keep_their_names(name, estimator):
    frame = FRAMES[name](X)
    model = estimator(**SMALL | {"max_iter": 3}).fit(frame, three)
    np.testing.assert_array_equal(model.feature_names_in_, ["a", "b", "c"])
    assert model.n_features_in_ == 3
    reference = estimator(**SMALL | {"max_iter": 3}).fit(frame.to_numpy(), three)
    np.testing.assert_array_equal(model.predict(frame), reference.predict(frame.to_numpy()))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)
    assert not hasattr(model.fit(X, three), "feature_names_in_")


def test_columns_of_ints_and_bools():
    frame = pd.DataFrame({"i": three, "u": three.astype("uint8"), "b": three > 0, "x": X[:, 0]})
    model = DLRegressor(**SMALL).fit(frame, y)
    np.testing.assert_array_equal(
        model.predict(frame), DLRegressor(**SMALL).fit(frame.to_numpy(float), y).predict(frame.to_numpy(float))
    )


def test_the_table_is_not_written_to():
    for table in (X.copy(), X.astype(np.float32), np.asfortranarray(X)):
        before = table.copy()
        for encoder in ("auto", None):
            DLRegressor(**SMALL | {"max_iter": 2}, encoder=encoder).fit(table, y).predict(table)
        np.testing.assert_array_equal(table, before)


def test_iris_as_it_comes():
    table, labels = load_iris(return_X_y=True, as_frame=True)
    assert DLClassifier(random_state=0).fit(table, labels).score(table, labels) > 0.95
