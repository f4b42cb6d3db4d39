"""Bad input is told in one clear sentence that names the parameter or the column, the value, and what is allowed.

One table a kind of mistake: a parameter, two parameters, the data, the order of calls.
"""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.checkpoint.fingerprint import text
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.layers import Dense, LeakyReLU
from sklearn_dl.losses import Focal, Huber, LogLoss, Quantile, SquaredError, Tweedie
from sklearn_dl.numeric_embeddings import Periodic
from sklearn_dl.schedules import Adaptive, Cosine, CosLog, InvScaling, OneCycle
from sklearn_dl.solvers import LBFGS, SGD, Adam, AdamW, RMSprop

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3))
y = X[:, 0].copy()
c = (y > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
SMALL = {"max_iter": 2, "hidden_layer_sizes": 3, "random_state": 0}


def regressor(**params):
    return DLRegressor(**SMALL | params)


def classifier(**params):
    return DLClassifier(**SMALL | params)


def but(a, index, value):
    """A copy with one other value."""
    a = np.array(a, dtype=float)
    a[index] = value
    return a


def raises_sentence(call, sentence, error=ValueError):
    """The call raises exactly this sentence."""
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


# ---------------------------------------------------------------- one parameter

BOOL = "True or False"
INT = "an int >= 1"
POSITIVE = "a finite number > 0"
NOT_NEGATIVE = "a finite number >= 0"
SIZES = "'auto', an int >= 1 or a sequence of them, one for each hidden layer"
ACTIVATIONS = (
    "'identity', 'logistic', 'tanh', 'relu', 'leaky_relu', 'elu', 'selu', 'gelu', 'silu', 'mish' or 'softplus', "
    "an Activation object such as LeakyReLU(slope=0.2), or a sequence of them"
)
LOSSES = (
    "'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson', 'gamma' or 'tweedie', or a Loss object for "
    "regression"
)
SOLVERS = "'sgd', 'rmsprop', 'adam', 'adamw' or 'lbfgs', or a Solver object such as SGD(...)"
EMBEDDINGS = "'periodic', 'piecewise_linear' or 'mixed', or 'auto', None or a NumericEmbedding such as Mixed(width=4)"
SCHEDULES = (
    "'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle' or 'coslog', or a Schedule object such as "
    "Cosine(warmup=0.1)"
)
DROPOUTS = "'auto', a number in [0, 1), or a sequence of them, one for each hidden layer"
WEIGHTS = "None, 'balanced', a dict from class to a finite number >= 0, or a list of such dicts for several targets"

SCORERS = "'loss', None, a name among sklearn.metrics.get_scorer_names(), a callable, or a list of such (no name twice)"

PARAMETERS = {
    "hidden_layer_sizes": (SIZES, [0, -1, (5, 0), (5, -1), "100", 2.5, (3, 2.0), None, True, np.array(3)]),
    "activation": (ACTIVATIONS, ["rely", 5, None, ("relu", 3), LeakyReLU, (LeakyReLU,), Dense(3, 3)]),
    "loss": (LOSSES, ["mse", "log_loss", 3, None, Huber]),
    "solver": (SOLVERS, ["adamax", 3, None, SGD]),
    "alpha": (NOT_NEGATIVE, [-1, -1e-9, "a", None, True, np.nan, np.inf]),
    "learning_rate": (SCHEDULES, ["cos", 0.1, None, Cosine]),
    "learning_rate_init": (f"'auto' or {POSITIVE}", [0, -1, "fast", None, np.inf, np.nan]),
    "batch_size": (f"'auto', None or {INT}", [0, -5, 2.5, "all", True]),
    "max_iter": (f"'auto' or {INT}", [0, -1, 1.5, "a", None, True]),
    "shuffle": (BOOL, [1, "yes", None]),
    "clip_norm": (f"None or {POSITIVE}", [0, -1, "a", np.nan, np.inf]),
    "dropout": (DROPOUTS, [-0.1, 1, 1.0, "none", None, (0.1, "a"), (0.1, 1.0), np.nan]),
    "normalization": ("None, 'batch' or 'layer'", ["instance", True, 3]),
    "architecture": ("'mlp' or 'resnet', or a callable that returns a Layer", ["cnn", None, 3]),
    "n_members": (f"'auto' or {INT}", [0, -2, "a", 1.0, None]),
    "n_folds": (f"'auto', {INT} or a splitter of scikit-learn such as GroupKFold(4)", [0, "a", 2.5, None, KFold]),
    "numeric_embedding": (EMBEDDINGS, ["fourier", 3, Periodic]),
    "encoder": ("'auto', None or a TableEncoder", ["none", 3, True, np.ones(3)]),
    "scale_target": (BOOL, [1, None, "yes"]),
    "early_stopping": ("'auto', True or False", ["yes", None, 1, 0, np.ones(3)]),
    "validation_fraction": ("a number in (0, 1)", [0, 1, 1.5, -0.1, "a", None]),
    "n_iter_no_change": ("an int >= 1 or inf", [0, -1, 2.5, "a", None, -np.inf, np.ones(3)]),
    "tol": (NOT_NEGATIVE, [-1, "a", None, np.nan, np.inf]),
    "scoring": (SCORERS, ["best", 3, True, [], ["best"], ["r2", "r2"], [None, 3]]),
    "target_loss": ("None or a number", ["a", np.nan, True]),
    "max_time": (f"None or {POSITIVE}", [0, -1, "a", np.nan]),
    "dtype": ("'auto', 'bfloat16', 'float32' or 'float64'", ["float16", "double", np.int32, None, 5, np.ones(3)]),
    "warm_start": (BOOL, [1, None, "a"]),
    "random_state": ("None, an int in [0, 2**32 - 1] or a numpy.random.RandomState", ["a", -1, 2**32, 1.5, True]),
    "verbose": ("True, False or an int >= 0", ["a", -1, None, 1.5]),
    "n_jobs": ("None or an int other than 0", [0, "a", 1.5]),
}
PARAMETER_CASES = [(name, value, allowed) for name, (allowed, values) in PARAMETERS.items() for value in values]


@pytest.mark.parametrize(("name", "value", "allowed"), PARAMETER_CASES, ids=lambda v: repr(v)[:20])
def test_a_parameter_out_of_range_or_of_the_wrong_type(name, value, allowed):
    with pytest.raises(ValueError, match=r"\.$") as caught:
        regressor(**{name: value}).fit(X, y)
    told, _, guess = str(caught.value).partition(" (did you mean ")
    assert told.removesuffix(".").removesuffix(", which is for classification") == (
        f"{name} must be {allowed}; got {value!r}"
    )
    assert guess == "" or guess.endswith("?).")


@pytest.mark.parametrize(
    "params",
    [
        {"early_stopping": np.False_, "shuffle": np.True_, "scale_target": np.True_, "warm_start": np.False_},
        {"batch_size": np.str_("auto"), "learning_rate_init": np.str_("auto"), "dropout": np.str_("auto")},
        {"hidden_layer_sizes": np.array([3, 2]), "dropout": np.array([0.1, 0.0]), "alpha": np.float32(0.5)},
        {"max_iter": np.int32(2), "verbose": np.int64(0), "n_iter_no_change": np.float64(np.inf)},
        {"dtype": np.dtype("float32"), "random_state": np.int64(3)},
    ],
    ids=lambda v: next(iter(v)),
)
def test_values_of_numpy_as_a_grid_of_arrays_gives_them(params):
    assert regressor(**params).fit(X, y).n_iter_ == 2


def test_a_validation_set_contradicts_the_false_of_numpy_too():
    with pytest.raises(ValueError, match="X_val and y_val need early_stopping"):
        regressor(early_stopping=np.False_).fit(X, y, X_val=X, y_val=y)


def test_every_parameter_is_in_the_table():
    assert set(PARAMETERS) | {"class_weight"} == set(DLRegressor().get_params()) | set(DLClassifier().get_params())


@pytest.mark.parametrize("value", ["none", 3, ("a",), {0: -1, 1: 1}, {0: "a"}, {0: np.nan}, {0: np.inf}, [{0: -1}]])
def test_class_weight_out_of_range_or_of_the_wrong_type(value):
    raises_sentence(lambda: classifier(class_weight=value).fit(X, c), f"class_weight must be {WEIGHTS}; got {value!r}.")


NUMBER = "must be a number"
SETTINGS = [
    ("loss", Huber(0), f"Huber: delta {NUMBER} > 0; got 0."),
    ("loss", Huber("a"), f"Huber: delta {NUMBER} > 0; got 'a'."),
    ("loss", Huber(None), f"Huber: delta {NUMBER} > 0; got None."),
    ("loss", Quantile((0.9, 0.1)), "Quantile: levels must increase; got (0.9, 0.1)."),
    ("loss", Quantile((0.5, 0.5)), "Quantile: levels must increase; got (0.5, 0.5)."),
    ("loss", Quantile(()), "Quantile: levels must be numbers in (0, 1); got ()."),
    ("loss", Quantile(("a",)), "Quantile: levels must be numbers in (0, 1); got ('a',)."),
    ("loss", Quantile("a"), "Quantile: levels must be numbers in (0, 1); got 'a'."),
    ("loss", Quantile(1), "Quantile: levels must be numbers in (0, 1); got 1."),
    ("loss", Tweedie(2.5), f"Tweedie: power {NUMBER} in [1, 2]; got 2.5."),
    ("loss", Tweedie("a"), f"Tweedie: power {NUMBER} in [1, 2]; got 'a'."),
    ("loss", LogLoss(), "loss must be a Loss object for regression; got LogLoss(), which is for classification."),
    ("solver", SGD(momentum=1.0), "SGD: momentum must be a number in [0, 1); got 1.0."),
    ("solver", SGD(momentum="a"), "SGD: momentum must be a number in [0, 1); got 'a'."),
    ("solver", SGD(nesterov="no"), "SGD: nesterov must be True or False; got 'no'."),
    ("solver", RMSprop(rho=-1), "RMSprop: rho must be a number in [0, 1); got -1."),
    ("solver", RMSprop(epsilon=0), "RMSprop: epsilon must be a finite number > 0; got 0."),
    ("solver", Adam(beta_1=-1), "Adam: beta_1 must be a number in [0, 1); got -1."),
    ("solver", Adam(beta_2=1), "Adam: beta_2 must be a number in [0, 1); got 1."),
    ("solver", Adam(epsilon=None), "Adam: epsilon must be a finite number > 0; got None."),
    ("solver", AdamW(weight_decay=-1), "AdamW: weight_decay must be 'auto' or a finite number >= 0; got -1."),
    ("solver", AdamW(weight_decay=True), "AdamW: weight_decay must be 'auto' or a finite number >= 0; got True."),
    ("solver", LBFGS(max_fun=0), "LBFGS: max_fun must be an int >= 1; got 0."),
    ("solver", LBFGS(history=2.5), "LBFGS: history must be an int >= 1; got 2.5."),
    ("learning_rate", Cosine(1), f"Cosine: warmup {NUMBER} in [0, 1); got 1."),
    ("learning_rate", Cosine("a"), f"Cosine: warmup {NUMBER} in [0, 1); got 'a'."),
    ("learning_rate", InvScaling(-1), f"InvScaling: power_t {NUMBER} >= 0; got -1."),
    ("learning_rate", Adaptive(1), f"Adaptive: divisor {NUMBER} > 1; got 1."),
    ("learning_rate", Adaptive(min_rate=-1), f"Adaptive: min_rate {NUMBER} >= 0; got -1."),
    ("learning_rate", OneCycle(peak=0), f"OneCycle: peak {NUMBER} in (0, 1); got 0."),
    ("learning_rate", OneCycle(start=0.5), f"OneCycle: start {NUMBER} >= 1; got 0.5."),
    ("learning_rate", OneCycle(end="a"), f"OneCycle: end {NUMBER} >= 1; got 'a'."),
    ("learning_rate", CosLog(0), "CosLog: cycles must be an int >= 1; got 0."),
    ("learning_rate", CosLog(1.5), "CosLog: cycles must be an int >= 1; got 1.5."),
    ("learning_rate", CosLog("a"), "CosLog: cycles must be an int >= 1; got 'a'."),
]


@pytest.mark.parametrize(("name", "value", "sentence"), SETTINGS, ids=lambda v: repr(v)[:30])
def test_a_setting_out_of_range_or_of_the_wrong_type(name, value, sentence):
    raises_sentence(lambda: regressor(**{name: value}).fit(X, y), sentence)


CLASS_LOSSES = [
    (LogLoss(1.0), "LogLoss: label_smoothing must be a number in [0, 1); got 1.0."),
    (LogLoss("a"), "LogLoss: label_smoothing must be a number in [0, 1); got 'a'."),
    (Focal(-1), "Focal: gamma must be a finite number >= 0; got -1."),
    (Focal(None), "Focal: gamma must be a finite number >= 0; got None."),
    ("huber",
     "loss must be 'log_loss' or 'focal', or a Loss object for classification; got 'huber', which is for regression."),
    (SquaredError(),
     "loss must be a Loss object for classification; got SquaredError(), which is for regression."),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "sentence"), CLASS_LOSSES, ids=lambda v: repr(v)[:30])
def test_a_loss_of_the_classifier(loss, sentence):
    raises_sentence(lambda: classifier(loss=loss).fit(X, c), sentence)


# ---------------------------------------------------------------- two parameters

SAME_LOSS = "solver 'lbfgs' needs the same loss at each evaluation"
VAL = "in the validation set (X_val, y_val, sample_weight_val): "


def layer_of_wrong_type(*args, **keywords):
    return Dense


CONTRADICTIONS = {
    "lbfgs, dropout": ({"solver": "lbfgs", "dropout": 0.1}, {}, f"{SAME_LOSS}: dropout must be 0; got 0.1."),
    "lbfgs, dropouts": ({"solver": LBFGS(), "dropout": (0.1,)}, {}, f"{SAME_LOSS}: dropout must be 0; got (0.1,)."),
    "lbfgs, batch": ({"solver": "lbfgs", "normalization": "batch"}, {},
                     f"{SAME_LOSS}: normalization must not be 'batch'."),
    "lbfgs, clip": ({"solver": "lbfgs", "clip_norm": 1.0}, {},
                    "solver 'lbfgs' takes no steps to clip: clip_norm must be None; got 1.0."),
    "activations": ({"activation": ("relu", "tanh")}, {},
                    "activation must be one or one for each hidden layer; got 2 for 1 hidden layers."),
    "no activation": ({"activation": []}, {},
                      "activation must be one or one for each hidden layer; got 0 for 1 hidden layers."),
    "dropouts": ({"dropout": (0.1, 0.2)}, {},
                 "dropout must be one number or one for each hidden layer; got 2 numbers for 1 hidden layers."),
    "architecture": ({"architecture": layer_of_wrong_type}, {},
                     f"architecture must return a Layer; got {Dense!r}."),
    "X_val without stopping": ({"early_stopping": False}, {"X_val": X, "y_val": y},
                               "X_val and y_val need early_stopping='auto' or True; got early_stopping=False."),
    "X_val alone": ({}, {"X_val": X}, "X_val was given without y_val; pass both or neither."),
    "y_val alone": ({}, {"y_val": y}, "y_val was given without X_val; pass both or neither."),
    "sample_weight_val alone": ({}, {"sample_weight_val": y},
                                "sample_weight_val was given without X_val and y_val; pass all three or none."),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_parameters_that_contradict_each_other(name):
    params, keywords, sentence = CONTRADICTIONS[name]
    raises_sentence(lambda: regressor(**params).fit(X, y, **keywords), sentence)


# ---------------------------------------------------------------- data

FINITE = "encoder=None takes finite numbers only; fill in missing ones before, or use encoder='auto'."
NUMBERS = "encoder=None takes columns of numbers only; encode it before, or use encoder='auto'."
INFINITE = "contains infinity; replace it by a number or by NaN (missing)."
SPARSE = (
    "X is sparse and contains NaN or infinity, but a sparse X must hold finite numbers; fill its gaps, or make it "
    "dense, in a ColumnTransformer with sparse_threshold=0."
)
UNKNOWN = "y contains classes that are not among [0, 1]: "
NULLS = pd.array([1, None] * 15, dtype="Int64")
WORDS = FRAME.assign(b="x").astype({"b": object})
FIT = {
    "NaN in X": (regressor(encoder=None), (but(X, (4, 1), np.nan), y),
                 f"column 1 of X contains NaN, in row 4: {FINITE}"),
    "inf in X": (regressor(encoder=None), (but(X, (4, 1), np.inf), y),
                 f"column 1 of X contains infinity (inf), in row 4: {FINITE}"),
    "-inf in X": (classifier(encoder=None), (but(X, (4, 1), -np.inf), c),
                  f"column 1 of X contains infinity (inf), in row 4: {FINITE}"),
    "inf, encoded": (regressor(), (but(X, (4, 1), np.inf), y), f"column 1 of X {INFINITE}"),
    "inf in a frame": (classifier(), (FRAME.assign(b=-np.inf), c), f"column 'b' of X {INFINITE}"),
    "NaN in a frame": (regressor(encoder=None), (FRAME.assign(b=np.nan), y),
                       f"column 'b' of X contains NaN, in row 0: {FINITE}"),
    "NA in a frame": (regressor(encoder=None), (FRAME.assign(b=NULLS), y),
                      f"column 'b' of X contains NaN, in row 1: {FINITE}"),
    "null in polars": (regressor(encoder=None), (pl.DataFrame({"a": X[:, 0], "b": [None, 1.0] * 15}), y),
                       f"column 'b' of X contains NaN, in row 0: {FINITE}"),
    "NaN in CSR": (regressor(), (sparse.csr_array(but(X * (X > 0), (4, 1), np.nan)), y), SPARSE),
    "NaN in CSC": (regressor(encoder=None), (sparse.csc_matrix(but(X * (X > 0), (4, 1), np.inf)), y),
                   f"column 1 of X contains infinity (inf), in row 4: {FINITE}"),
    "text in pandas": (regressor(encoder=None), (WORDS, y), f"column 'b' of X has dtype object: {NUMBERS}"),
    "category": (regressor(encoder=None), (FRAME.assign(b=pd.Categorical(["x"] * 30)), y),
                 f"column 'b' of X has dtype category: {NUMBERS}"),
    "text in polars": (classifier(encoder=None), (pl.DataFrame({"a": X[:, 0], "b": ["x"] * 30}), c),
                       f"column 'b' of X has dtype String: {NUMBERS}"),
    "y of three axes": (regressor(), (X, y[:, None, None]),
                        "y must have shape (n,) or (n, n_outputs); got an array of shape (30, 1, 1)."),
    "y a number": (regressor(), (X, 3.0), "y must have shape (n,) or (n, n_outputs); got an array of shape ()."),
    "y without columns": (regressor(), (X, np.empty((30, 0))),
                          "y must have shape (n,) or (n, n_outputs); got an array of shape (30, 0)."),
    "y too short": (regressor(), (X, y[:9]), "X and y must have the same number of rows; got 30 and 9."),
    "classes too short": (classifier(), (FRAME, pd.Series(c[:9])),
                          "X and y must have the same number of rows; got 30 and 9."),
    "y None": (regressor(), (X, None),
               "This DLRegressor estimator requires y to be passed, but the target y is None."),
    "NaN in y": (regressor(), (X, but(y, 3, np.nan)), "y contains NaN (missing), in row 3; leave such rows out."),
    "NaN in y of several columns": (regressor(), (X, but(np.c_[y, y], 3, np.nan)),
                                "y contains NaN (missing), in row 3; leave such rows out."),
    "NaN in classes": (classifier(), (X, but(c, 3, np.nan)),
                       "y contains NaN (missing), in row 3; leave such rows out."),
    "None in classes": (classifier(), (X, np.where(c, "a", None)),
                        "y contains None or NaN (missing); leave such rows out."),
    "None in a Series": (classifier(), (X, pd.Series(np.where(c, "a", None))),
                         "y contains None or NaN (missing); leave such rows out."),
    "NA in strings": (classifier(), (X, pd.Series(np.where(c, "a", None), dtype="string")),
                      "y contains None or NaN (missing); leave such rows out."),
    "NA in categories": (classifier(), (X, pd.Series(np.where(c, "a", None), dtype="category")),
                         "y contains None or NaN (missing); leave such rows out."),
    "null in polars as classes": (classifier(), (X, pl.Series([None, "a", "b"] * 10)),
                                  "y contains None or NaN (missing); leave such rows out."),
    "labels of two types": (classifier(), (X, np.array([1, "a"] * 15, dtype=object)),
                            "the labels of y must be of one type; got int, str."),
    "labels of two types in a column": (classifier(), (X, np.array([[1, "a"], ["b", "c"]] * 15, dtype=object)),
                                        "the labels of output 0 of y must be of one type; got int, str."),
    "dates as numbers": (regressor(), (X, pd.Series(pd.date_range("2020", periods=30, unit="us"))),
                         "y must hold numbers; it holds dates or times (datetime64[us])."),
    "weights without a sum": (regressor(), (X, y, np.full(30, 1e308)),
                              "sample_weight must add up to at most 1e+300; got values up to 1e+308."),
    "inf in y": (regressor(), (X, but(y, 3, np.inf)),
                 "y contains infinity, in row 3; it must hold finite numbers."),
    "inf in y of objects": (regressor(), (X, but(y, 3, np.inf).astype(object)),
                            "y must hold finite numbers; it contains NaN or infinity."),
    "words as numbers": (regressor(), (X, ["1", "2.5", "a"] * 10), "y must hold numbers; got 'a'."),
    "objects as numbers": (regressor(), (X, np.array(["a"] * 30, dtype=object)),
                           "y must hold numbers; got 'a'."),
    "negative weight": (regressor(), (X, y, but(np.ones(30), 3, -1)),
                        "Negative values in data passed to `sample_weight`."),
    "all weights zero": (classifier(), (X, c, np.zeros(30)),
                         "sample_weight is zero for all rows; at least one weight must be > 0."),
    "NaN in weights": (regressor(), (X, y, but(np.ones(30), 3, np.nan)), "Input sample_weight contains NaN."),
    "one class": (classifier(), (X, np.full(30, 7)),
                  "y must hold at least 2 classes; got 1 class: [7]."),
    "one class of an output": (classifier(), (X, np.c_[c, np.full(30, 3)]),
                               "output 1 of y must hold at least 2 classes; got 1 class: [3]."),
    "numbers as classes": (classifier(), (X, y),
                           "Unknown label type: continuous. Maybe you are trying to fit a classifier, which expects "
                           "discrete classes on a regression target with continuous values."),
    "poisson": (regressor(loss="poisson"), (X, but(abs(y), 3, -2)),
                "loss 'poisson' needs targets >= 0; y contains -2."),
    "poisson, zero": (regressor(loss="poisson"), (X, np.zeros(30)),
                      "loss 'poisson' needs at least one target > 0 in each output; y is all zero."),
    "poisson, zero with weight": (regressor(loss="poisson"), (X, abs(y) * c, 1 - c),
                                  "loss 'poisson' needs at least one target > 0 in each output; y is all zero."),
    "gamma": (regressor(loss="gamma"), (X, but(abs(y), 3, 0)), "loss 'gamma' needs targets > 0; y contains 0."),
    "tweedie": (regressor(loss="tweedie"), (X, but(abs(y), 3, -2)),
                "loss 'tweedie' needs targets >= 0; y contains -2."),
    "weight of text": (classifier(class_weight={"0": 1.0, 1: 2.0}), (X, c),
                       "class_weight names classes that are not among [0, 1]: ['0']."),
    "weights all zero": (classifier(class_weight={0: 0, 1: 0}), (X, c),
                         "class_weight must leave a row with a weight > 0; got {0: 0, 1: 0}."),
    "class weights without a sum": (classifier(class_weight={0: 1e308, 1: 1e308}), (X, c),
                                    "class_weight times sample_weight must add up to at most 1e+300; got "
                                    "{0: 1e+308, 1: 1e+308}."),
    "one dict for two targets": (classifier(class_weight={0: 1}), (X, np.c_[c, 1 - c]),
                                 "class_weight must be 'balanced' or a list of 2 dicts, one for each column of y; "
                                 "got {0: 1}."),
    "two dicts for one target": (classifier(class_weight=[{0: 1}, {0: 1}]), (X, c),
                                 "class_weight must be 'balanced' or a list of 1 dicts, one for each column of y; "
                                 "got [{0: 1}, {0: 1}]."),
}  # fmt: skip


@pytest.mark.parametrize("name", FIT)
def test_data_that_cannot_be_fitted(name):
    model, args, sentence = FIT[name]
    raises_sentence(lambda: model.fit(*args), sentence)


VALIDATION = {
    "rows": (regressor(), (X, y[:5]), {}, "X and y must have the same number of rows; got 30 and 5."),
    "columns": (regressor(), (X[:, :2], y), {},
                "X has 2 features, but DLRegressor is expecting 3 features as input."),
    "NaN": (regressor(encoder=None), (but(X, 0, np.nan), y), {}, f"column 0 of X contains NaN, in row 0: {FINITE}"),
    "NaN in y": (regressor(), (X, but(y, 0, np.nan)), {}, "y contains NaN (missing), in row 0; leave such rows out."),
    "outputs": (regressor(), (X, np.c_[y, y]), {}, "y must have 1 output(s); got 2."),
    "poisson": (regressor(loss="gamma"), (X, -abs(y) - 1), {}, None),
    "classes": (classifier(), (X, c + 1), {}, f"{UNKNOWN}[2]."),
    "words": (classifier(), (X, c.astype(str)), {}, f"{UNKNOWN}['0', '1']."),
    "classes, balanced": (classifier(class_weight="balanced"), (X, c + 1), {}, f"{UNKNOWN}[2]."),
    "classes, weighted": (classifier(class_weight={0: 1.0}), (X, c + 1), {}, f"{UNKNOWN}[2]."),
    "weights": (regressor(), (X, y), {"sample_weight_val": np.zeros(30)},
                "sample_weight is zero for all rows; at least one weight must be > 0."),
}  # fmt: skip


@pytest.mark.parametrize("name", VALIDATION)
def test_validation_sets_that_do_not_fit(name):
    model, (X_val, y_val), keywords, sentence = VALIDATION[name]
    target = c if isinstance(model, DLClassifier) else abs(y) + 0.1
    sentence = sentence or f"loss 'gamma' needs targets > 0; y contains {y_val.min():g}."
    raises_sentence(lambda: model.fit(X, target, X_val=X_val, y_val=y_val, **keywords), VAL + sentence)


GIVEN = {
    "columns": (X[:, :2], "X has 2 features, but DLRegressor is expecting 3 features as input"),
    "more columns": (np.c_[X, X], "X has 6 features, but DLRegressor is expecting 3 features as input"),
    "other names": (FRAME.rename(columns={"a": "z"}), r"unseen at fit time:\n- z\n.*yet now missing:\n- a"),
    "missing column": (FRAME[["a", "b"]], r"seen at fit time, yet now missing:\n- c"),
    "extra column": (FRAME.assign(d=1.0), r"unseen at fit time:\n- d"),
    "other order": (FRAME[["b", "a", "c"]], "names must be in the same order as they were in fit"),
    "words": (WORDS, "column 'b' of X holds text but held numbers at fit"),
    "inf": (FRAME.assign(a=but(y, 2, np.inf)), re.escape(f"column 'a' of X {INFINITE}")),
    "vector": (X[0], "Expected 2D array, got 1D array instead"),
    "no rows": (FRAME[:0], "0"),
}


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_tables_that_cannot_be_predicted(name):
    table, pattern = GIVEN[name]
    model = regressor().fit(FRAME, y)
    with pytest.raises(ValueError, match=f"(?s){pattern}"):
        model.predict(table)


TABLES = {
    "vector": (X[:, 0], "Expected 2D array, got 1D array instead"),
    "three axes": (X[:, :, None], "Found array with dim 3, while dim <= 2 is required by DLRegressor"),
    "no columns": (X[:, :0], r"Found array with 0 feature\(s\)"),
    "complex": (X * 1j, "Complex data not supported"),
    "words": (np.full((30, 2), "a"), r"could not convert string to float: .*'a'"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_are_none(name):
    table, pattern = TABLES[name]
    with pytest.raises(ValueError, match=pattern):
        regressor().fit(table, y)


@pytest.mark.parametrize(("more_in", "more_out"), [(1, 0), (0, 3)])
def test_an_architecture_of_the_wrong_width(more_in, more_out):
    model = regressor(architecture=lambda n_in, sizes, n_out, **_: Dense(n_in + more_in, n_out + more_out))
    raises_sentence(
        lambda: model.fit(X, y),
        "architecture must return a Layer from (n, 3) to (n, 1); got "
        f"Dense(n_in={3 + more_in}, n_out={1 + more_out}, gain=1.0).",
    )


def test_a_scorer_of_the_other_task():
    for model, target in ((regressor(scoring="accuracy"), y), (classifier(scoring="r2"), np.where(c, "yes", "no"))):
        with pytest.raises(ValueError, match=rf"^scoring={model.scoring!r} cannot score the validation set: "):
            model.fit(X, target, X_val=X, y_val=target)


def test_weights_of_the_wrong_shape():
    with pytest.raises(ValueError, match=r"sample_weight\.shape == \(4,\), expected \(30,\)"):
        regressor().fit(X, y, np.ones(4))


# ---------------------------------------------------------------- the order of calls


@pytest.mark.parametrize("method", ["predict", "score", "predict_proba", "predict_log_proba", "predict_quantiles"])
@pytest.mark.parametrize("estimator", [regressor(loss="quantile"), classifier()], ids=["regressor", "classifier"])
def test_predictions_before_fit(estimator, method):
    if method not in dir(estimator) or not hasattr(estimator, method):
        with pytest.raises(AttributeError, match=f"no attribute '{method}'"):
            getattr(estimator, method)
        return
    args = (X, y) if method == "score" else (X,)
    name = type(estimator).__name__
    with pytest.raises(NotFittedError, match=f"This {name} instance is not fitted yet"):
        getattr(estimator, method)(*args)


def test_predict_quantiles_of_another_loss():
    with pytest.raises(AttributeError) as caught:
        regressor().fit(X, y).predict_quantiles(X)
    sentence = "predict_quantiles needs loss=Quantile(levels=...); got loss='squared_error'."
    assert str(caught.value) == sentence


def shape(changed):
    return (
        f"the parameters describe a network of another shape than the fitted one ({changed}), which warm_start and "
        "partial_fit cannot train further; fit a clone, or set warm_start=False."
    )


LINK = (
    "loss=Poisson() has another link than the fitted one, which warm_start and partial_fit cannot train further; "
    "fit a clone, or set warm_start=False."
)
TWO = np.c_[c, c + 1]
STANDARD = TableEncoder(scaling="standard")


def fixed(changed):
    return (
        f"{changed}, which warm_start and partial_fit cannot change in a fitted network; fit a clone, or set "
        "warm_start=False."
    )


GOING_ON = {
    "no encoder": (partial(regressor, encoder="auto"), y, {"encoder": None}, (X, y),
                   fixed(f"encoder=None was {text(TableEncoder())}")),
    "another encoder": (partial(regressor, encoder=TableEncoder()), y, {"encoder": STANDARD}, (X, y),
                        fixed(f"encoder={text(STANDARD)} was {text(TableEncoder())}")),
    "units": (regressor, y, {"scale_target": False}, (X, y), fixed("scale_target=False was True")),
    "precision": (partial(regressor, dtype="float32"), y, {"dtype": "float64"}, (X, y),
                  fixed("dtype='float64' was 'float32'")),
    "resolved precision": (classifier, c, {"dtype": np.float32}, (X, c), fixed("dtype='float32' was 'float64'")),
    "sizes": (regressor, y, {"hidden_layer_sizes": 7}, (X, y), shape("hidden_layer_sizes=(7,) was (3,)")),
    "depth": (regressor, y, {"hidden_layer_sizes": (3, 3)}, (X, y), shape("hidden_layer_sizes=(3, 3) was (3,)")),
    "normalization": (regressor, y, {"normalization": "layer"}, (X, y), shape("normalization='layer' was None")),
    "levels": (partial(regressor, loss="quantile"), y, {"loss": Quantile((0.1, 0.9))}, (X, y),
               shape("loss=Quantile(levels=(0.1, 0.9)) was Quantile(levels=0.5)")),
    "link": (regressor, y, {"loss": "poisson"}, (X, abs(y)), LINK),
    "columns": (regressor, y, {}, (X[:, :2], y),
                "X has 2 features, but DLRegressor is expecting 3 features as input."),
    "outputs": (regressor, y, {}, (X, np.c_[y, y]), "y must have 1 output(s); got 2."),
    "classes": (classifier, c, {}, (X, c + 1), f"{UNKNOWN}[2]."),
    "words": (classifier, c, {}, (X, c.astype(str)), f"{UNKNOWN}['0', '1']."),
    "mixed words": (classifier, c, {}, (X, np.array([0, "a"] * 15, dtype=object)),
                    "the labels of y must be of one type; got int, str."),
    "targets": (classifier, c, {}, (X, TWO), "y must have 1 column(s), as at the first fit; got 2."),
    "target": (classifier, TWO, {}, (X, c), "y must have 2 column(s), as at the first fit; got 1."),
}  # fmt: skip


@pytest.mark.parametrize("name", GOING_ON)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_with_what_does_not_fit(method, name):
    make, target, params, args, sentence = GOING_ON[name]
    model = make(warm_start=True).fit(X, target).set_params(**params)
    raises_sentence(lambda: getattr(model, method)(*args), sentence)


@pytest.mark.parametrize("params", [{}, {"encoder": STANDARD, "dtype": np.float32}, {"encoder": None}])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_with_what_is_the_same(method, params):
    model = regressor(warm_start=True, **params).fit(X, y)
    getattr(model.set_params(**model.settings_), method)(X, y)  # what "auto" became
    getattr(model.set_params(**regressor(**params).get_params(deep=False) | {"warm_start": True}), method)(X, y)
    getattr(model.set_params(dtype="auto"), method)(X, y)


FEW = "must hold at least 2 classes; got 1 class"
PARTIAL = {
    "unknown class": (c, [1, 2], "y contains classes that are not among [1, 2]: [0]."),
    "one class": (c, [0], f"classes {FEW}: [0]."),
    "a number": (c, 2, f"classes {FEW}: [2]."),
    "one class in y": (np.zeros(30, int), None, f"y {FEW}: [0]."),
    "flat list": (TWO, [0, 1, 2], "classes must be a list of 2 arrays, one for each column of y; got [0, 1, 2]."),
    "short list": (TWO, [[0, 1]], "classes must be a list of 2 arrays, one for each column of y; got [[0, 1]]."),
    "one class of an output": (TWO, [[0, 1], [1]], f"output 1 of classes {FEW}: [1]."),
}


@pytest.mark.parametrize("name", PARTIAL)
def test_classes_of_a_first_partial_fit(name):
    labels, classes, sentence = PARTIAL[name]
    raises_sentence(lambda: classifier().partial_fit(X, labels, classes=classes), sentence)


@pytest.mark.parametrize("classes", [[0, 1, 2], [0], ["0", "1"]])
def test_classes_of_a_later_partial_fit(classes):
    model = classifier().partial_fit(X, c, classes=[0, 1]).partial_fit(X, c, classes=[1, 0])
    sentence = f"classes must be those of the first fit, array([0, 1]); got {classes!r}."
    raises_sentence(lambda: model.partial_fit(X, c, classes=classes), sentence)


def test_weights_of_the_wrong_shape_for_the_network():
    model = regressor().fit(X, y)
    raises_sentence(
        lambda: setattr(model, "coefs_", [np.ones(3)]), "coefs_ must be arrays of shapes [(3, 3), (3, 1)]; got [(3,)]."
    )


def test_parameters_are_keywords():
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        DLRegressor((3,))
    with pytest.raises(TypeError, match="unexpected keyword argument 'hidden'"):
        DLClassifier(hidden=3)
    raises_sentence(
        lambda: DLRegressor().set_params(alpha__x=1),
        "alpha__x cannot be set: alpha=0.0 is not an object with settings.",
    )


# ---------------------------------------------------------------- what was probably meant

MEANT = [
    ("solver", AdamW, "an object, solver=AdamW()"),
    ("solver", "Adam", "'adam'"),
    ("solver", "AdamW", "'adamw'"),
    ("solver", "L-BFGS", "'lbfgs'"),
    ("activation", "sigmoid", "'logistic'"),
    ("activation", "ReLU", "'relu'"),
    ("activation", ["relu", "swish"], "'silu'"),
    ("activation", "leakyrelu", "'leaky_relu'"),
    ("loss", "mse", "'squared_error'"),
    ("loss", "MAE", "'absolute_error'"),
    ("loss", "SquaredError", "'squared_error'"),
    ("loss", Huber, "an object, loss=Huber()"),
    ("learning_rate", 0.01, "learning_rate_init=0.01"),
    ("learning_rate", [1e-3, 1e-2], "learning_rate_init=[0.001, 0.01]"),
    ("learning_rate", np.float64(0.1), f"learning_rate_init={np.float64(0.1)!r}"),
    ("learning_rate", "OneCycle", "'one_cycle'"),
    ("learning_rate", Cosine, "an object, learning_rate=Cosine()"),
    ("normalization", "BatchNorm", "'batch'"),
    ("architecture", "ResNet", "'resnet'"),
    ("numeric_embedding", "PiecewiseLinear", "'piecewise_linear'"),
    ("encoder", TableEncoder, "an object, encoder=TableEncoder()"),
    ("scoring", "auc", "'roc_auc'"),
    ("scoring", "acuracy", "'accuracy'"),
]


@pytest.mark.parametrize(("name", "value", "meant"), MEANT, ids=[f"{name}-{value}" for name, value, _ in MEANT])
def test_a_value_that_somebody_meant_otherwise(name, value, meant):
    with pytest.raises(ValueError, match=rf"^{name} must be .*; got .* \(did you mean {re.escape(meant)}\?\)\.$"):
        DLRegressor(**{name: value}).fit(X, y)


@pytest.mark.parametrize("value", ["cross_entropy", "bce", "NLL", "LogLoss"])
def test_a_loss_of_classes_that_was_meant(value):
    with pytest.raises(ValueError, match=r"\(did you mean 'log_loss'\?\)\.$"):
        DLClassifier(loss=value).fit(X, c)


@pytest.mark.parametrize(("estimator", "loss"), [(DLRegressor, "log_loss"), (DLClassifier, "huber")])
def test_a_loss_of_the_other_estimator_is_no_slip(estimator, loss):
    with pytest.raises(ValueError, match=f"got '{loss}', which is for (classification|regression)"):
        estimator(loss=loss).fit(X, c)


@pytest.mark.parametrize("value", ["", "zzz", 3, None, [], np.array(0.5), object])
def test_nothing_is_guessed_where_nothing_comes_to_mind(value):
    with pytest.raises(ValueError, match=r"^solver must be ((?!did you mean).)*$"):
        DLRegressor(solver=value).fit(X, y)


def test_a_validation_set_as_a_pair():
    with pytest.raises(ValueError, match=r"given without y_val; pass both or neither \(did you mean X_val=\.\.\."):
        DLRegressor().fit(X, y, X_val=(X, y))


def test_the_parameter_that_makes_a_warm_start_impossible_is_named():
    frame = pd.DataFrame(X)
    for first, then, told in (
        ({}, {"hidden_layer_sizes": (7,)}, "hidden_layer_sizes=(7,) was (100,)"),
        ({}, {"n_members": 2}, "n_members=2 was 1"),
        ({}, {"normalization": "layer"}, "normalization='layer' was None"),
        ({}, {"numeric_embedding": "periodic"}, "numeric_embedding=Periodic("),
        ({}, {"architecture": "resnet"}, "architecture='resnet' was 'mlp'"),
    ):
        model = DLRegressor(**first, warm_start=True, max_iter=1).fit(frame, y)
        for method in ("fit", "partial_fit"):
            with pytest.raises(ValueError, match=rf"than the fitted one \(.*{re.escape(told)}.*\), which warm_start"):
                getattr(model.set_params(**then), method)(frame, y)


def test_a_method_that_is_not_there_says_what_to_set():
    model = DLRegressor(max_iter=1).fit(X, y)
    assert not hasattr(model, "predict_quantiles")
    with pytest.raises(
        AttributeError, match=r"^predict_quantiles needs loss=Quantile\(levels=.*; got loss='squared_error'\.$"
    ):
        model.predict_quantiles  # noqa: B018
    with pytest.raises(AttributeError, match=r"^predict_quantiles needs loss=Quantile"):
        DLRegressor.predict_quantiles(model, X)
    assert hasattr(DLRegressor, "predict_quantiles")
