"""Members inside one network: the loss and pooling, folds and the temperature, the estimators with members, the spread.

Knows nothing about the layers' gradients, which the table of layers covers.
"""

from __future__ import annotations

import numpy as np
import pytest
from cases import central_difference
from scipy import sparse
from sklearn.datasets import make_classification, make_regression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, train_test_split

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._estimators.defaults import SMALL, batch_rows, settle, settle_wide
from sklearn_dl._training.folds import draw, judged
from sklearn_dl.heads import ClassEncoder, ClassHead, Judged
from sklearn_dl.losses import (
    AbsoluteError,
    Focal,
    Gamma,
    Huber,
    LogLoss,
    MeanOfMembers,
    Poisson,
    Quantile,
    SquaredError,
    Tweedie,
)
from sklearn_dl.solvers import LBFGS

N, K = 7, 3
LOSSES = [
    (SquaredError(), 2),
    (AbsoluteError(), 2),
    (Huber(), 2),
    (Quantile((0.2, 0.5, 0.9)), 3),
    (Poisson(), 2),
    (Gamma(), 2),
    (Tweedie(), 2),
    (LogLoss().for_groups((1,)), 1),
    (LogLoss().for_groups((3,)), 3),
    (LogLoss(label_smoothing=0.1).for_groups((1, 3)), 4),
    (Focal().for_groups((3,)), 3),
]
over_losses = pytest.mark.parametrize(("loss", "width"), LOSSES, ids=[str(loss) for loss, _ in LOSSES])


def targets(loss, width, rng):
    if loss.task == "regression":
        return rng.uniform(0.5, 2, (N, 1 if isinstance(loss, Quantile) else width))
    groups = {1: (1,), 3: (3,), 4: (1, 3)}[width]
    columns = []
    for group in groups:
        codes = rng.integers(0, max(group, 2), N)
        columns.append(codes[:, None] if group == 1 else np.eye(group)[codes])
    return np.hstack(columns).astype(float)


# ---------------------------------------------------------------- the loss


@over_losses
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_is_the_mean_of_the_members_losses(loss, width, weighted):
    rng = np.random.default_rng(0)
    y, raw, weight = targets(loss, width, rng), rng.normal(size=(N, K, width)), rng.uniform(0.5, 2, (N, 1))
    table, fold = rng.uniform(0, 2, (3, K)), rng.integers(0, 3, N)
    shares = table[fold] if weighted else np.ones((N, K))
    out = np.empty_like(raw)
    value = MeanOfMembers(loss).value_and_gradient(y, raw, weight * shares if weighted else weight, out)
    expected = 0.0
    for j in range(K):
        d = np.empty((N, width))
        expected += loss.value_and_gradient(y, raw[:, j].copy(), weight * shares[:, [j]], d) / K
        np.testing.assert_allclose(out[:, j], d / K, rtol=1e-12, atol=1e-15)
    assert value == pytest.approx(expected, rel=1e-12)


def test_gradient_of_the_loss_against_central_differences():
    rng = np.random.default_rng(1)
    loss, weight = MeanOfMembers(LogLoss().for_groups((3,))), rng.uniform(0, 2, (N, K))
    y = np.eye(3)[rng.integers(0, 3, N)]
    raw = rng.normal(size=(N, K, 3))
    out, scratch = np.empty_like(raw), np.empty_like(raw)
    loss.value_and_gradient(y, raw, weight, out)
    numeric = central_difference(lambda: loss.value_and_gradient(y, raw, weight, scratch), raw)
    np.testing.assert_allclose(out, numeric, rtol=1e-6, atol=1e-9)


@over_losses
def test_pooled_output_predicts_the_mean_of_the_members_predictions(loss, width):
    """One rule, in validation (`pool`) and in `predict`, also where the levels of members cross."""
    link, raw = loss.link, np.random.default_rng(2).normal(size=(N, K, width))
    each = [link.inverse(raw[:, j].copy()) for j in range(K)]
    np.testing.assert_array_equal(link.each(raw), np.stack(each, axis=1))
    np.testing.assert_allclose(link.inverse(link.pool(raw)), np.mean(each, axis=0), rtol=1e-12)
    np.testing.assert_allclose(link.predict(raw), np.mean(each, axis=0), rtol=1e-12)
    np.testing.assert_array_equal(link.predict(raw[:, 0]), each[0])


def test_crossing_levels_of_members_are_pooled_as_they_are_predicted():
    """Mean levels of [1, 2, 3] and [3, 2, 1] are [2, 2, 2] unsorted; the members predict [1, 2, 3] both."""
    link, raw = Quantile((0.1, 0.5, 0.9)).link, np.array([[[1.0, 2, 3], [3, 2, 1]]])
    np.testing.assert_array_equal(link.pool(raw), [[1, 2, 3]])
    np.testing.assert_array_equal(link.predict(raw), [[[1, 2, 3]]])


# ---------------------------------------------------------------- folds and temperature


def test_folds_are_of_equal_size_and_stratified():
    codes = np.repeat([0, 1, 2], (40, 12, 8))
    folds = draw(codes, 60, 4, seed=0)
    for fold in folds:
        assert sorted([*fold.train, *fold.left_out]) == list(range(60))
        assert np.bincount(codes[fold.left_out]).tolist() == [10, 3, 2]
    assert sorted(np.concatenate([fold.left_out for fold in folds])) == list(range(60))
    assert (folds[0].left_out != draw(codes, 60, 4, seed=1)[0].left_out).any()


def test_a_sample_of_a_long_table_judges(monkeypatch):
    monkeypatch.setattr("sklearn_dl._training.folds.JUDGED", 20)
    monkeypatch.setattr("sklearn_dl._training.folds.FEWEST", 1)
    folds = draw(None, 50, 4, seed=0)
    parts = judged(folds, 1, seed=0)
    assert [len(set(part)) for part in parts] == [5, 5, 4, 4]
    assert all(set(part) <= set(fold.left_out) for part, fold in zip(parts, folds, strict=True))
    X = np.arange(50.0)[:, None]
    assert np.isfinite(DLRegressor(n_members=4, max_iter=3, random_state=0).fit(X, X[:, 0]).predict(X)).all()


def test_temperature_is_found():
    rng = np.random.default_rng(0)
    raw = 2 * rng.normal(size=(20_000, 3))
    p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    y = np.eye(3)[(p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1)]
    head = ClassHead(ClassEncoder("single", [np.arange(3)]), LogLoss())
    assert head.temperature(Judged(y, None, lambda t: 4 * raw / t, True)) == pytest.approx(4, rel=0.05)


def test_folds_make_the_probabilities_of_a_network_that_overfits_honest():
    X, y = make_classification(600, 20, n_informative=4, flip_y=0.3, random_state=0)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    options = {"hidden_layer_sizes": (64, 64), "n_members": 4, "max_iter": 100, "dropout": 0.0, "random_state": 0}
    without = DLClassifier(n_folds=1, **options).fit(X, y)
    with_folds = DLClassifier(n_folds=4, **options).fit(X, y)
    assert log_loss(y_test, with_folds.predict_proba(X_test)) < 0.9 * log_loss(y_test, without.predict_proba(X_test))


def test_a_regressor_returns_to_the_epoch_that_predicts_left_out_rows_best():
    X, y = make_regression(300, 30, n_informative=3, noise=200, random_state=0)
    model = DLRegressor(hidden_layer_sizes=(64,), n_members=4, n_folds=4, max_iter=60, random_state=0).fit(X, y)
    curve = model.validation_loss_curve_
    assert curve.index(min(curve)) < len(curve) - 1  # it overfits
    residual = 2 * model.best_loss_ * y.var()  # the loss is half the square, in units of the standardised target
    np.testing.assert_allclose(model.noise_, residual, rtol=1e-4)


def test_a_classifier_returns_to_the_epoch_that_tells_left_out_rows_best_at_their_temperature():
    X, y = make_classification(400, 20, n_informative=3, flip_y=0.3, random_state=0)
    model = DLClassifier(hidden_layer_sizes=(64, 64), n_members=4, n_folds=4, max_iter=60, random_state=0).fit(X, y)
    curve = model.validation_loss_curve_
    assert curve.index(min(curve)) < len(curve) - 1  # it overfits
    assert max(curve) < 0.9  # the temperature keeps it from being sure of what it does not know


# ---------------------------------------------------------------- the estimators

FAST = {"hidden_layer_sizes": (8,), "n_members": 3, "n_folds": 1, "max_iter": 5, "random_state": 0}


def regression(n=60, outputs=1):
    return make_regression(n, 5, n_targets=outputs, random_state=0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_folds": 3},
        {"numeric_embedding": None},
        {"hidden_layer_sizes": ()},
        {"architecture": "resnet"},
        {"normalization": "batch"},
        {"normalization": "layer"},
        {"solver": "lbfgs"},
        {"solver": "lbfgs", "n_folds": 3},
        {"solver": "sgd"},
        {"dropout": 0.3},
        {"encoder": None},
        {"early_stopping": True, "validation_fraction": 0.3},
        {"dtype": "float32"},
        {"loss": "huber"},
    ],
    ids=str,
)
def test_members_with_everything(options):
    X, y = regression()
    params = FAST | ({"loss": "squared_error"} if "loss" not in options else {}) | options
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    model = DLRegressor(**params).fit(X, y, weight)
    again = DLRegressor(**params).fit(X, y, weight)
    mean, std = model.predict(X, return_std=True)
    assert mean.shape == std.shape == y.shape
    assert (std > 0).all()
    np.testing.assert_array_equal(mean, again.predict(X))
    labels = np.digitize(y, np.quantile(y, [0.3, 0.6]))
    params.pop("loss")
    proba = DLClassifier(**params).fit(X, labels, weight).predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile", "poisson", "gamma", "tweedie"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_members_with_all_losses_and_several_outputs(loss, outputs):
    X, y = regression(outputs=outputs)
    y = np.exp(y / y.std())
    mean, std = DLRegressor(loss=loss, **FAST).fit(X, y).predict(X, return_std=True)
    assert mean.shape == std.shape == y.shape
    assert np.isfinite(std).all()


def test_members_of_multilabel_and_multioutput():
    X, y = regression(outputs=2)
    labels = (y > 0).astype(int)
    assert DLClassifier(**FAST | {"n_folds": 3}).fit(X, labels).predict_proba(X).shape == labels.shape
    several = np.column_stack((labels[:, 0], np.digitize(y[:, 1], [-20, 20])))
    first, second = DLClassifier(**FAST | {"n_folds": 3}).fit(X, several).predict_proba(X)
    assert (first.shape, second.shape) == ((60, 2), (60, 3))


def test_quantiles_of_members_are_the_mean_of_theirs():
    X, y = regression()
    model = DLRegressor(loss=Quantile((0.1, 0.5, 0.9)), **FAST).fit(X, y)
    quantiles = model.predict_quantiles(X)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    np.testing.assert_array_equal(model.predict(X), quantiles[:, 1])


def test_members_take_sparse_tables():
    X, y = regression()
    X[np.abs(X) < 0.8] = 0
    params = FAST | {"encoder": None, "numeric_embedding": None}
    model = DLRegressor(**params).fit(sparse.csr_array(X), y)
    np.testing.assert_allclose(model.predict(sparse.csr_array(X)), model.predict(X), rtol=1e-10)
    assert [type(layer).__name__ for layer in model.network_.layer.layers][:2] == ["Dense", "Members"]
    with pytest.raises(ValueError, match=r"n_members > 1 needs a hidden layer where X is sparse"):
        DLRegressor(**params | {"hidden_layer_sizes": ()}).fit(sparse.csr_array(X), y)


def test_members_differ_and_partial_fit_goes_on():
    X, y = regression()
    model = DLRegressor(**FAST).partial_fit(X, y)
    raw = model._raw(X)
    assert raw.shape == (60, 3, 1)
    assert np.ptp(raw, axis=1).min() > 0
    before = model.network_.values.copy()
    model.partial_fit(X[:10], y[:10])
    assert (model.network_.values != before).any()
    assert model.n_iter_ == 2


def test_warm_start_keeps_the_size_of_the_first_fit():
    X, y = regression(n=SMALL + 10)
    params = {"hidden_layer_sizes": (4,), "max_iter": 2, "warm_start": True, "random_state": 0}
    model = DLRegressor(**params).fit(X[:50], y[:50])
    assert model.fit(X, y).coefs_[0].shape == (5, 4)  # a single member still, on a table that would get several


# ---------------------------------------------------------------- the spread


def test_the_spread_is_that_of_the_members_and_the_noise():
    X, y = regression()
    model = DLRegressor(**FAST).fit(X, 100 * y)
    _, std = model.predict(X, return_std=True)
    members = model._raw(X)[:, :, 0] * model.fitted_.head.target.scale
    np.testing.assert_allclose(std, np.sqrt(members.var(axis=1) + model.noise_), rtol=1e-12)


def test_a_single_member_has_no_spread():
    X, y = regression()
    model = DLRegressor(**FAST | {"n_members": 1}).fit(X, y)
    with pytest.raises(ValueError, match=r"return_std=True needs an ensemble, fitted with n_members > 1"):
        model.predict(X, return_std=True)


# ---------------------------------------------------------------- what "auto" stands for


def settled(n_rows, task="regression", **params):
    cls = DLRegressor if task == "regression" else DLClassifier
    return settle(cls(**params).get_params(deep=False), n_rows)


@pytest.mark.parametrize(
    ("n_rows", "params"),
    [
        (SMALL - 1, {}),
        (5000, {"n_members": 1}),
        (5000, {"hidden_layer_sizes": ()}),
        (5000, {"solver": "lbfgs"}),
        (5000, {"solver": LBFGS()}),
        (5000, {"architecture": lambda *a, **k: None}),
    ],
)
def test_one_member_means_a_plain_network(n_rows, params):
    plain = settled(n_rows, **params)
    got = [plain[name] for name in ("n_members", "numeric_embedding", "dropout", "n_folds", "max_iter")]
    assert got == [1, None, 0.0, 1, 200]
    assert plain["learning_rate_init"] == "auto"


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_no_auto_is_left_but_those_of_others(task):
    left = {name for name, value in settled(5000, task).items() if isinstance(value, str) and value == "auto"}
    assert left <= {"learning_rate_init", "batch_size", "encoder", "dtype"}


def test_given_values_are_kept():
    given = {"n_members": 2, "hidden_layer_sizes": (3,), "max_iter": 7, "dropout": 0.4, "activation": "tanh"}
    after = settled(5000, "classification", learning_rate_init=0.1, **given)
    assert {name: after[name] for name in given} == given
    assert after["learning_rate_init"] == 0.1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_members": 2, "n_folds": 3}, r"n_folds must be at most n_members, which is 2 here; got 3"),
        ({"n_folds": 3}, r"n_folds must be at most n_members, which is 1 here; got 3"),
        ({"n_members": 0}, r"n_members must be 'auto' or an int >= 1; got 0"),
        ({"n_folds": 1.5}, r"n_folds must be 'auto', an int >= 1 or a splitter .*; got 1.5"),
        ({"max_iter": 0}, r"max_iter must be 'auto' or an int >= 1; got 0"),
        (
            {"numeric_embedding": "fourier"},
            r"numeric_embedding must be 'periodic', 'piecewise_linear' or 'mixed', or 'auto'",
        ),
    ],
)
def test_errors(params, message):
    X, y = regression()
    with pytest.raises(ValueError, match=message):
        DLRegressor(**params).fit(X, y)


@pytest.mark.parametrize(
    ("given", "n_rows", "n_members", "size"),
    [
        ("auto", 1024, 8, 64),
        ("auto", 1025, 1, 128),
        ("auto", 30_001, 1, 512),
        ("auto", 30_001, 8, 256),
        ("auto", 10**7, 1, 1024),
        ("auto", 10**7, 2, 256),
        (5000, 10**7, 8, 5000),
        (None, 123, 8, 123),
    ],
)
def test_rows_a_step(given, n_rows, n_members, size):
    assert batch_rows(given, n_rows, n_members) == size


@pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])
def test_auto_for_wide_sparse_tables(estimator):
    def epochs(n, **given):
        return settle_wide(estimator(**given).get_params(deep=False), n)["max_iter"]

    assert [epochs(n) for n in (100, 1000, 5000, 10**6)] == [24, 18, 8, 4]
    assert epochs(5000, max_iter=50) == 50
    params = settle_wide(estimator(hidden_layer_sizes=(7,), dropout=0.2).get_params(deep=False), 5000)
    assert (params["hidden_layer_sizes"], params["dropout"], params["n_members"]) == ((7,), 0.2, 4)
    assert settle_wide(estimator().get_params(deep=False), SMALL - 1)["n_members"] == 1
    for n_folds, n, n_members in (
        (2, 5000, 4),
        (6, 5000, 6),
        (KFold(6), 5000, 6),
        (KFold(3), 5000, 6),
        (KFold(3), 9, 3),
    ):
        assert settle_wide(estimator(n_folds=n_folds).get_params(deep=False), n)["n_members"] == n_members
    for given in ({"solver": "lbfgs"}, {"hidden_layer_sizes": ()}):
        params = estimator(**given).get_params(deep=False)
        assert settle_wide(params, 5000) == params
