"""What `same_bits` fits: small tables, and configurations that between them use nearly all of the public API.

Knows only public names, so that it can be run with the package of another commit. Needs pandas.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sklearn_dl import DLClassifier, DLRegressor, layers, losses, numeric_embeddings, schedules, solvers
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.convert import from_sklearn, to_sklearn
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.inspection import gradient_times_input, integrated_gradients
from sklearn_dl.rate_finder import find_learning_rate

PREDICTIONS = "predictions"
FACTS = ("loss_curve_", "validation_loss_curve_", "validation_scores_", "n_iter_", "best_epoch_", "noise_")
Arrays = dict[str, list[np.ndarray]]  # of the predictions, and of each fact that there is

# ---------------------------------------------------------------- tables


def table(n: int = 200, columns: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Numbers, and one that depends on them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, columns))
    return X, X[:, 0] + np.sin(2 * X[:, 1]) + X[:, 0] * X[:, 2] + 0.3 * rng.normal(size=n)


NEW = table(150, seed=1)[0]


def raw(n: int, seed: int, cities: int) -> tuple[Any, np.ndarray]:
    """A DataFrame with missing values, text of many levels and categories of few."""
    import pandas as pd

    X, y = table(n, seed=seed)
    rng = np.random.default_rng([seed, 1])
    city, colour = rng.integers(cities, size=n), rng.integers(-1, 3, size=n)
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame.loc[rng.random(n) < 0.1, "a"] = np.nan
    frame["city"] = [None if c == 7 else f"city {c}" for c in city]
    frame["colour"] = pd.Categorical.from_codes(colour, ["red", "green", "blue"])
    frame["open"] = rng.random(n) < 0.5
    return frame, y + city % 3 + colour


def sparse(n: int, seed: int = 0) -> tuple[Any, np.ndarray]:
    X, y = table(n, 12, seed)
    return csr_array(np.where(X > 0.3, X, 0)), y


def mapped(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """A table on disk, so large that its rows are encoded batch by batch."""
    X, y = table(80_000, 110)
    X.tofile(Path(folder) / "table")
    return np.memmap(Path(folder) / "table", float, "r", shape=X.shape), y


def three(y: np.ndarray) -> np.ndarray:
    """Labels of three classes."""
    return np.array(["low", "middle", "high"])[np.digitize(y, (-1, 1))]


def counts(y: np.ndarray) -> np.ndarray:
    return np.floor(np.exp(y))


def two(y: np.ndarray) -> np.ndarray:
    """Two outputs of other scales."""
    return np.column_stack((y, 100 * y**2))


def indicators(y: np.ndarray) -> np.ndarray:
    return np.column_stack((y > 0, y > 1, abs(y) > 1)).astype(int)


def labels(y: np.ndarray) -> np.ndarray:
    """Two columns of labels."""
    return np.column_stack((np.digitize(y, (-1, 1)), np.digitize(y, (0,)) + 5))


# ---------------------------------------------------------------- what is fitted

PLAIN = {"n_members": 1, "hidden_layer_sizes": (20,), "max_iter": 12, "random_state": 0}
MEMBERS = {"n_members": 4, "hidden_layer_sizes": (24, 24), "max_iter": 8, "random_state": 0}


def predicted(model: Any, *others: Any, new: Any = NEW) -> Arrays:
    """All that a fitted model predicts, with other arrays, and its facts."""
    found = [model.predict(new), *others]
    if hasattr(model, "predict_proba"):
        proba = model.predict_proba(new)
        found += proba if isinstance(proba, list) else [proba]
    if hasattr(model, "predict_quantiles"):
        found.append(model.predict_quantiles(new))
    if hasattr(model, "noise_"):
        found += model.predict(new, return_std=True)
    facts = {name: getattr(model, name, None) for name in FACTS}
    told = {name: [np.asarray(value)] for name, value in facts.items() if value is not None}
    return {PREDICTIONS: [np.asarray(array) for array in found], **told}


def regressor(defaults: dict[str, Any], n: int, of: Any = None, data: Any = None, **parameters: Any) -> DLRegressor:
    """A fitted regressor; `of` makes another target, `data` are arguments of fit."""
    X, y = table(n)
    return DLRegressor(**defaults | parameters).fit(X, y if of is None else of(y), **data or {})


def plain(**settings: Any) -> Arrays:
    """One member."""
    return predicted(regressor(PLAIN, 200, **settings))


def members(**settings: Any) -> Arrays:
    """An ensemble, with folds unless told otherwise."""
    return predicted(regressor(MEMBERS, 400, **settings))


def classifier(defaults: dict[str, Any], n: int, of: Any = three, data: Any = None, **parameters: Any) -> DLClassifier:
    """A fitted classifier."""
    X, y = table(n)
    return DLClassifier(**defaults | parameters).fit(X, of(y), **data or {})


def plain_classes(**settings: Any) -> Arrays:
    return predicted(classifier(PLAIN, 200, **settings))


def member_classes(**settings: Any) -> Arrays:
    return predicted(classifier(MEMBERS, 400, **settings))


def of_table(model: Any, train: tuple[Any, Any], new: Any = NEW) -> Arrays:
    """Another table than the usual one."""
    return predicted(model.fit(*train), new=new)


def weights(n: int) -> dict[str, np.ndarray]:
    """Weights of rows, some of them 0."""
    return {"sample_weight": np.random.default_rng(2).integers(0, 4, n) / 2}


def held_out() -> dict[str, np.ndarray]:
    X, y = table(80, seed=3)
    return {"X_val": X, "y_val": y, "sample_weight_val": np.linspace(0.5, 2, 80)}


def partial_fits(model: Any, of: Any = np.asarray, n: int = 200, **first: Any) -> Arrays:
    """Four calls, the last on some rows."""
    X, y = table(n)
    model.partial_fit(X, of(y), **first)
    for rows in (slice(None), slice(0, 150), slice(70, 120)):
        model.partial_fit(X[rows], of(y)[rows])
    return predicted(model)


def warm(model: Any, n: int) -> Arrays:
    """Two fits, the second on other rows and at another rate."""
    X, y = table(n)
    model.fit(X, y).set_params(learning_rate_init=0.0005)
    return predicted(model.fit(X[::-1], y[::-1]))


class PowerFailureError(Exception):
    """What ends a training."""


class PowerFailure:
    """A callback that ends a training after some epochs."""

    def setup(self, estimator: Any, context: Any) -> None: ...

    def teardown(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        if context.task_name == "epoch" and context.task_id == 4:
            raise PowerFailureError


def resumed(model: Any, n: int) -> Arrays:
    X, y = table(n)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "checkpoint")
        with suppress(PowerFailureError):
            model.set_callbacks(checkpoint, PowerFailure()).fit(X, y)
        model.set_callbacks(checkpoint).fit(X, y, resume_from=checkpoint.path)
    return predicted(model)


def on_disk() -> Arrays:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # the file may be open still
        X, y = mapped(folder)
        model = DLRegressor(
            **PLAIN | {"max_iter": 1, "numeric_embedding": numeric_embeddings.PiecewiseLinear(8, 2)}
        ).fit(X, y)
        return predicted(model, new=X[:5000])


def own_architecture(n_in: int, sizes: Any, n_out: int, *, activations: Any, **_: Any) -> Any:
    """A residual block of one's own."""
    inner = layers.Sequential((layers.Dense(n_in, sizes[0]), activations[0], layers.Dense(sizes[0], n_in)))
    return layers.Sequential((layers.Residual(inner), layers.LayerNorm(n_in), layers.Dense(n_in, n_out)))


def explained(model: Any) -> Arrays:
    found = [explain(model, NEW[:20]) for explain in (integrated_gradients, gradient_times_input)]
    return predicted(model, *(part for f in found for part in (f.values, f.prediction, f.baseline)))


def converted(model: Any) -> Arrays:
    """To scikit-learn."""
    theirs = to_sklearn(model)
    return predicted(model, theirs.predict_proba(NEW) if hasattr(theirs, "predict_proba") else theirs.predict(NEW))


def searched() -> Arrays:
    model = regressor(PLAIN, 200)
    curve = find_learning_rate(model, *table(), n_steps=50)
    return predicted(model, curve.rates, curve.losses, curve.smoothed, curve.suggestion)


LEVELS = (0.1, 0.5, 0.9)
MANY = table(5000, seed=1)[0]
OFFSET = np.array([1e9, 0, 0, 0, 0])
CONFIGURATIONS: dict[str, Callable[[], Arrays]] = {
    # defaults
    "defaults-regressor": lambda: predicted(regressor({"random_state": 0}, 420)),
    "defaults-classifier": lambda: predicted(classifier({"random_state": 0}, 420)),
    "defaults-small-regressor": lambda: predicted(regressor({"random_state": 0}, 150)),
    "defaults-small-classifier": lambda: predicted(classifier({"random_state": 0}, 150)),
    # solvers
    "sgd": lambda: plain(solver=solvers.SGD(nesterov=False)),
    "sgd-nesterov": lambda: plain(solver="sgd"),
    "sgd-no-momentum": lambda: plain(solver=solvers.SGD(momentum=0.0)),
    "rmsprop": lambda: plain(solver="rmsprop"),
    "adam": lambda: plain(solver="adam"),
    "adamw": lambda: plain(solver=solvers.AdamW(beta_2=0.97, weight_decay=2.0)),
    "lbfgs": lambda: plain(solver="lbfgs", alpha=0.1),
    "lbfgs-members": lambda: members(solver=solvers.LBFGS(history=5), early_stopping=False),
    # losses of numbers
    "squared-error": lambda: plain(scale_target=False),
    "absolute-error": lambda: plain(loss="absolute_error"),
    "huber": lambda: plain(loss=losses.Huber(0.7)),
    "quantile": lambda: plain(loss=losses.Quantile(LEVELS)),
    "quantile-members": lambda: members(loss=losses.Quantile(LEVELS)),
    "quantile-outputs": lambda: members(loss=losses.Quantile(LEVELS), of=two),
    "poisson": lambda: plain(loss="poisson", of=counts),
    "poisson-defaults": lambda: predicted(regressor({"random_state": 0}, 420, loss="poisson", of=counts, max_iter=20)),
    "gamma": lambda: plain(loss="gamma", of=np.exp),
    "tweedie": lambda: plain(loss=losses.Tweedie(1.3), of=counts),
    "gamma-members": lambda: members(loss="gamma", of=np.exp),
    # losses of classes
    "binary": lambda: plain_classes(of=lambda y: y > 0),
    "binary-members": lambda: member_classes(of=lambda y: y > 0),
    "multiclass": lambda: plain_classes(),
    "multiclass-members": lambda: member_classes(),
    "multilabel": lambda: plain_classes(of=indicators),
    "multilabel-members": lambda: member_classes(of=indicators),
    "multioutput": lambda: plain_classes(of=labels),
    "multioutput-members": lambda: member_classes(of=labels),
    "focal": lambda: plain_classes(loss="focal"),
    "focal-binary": lambda: member_classes(loss=losses.Focal(1.5), of=lambda y: y > 0),
    "label-smoothing": lambda: plain_classes(loss=losses.LogLoss(0.1)),
    # ensembles
    "one-fold": lambda: members(n_folds=1),
    "three-members": lambda: members(n_members=3),
    "members-linear": lambda: members(hidden_layer_sizes=()),
    "members-outputs": lambda: members(of=two),
    "members-stopped": lambda: members(early_stopping=True, max_iter=40, n_iter_no_change=2, learning_rate_init=0.02),
    # embeddings of numbers
    "embedding-none": lambda: members(numeric_embedding=None),
    "embedding-periodic": lambda: members(numeric_embedding=numeric_embeddings.Periodic(8, 2, 1.0)),
    "embedding-piecewise": lambda: members(numeric_embedding="piecewise_linear"),
    "embedding-mixed": lambda: member_classes(numeric_embedding=numeric_embeddings.Mixed(8, 12, 2, 1.0)),
    "embedding-one-member": lambda: plain(numeric_embedding="mixed"),
    # tables
    "dataframe": lambda: of_table(DLRegressor(**PLAIN), raw(300, 0, 30), raw(150, 1, 33)[0]),
    "dataframe-members": lambda: of_table(DLRegressor(**MEMBERS), raw(600, 0, 30), raw(150, 1, 33)[0]),
    "encoder-none": lambda: plain(encoder=None),
    "encoder-none-members": lambda: members(encoder=None),
    "encoder-standard": lambda: plain(encoder=TableEncoder(scaling="standard")),
    "encoder-categories": lambda: of_table(
        DLRegressor(encoder=TableEncoder(categorical_features=[0, 3], max_one_hot=4, embedding_size=3), **PLAIN),
        (np.round(table()[0] * 2), table()[1]),
        np.round(NEW * 2),
    ),
    "sparse": lambda: of_table(DLRegressor(**PLAIN), sparse(200), sparse(100, 1)[0]),
    "sparse-members": lambda: of_table(DLRegressor(**MEMBERS), sparse(400), sparse(100, 1)[0]),
    "float32-table": lambda: of_table(DLRegressor(**PLAIN), (np.asfortranarray(table()[0], "f"), table()[1])),
    "missing-numbers": lambda: of_table(
        DLRegressor(**MEMBERS), (np.where(table(400)[0] > 1.5, np.nan, table(400)[0]), table(400)[1])
    ),
    "huge-offset": lambda: of_table(DLRegressor(**PLAIN), (table()[0] + OFFSET, table()[1]), NEW + OFFSET),
    "constant-target": lambda: plain(of=lambda y: np.full(len(y), 3.7)),
    "constant-target-members": lambda: members(of=lambda y: np.full(len(y), 3.7)),
    "large-table": on_disk,
    # weights
    "sample-weight": lambda: plain(data=weights(200)),
    "sample-weight-members": lambda: members(n_folds=4, data=weights(400)),
    "class-weight": lambda: plain_classes(class_weight={"low": 3.0, "high": 0.5}),
    "class-weight-members": lambda: member_classes(class_weight="balanced", n_folds=4, data=weights(400)),
    # networks
    "linear": lambda: plain(hidden_layer_sizes=()),
    "batch-norm": lambda: plain(normalization="batch", hidden_layer_sizes=(20, 10)),
    "batch-norm-members": lambda: members(normalization="batch", n_folds=4, data=weights(400)),
    "layer-norm": lambda: plain(normalization="layer"),
    "resnet": lambda: plain(architecture="resnet", normalization="layer", dropout=0.1, hidden_layer_sizes=(16, 24)),
    "resnet-members": lambda: members(architecture="resnet"),
    "own-architecture": lambda: plain(architecture=own_architecture),
    "dropout": lambda: plain(dropout=(0.3, 0.1), hidden_layer_sizes=(20, 10)),
    "dropout-members": lambda: members(dropout=0.2),
    "activations": lambda: plain(activation=("tanh", "relu", "logistic", "elu", "selu"), hidden_layer_sizes=(9,) * 5),
    "activations-more": lambda: plain(
        activation=("gelu", "silu", "mish", "softplus", "leaky_relu", "identity"), hidden_layer_sizes=(9,) * 6
    ),
    # trainings
    "clip-norm-alpha": lambda: plain(clip_norm=0.5, alpha=0.3),
    "clip-norm-members": lambda: members(clip_norm=0.5, alpha=0.3),
    "all-rows-in-order": lambda: plain(batch_size=None, shuffle=False),
    "small-batches": lambda: plain(batch_size=7),
    "constant": lambda: plain(learning_rate="constant"),
    "invscaling": lambda: plain(learning_rate=schedules.InvScaling(0.3), solver="sgd"),
    "adaptive": lambda: plain(learning_rate="adaptive", n_iter_no_change=2, tol=0.05, max_iter=30),
    "adaptive-folds": lambda: members(learning_rate="adaptive", n_iter_no_change=2, tol=0.05, max_iter=20),
    "cosine": lambda: plain(learning_rate=schedules.Cosine(warmup=0.2)),
    "one-cycle": lambda: plain(learning_rate="one_cycle"),
    "coslog": lambda: plain(learning_rate=schedules.CosLog(3)),
    "stopping-loss": lambda: plain(early_stopping=True, n_iter_no_change=2, max_iter=60, learning_rate_init=0.02),
    "stopping-scorer": lambda: plain(early_stopping=True, scoring="r2", n_iter_no_change=2, max_iter=60),
    "stopping-classes": lambda: plain_classes(early_stopping=True, scoring=None, n_iter_no_change=3, max_iter=60),
    "validation-set": lambda: plain(data=held_out(), n_iter_no_change=2, max_iter=60, learning_rate_init=0.02),
    "target-loss": lambda: plain(target_loss=0.3, max_iter=60),
    "max-time": lambda: plain(max_time=1e6),
    "float32": lambda: plain(dtype="float32"),
    "float32-members": lambda: members(dtype="float32"),
    "float64-members": lambda: members(dtype="float64"),
    "threads": lambda: predicted(
        regressor(PLAIN, 400, hidden_layer_sizes=(740, 740), batch_size=128, max_iter=2, dropout=0.1, n_jobs=2),
        new=MANY,
    ),
    "partial-fit": lambda: partial_fits(DLRegressor(**PLAIN)),
    "partial-fit-members": lambda: partial_fits(DLRegressor(**MEMBERS), n=400),
    "partial-fit-classes": lambda: partial_fits(DLClassifier(**PLAIN), three, classes=["high", "low", "middle", "no"]),
    "warm-start": lambda: warm(DLRegressor(warm_start=True, **PLAIN), 200),
    "warm-start-folds": lambda: warm(DLRegressor(warm_start=True, **MEMBERS), 400),
    "checkpoint": lambda: resumed(DLRegressor(early_stopping=True, dropout=0.1, **PLAIN), 200),
    "checkpoint-folds": lambda: resumed(DLRegressor(**MEMBERS), 400),
    # afterwards
    "pickle": lambda: predicted(pickle.loads(pickle.dumps(regressor(PLAIN, 200, normalization="batch")))),
    "pickle-members": lambda: predicted(pickle.loads(pickle.dumps(classifier(MEMBERS, 400)))),
    "one-row": lambda: predicted(regressor(PLAIN, 200), new=NEW[:1]),
    "one-row-members": lambda: predicted(classifier(MEMBERS, 400), new=NEW[:1]),
    "many-rows": lambda: predicted(regressor(PLAIN, 200), new=MANY),
    "many-rows-members": lambda: predicted(regressor(MEMBERS, 400, hidden_layer_sizes=(128, 128)), new=MANY),
    "to-sklearn": lambda: converted(regressor(PLAIN, 200, normalization="batch")),
    "to-sklearn-classes": lambda: converted(classifier(PLAIN, 200)),
    "from-sklearn": lambda: partial_fits(
        from_sklearn(MLPRegressor(hidden_layer_sizes=(20,), max_iter=5, random_state=0).fit(*table()))
    ),
    "from-sklearn-classes": lambda: partial_fits(
        from_sklearn(MLPClassifier((20,), max_iter=5, random_state=0).fit(table()[0], three(table()[1]))), three
    ),
    "integrated-gradients": lambda: explained(regressor(PLAIN, 200)),
    "integrated-gradients-members": lambda: explained(regressor(MEMBERS, 400)),
    "rate-finder": searched,
}
