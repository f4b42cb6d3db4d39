"""A fitted network of scikit-learn as an estimator that may be trained further.

Knows where `MLPClassifier` and `MLPRegressor` keep their weights, settings and moments.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from .._engine import Fitted, Network, State
from .._estimators import DLClassifier, DLRegressor, make_plan, settled, shape_of
from ..encoding.layout import Layout
from ..heads import ClassEncoder, ClassHead, Head, NumberEncoder, NumberHead
from ..losses import Loss
from ..schedules import InvScaling
from ..solvers import LBFGS, SGD, Adam

__all__ = ["from_sklearn"]

SHARED = (
    "activation",
    "alpha",
    "early_stopping",
    "learning_rate_init",
    "max_iter",
    "n_iter_no_change",
    "shuffle",
    "tol",
    "validation_fraction",
    "verbose",
    "warm_start",
)
MLP_BATCH = 200  # what batch_size="auto" of scikit-learn's networks means, where there are so many rows


def from_sklearn(mlp: MLPClassifier | MLPRegressor) -> DLClassifier | DLRegressor:
    """A fitted network of scikit-learn as a fitted estimator, that may be trained further.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
        Fitted; one of a Pipeline is its last step.

    Returns
    -------
    DLClassifier or DLRegressor
        Fitted, with the same weights, settings and moments of the solver: with full batches and without shuffling,
        `partial_fit` takes the steps that scikit-learn's would. X is taken as it is (``encoder=None``), and so is the
        target. `history_` holds the losses of scikit-learn, penalty included.

    Raises
    ------
    NotFittedError
        Before `fit`.
    TypeError
        For anything else than a network of scikit-learn.
    ValueError
        For a classifier with one class, or a setting that is out of range here, such as a momentum of 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neural_network import MLPRegressor
    >>> from sklearn_dl.convert import from_sklearn
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> mlp = MLPRegressor(solver="lbfgs", random_state=0).fit(X, X[:, 0] ** 2)
    >>> model = from_sklearn(mlp)
    >>> bool(np.allclose(model.predict(X), mlp.predict(X), rtol=0, atol=1e-12))
    True
    """
    if not isinstance(mlp, (MLPClassifier, MLPRegressor)):
        raise TypeError(
            f"from_sklearn takes a fitted MLPClassifier or MLPRegressor; got {type(mlp).__name__}. Of a Pipeline, pass "
            "the last step and keep the others in front."
        )
    check_is_fitted(mlp)
    if isinstance(mlp, MLPClassifier) and len(mlp.classes_) < 2:
        raise ValueError(f"from_sklearn needs a classifier of at least 2 classes; got {mlp.classes_.tolist()}.")
    parameters = _parameters(mlp)
    estimator: Any = (DLRegressor if isinstance(mlp, MLPRegressor) else DLClassifier)(**parameters)
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(mlp, name):
            setattr(estimator, name, getattr(mlp, name))
    plan = make_plan(estimator.get_params(deep=False), estimator._head.task, n_rows=0)
    head, layout = _head(mlp, plan.loss), Layout.plain(mlp.n_features_in_)
    network = Network(plan.blueprint.layer(layout, head.n_raw), _vector(mlp.coefs_, mlp.intercepts_))
    estimator.fitted_ = Fitted(
        encoder=None,
        head=head,
        network=network,
        state=_state(mlp, estimator._draw_seed()),
        history=_history(mlp),
        layout=layout,
        n_rows=0,
        settings=settled(plan, network.values.dtype),
        shape=shape_of(plan),
    )
    if isinstance(head, ClassHead):
        estimator.classes_ = head.target.classes
    return estimator


def _head(mlp: MLPClassifier | MLPRegressor, loss: Loss) -> Head:
    """The target that scikit-learn's network has learnt, which it takes as it is."""
    if isinstance(mlp, MLPRegressor):
        n = mlp.n_outputs_
        return NumberHead(NumberEncoder(np.zeros(n), np.ones(n), one_dimensional=n == 1), loss)
    if mlp._label_binarizer.y_type_ == "multilabel-indicator":
        return ClassHead(ClassEncoder("multilabel", [np.array([0, 1])] * len(mlp.classes_)), loss)
    return ClassHead(ClassEncoder("single", [mlp.classes_]), loss)


def _parameters(mlp: MLPClassifier | MLPRegressor) -> dict[str, Any]:
    """An estimator's parameters that mean what scikit-learn's do."""
    solver: Any = LBFGS(max_fun=mlp.max_fun)
    if mlp.solver == "sgd":
        solver = SGD(mlp.momentum, mlp.nesterovs_momentum)
    elif mlp.solver == "adam":
        solver = Adam(mlp.beta_1, mlp.beta_2, mlp.epsilon)
    schedules = {"constant": "constant", "invscaling": InvScaling(mlp.power_t), "adaptive": "adaptive"}
    parameters = {name: getattr(mlp, name) for name in SHARED} | {
        "hidden_layer_sizes": tuple(map(int, np.atleast_1d(mlp.hidden_layer_sizes))),
        "loss": mlp.loss,
        "solver": solver,
        "learning_rate": schedules[mlp.learning_rate] if mlp.solver == "sgd" else "constant",  # there only SGD has one
        "batch_size": MLP_BATCH if isinstance(mlp.batch_size, str) else mlp.batch_size,
        "dropout": 0.0,
        "encoder": None,
        "n_members": 1,
        "random_state": copy.deepcopy(mlp.random_state),  # a generator of its own
        "dtype": mlp.coefs_[0].dtype.name,
        "scoring": None,  # there, too, early stopping watches `score`
    }
    if isinstance(mlp, MLPRegressor):
        parameters["scale_target"] = False
    return parameters


def _vector(weights: list[np.ndarray], biases: list[np.ndarray]) -> np.ndarray:
    """One vector, in the order of `Network`."""
    return np.concatenate([array.ravel() for array in (*weights, *biases)])


def _state(mlp: MLPClassifier | MLPRegressor, seed: int) -> State:
    """Where the training stands, with the moments of the solver where scikit-learn kept them."""
    state = State(seed, epoch=mlp.n_iter_, samples_seen=mlp.t_)
    if scores := getattr(mlp, "validation_scores_", None):
        state.best_epoch = 1 + int(np.argmax(scores))
    optimizer, n = getattr(mlp, "_optimizer", None), len(mlp.coefs_)
    if optimizer is not None and mlp.solver == "sgd":
        state.kept = {"velocity": _vector(optimizer.velocities[:n], optimizer.velocities[n:])}
        if mlp.learning_rate == "adaptive":
            state.rate_factor = optimizer.learning_rate / optimizer.learning_rate_init
    elif optimizer is not None and mlp.solver == "adam":
        state.kept = {
            "m": _vector(optimizer.ms[:n], optimizer.ms[n:]),
            "v": _vector(optimizer.vs[:n], optimizer.vs[n:]),
        }
        state.step = optimizer.t
    return state


def _history(mlp: MLPClassifier | MLPRegressor) -> list[dict[str, Any]]:
    """What scikit-learn remembers of each epoch."""
    losses = getattr(mlp, "loss_curve_", [mlp.loss_])  # L-BFGS has no curve
    history: list[dict[str, Any]] = [{"epoch": i, "loss": float(loss)} for i, loss in enumerate(losses, 1)]
    for record, score in zip(history, getattr(mlp, "validation_scores_", None) or [], strict=False):
        record["validation_score"] = float(score)
    return history
