"""A fitted estimator as scikit-learn's own network, with the preparation of the columns in front.

Knows what `MLPClassifier` and `MLPRegressor` can compute, and says what they cannot.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from .._estimators import DLClassifier, DLRegressor, resolve_schedule, resolve_solver
from ..heads import ClassHead, NumberEncoder, NumberHead
from ..layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Identity,
    Layer,
    Logistic,
    ReLU,
    Sequential,
    TableInput,
    Tanh,
)
from ..layers.memory import Views
from ..losses import LogLoss, Loss, Poisson, SquaredError
from ..schedules import Adaptive, InvScaling
from ..solvers import LBFGS, SGD, Adam

__all__ = ["to_sklearn"]

ACTIVATIONS: dict[type[Layer], str] = {Identity: "identity", Logistic: "logistic", Tanh: "tanh", ReLU: "relu"}


def to_sklearn(estimator: DLClassifier | DLRegressor) -> Any:
    """A fitted estimator as a network of scikit-learn, with the preparation of the columns in front.

    Expressible is what `MLPClassifier` and `MLPRegressor` can compute: Dense layers, with batch normalisation or
    without, one of the activations identity, logistic, tanh, relu, and the losses squared_error, poisson and log_loss
    for one target. Batch normalisation and the units of the target become part of the weights, embeddings part of those
    of the first layer, dropout goes.

    Parameters
    ----------
    estimator : DLClassifier or DLRegressor
        Fitted.

    Returns
    -------
    MLPClassifier, MLPRegressor or Pipeline
        Fitted, in double precision. A network with ``encoder=None`` comes alone, others as the last step of a Pipeline
        of the encoder, for embeddings a ColumnTransformer, and the network. Settings of the training are taken over
        where scikit-learn has them; early stopping is off.

    Raises
    ------
    NotFittedError
        Before `fit`.
    ValueError
        Where the network is not expressible, with the reason.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl import DLClassifier
    >>> from sklearn_dl.convert import to_sklearn
    >>> X, y = load_iris(return_X_y=True)
    >>> model = DLClassifier(n_members=1, max_iter=5, random_state=0).fit(X, y)
    >>> pipeline = to_sklearn(model)
    >>> pipeline[-1]
    MLPClassifier(...)
    >>> bool(np.allclose(pipeline.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-10))
    True
    """
    if not isinstance(estimator, (DLClassifier, DLRegressor)):
        raise TypeError(f"to_sklearn takes a fitted DLClassifier or DLRegressor; got {type(estimator).__name__}.")
    check_is_fitted(estimator)
    loss = _expressible_loss(estimator)
    leaves = list(_leaves(estimator.network_.layer, estimator.network_.views()))
    front = leaves.pop(0) if isinstance(leaves[0][0], TableInput) else None
    weights, biases, activation = _chain(leaves)
    if front is not None:
        weights[0] = _one_hot_weights(*front, weights[0])
    if isinstance(estimator.fitted_.head, NumberHead):
        weights[-1], biases[-1] = _in_units(estimator.fitted_.head.target, loss, weights[-1], biases[-1])
    mlp = _mlp(estimator, loss, weights, biases, activation)
    if estimator.encoder_ is None:
        if "feature_names_in_" in vars(estimator):
            mlp.feature_names_in_ = estimator.feature_names_in_
        return mlp
    from sklearn.pipeline import Pipeline

    steps: list[tuple[str, Any]] = [("encoder", copy.deepcopy(estimator.encoder_))]
    if front is not None:
        steps.append(("codes", _one_hot_codes(front[0])))
    return Pipeline([*steps, ("mlp", mlp)])


# ---------------------------------------------------------------- to scikit-learn: what the network computes


def _refusal(what: str) -> ValueError:
    return ValueError(f"this network is not expressible as scikit-learn's MLP: {what}.")


def _expressible_loss(estimator: DLClassifier | DLRegressor) -> Loss:
    head = estimator.fitted_.head
    loss = head.loss.unbound
    if isinstance(head, ClassHead) and head.target.kind == "multioutput":
        raise _refusal("it has several targets with classes of their own, where an MLPClassifier has one")
    if not isinstance(loss, (SquaredError, Poisson, LogLoss)) or (isinstance(loss, LogLoss) and loss.label_smoothing):
        raise _refusal(f"its loss {loss!r} is none of squared_error, poisson and log_loss without smoothing")
    return loss


def _leaves(layer: Layer, p: Views) -> Iterator[tuple[Any, Views]]:
    """The layers one after the other, each with its arrays."""
    if not isinstance(layer, Sequential):
        yield layer, p
        return
    for i, inner in enumerate(layer.layers):
        yield from _leaves(inner, p[i])


def _chain(leaves: list[tuple[Any, Views]]) -> tuple[list[np.ndarray], list[np.ndarray], str]:
    """Weights and biases of the Dense layers, in double precision, and the activation between them."""
    weights: list[np.ndarray] = []
    biases: list[np.ndarray] = []
    activations: list[str | None] = []  # after each Dense layer; None where nothing came yet
    for layer, p in leaves:
        if isinstance(layer, Dense):
            weights.append(p.weight.astype(np.float64))
            biases.append(p.bias.astype(np.float64))
            activations.append(None)
        elif isinstance(layer, BatchNorm) and activations and activations[-1] is None:
            factor = p.gain / np.sqrt(p.var.astype(np.float64) + layer.eps)  # γ / √(v + ε)
            weights[-1] *= factor  # γ (x W + b - μ) / √(v + ε) + β
            biases[-1] = (biases[-1] - p.mean) * factor + p.bias
        elif isinstance(layer, Activation) and activations and activations[-1] is None and type(layer) in ACTIVATIONS:
            activations[-1] = ACTIVATIONS[type(layer)]
        elif not isinstance(layer, Dropout):
            raise _refusal(
                f"it has the layer {type(layer).__name__} where an MLP has none: there are Dense layers, after each "
                "hidden one identity, logistic, tanh or relu"
            )
    if not weights or activations[-1] is not None:
        raise _refusal("it does not end with a Dense layer")
    used = sorted({activation or "identity" for activation in activations[:-1]})
    if len(used) > 1:
        raise _refusal(f"its hidden layers have different activations ({', '.join(used)}), where an MLP has one")
    return weights, biases, used[0] if used else "identity"


def _one_hot_weights(front: TableInput, p: Views, weight: np.ndarray) -> np.ndarray:
    """First weights for one-hot columns in place of embeddings: a code's row is E[c] W."""
    blocks, start, row = [weight[: front.n_numeric]], front.n_numeric, 0
    for cardinality in front.cardinalities:
        embedding = p.table[row : row + cardinality].astype(np.float64)
        blocks.append(embedding @ weight[start : start + front.width])
        start, row = start + front.width, row + cardinality
    return np.vstack(blocks)


def _one_hot_codes(front: TableInput) -> Any:
    """What turns the encoder's codes into one-hot columns."""
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder

    one_hot = OneHotEncoder(categories=[np.arange(n, dtype=float) for n in front.cardinalities], sparse_output=False)
    numbers, codes = (
        list(range(front.n_numeric)),
        list(range(front.n_numeric, front.n_numeric + len(front.cardinalities))),
    )
    transformer = ColumnTransformer([("numbers", "passthrough", numbers), ("one_hot", one_hot, codes)])
    return transformer.fit(np.zeros((1, len(numbers) + len(codes))))


def _in_units(target: NumberEncoder, loss: Loss, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Last weights and biases for predictions in the target's units."""
    if loss.link.is_log:
        return weight, bias + np.log(target.scale)  # scale e^z = e^(z + log scale)
    return weight * target.scale, bias * target.scale + target.center  # scale z + center


# ---------------------------------------------------------------- to scikit-learn: the object


def _mlp(
    estimator: DLClassifier | DLRegressor,
    loss: Loss,
    weights: list[np.ndarray],
    biases: list[np.ndarray],
    activation: str,
) -> MLPClassifier | MLPRegressor:
    """A fitted network: initialised by scikit-learn's own code on rows of zeros, then given the weights."""
    settings = {"hidden_layer_sizes": tuple(len(b) for b in biases[:-1]), "activation": activation}
    y: np.ndarray
    head = estimator.fitted_.head
    if isinstance(head, ClassHead):
        mlp, target = MLPClassifier(**settings), head.target
        y = target.classes if target.kind == "single" else np.repeat([[0], [1]], len(target.levels), axis=1)
    else:
        mlp = MLPRegressor(**settings, loss="poisson" if isinstance(loss, Poisson) else "squared_error")
        y = np.zeros((2, len(biases[-1])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it did not converge in one epoch
        mlp.set_params(max_iter=1, random_state=0).fit(
            np.zeros((len(y), len(weights[0]))), y[:, 0] if y.shape[1:] == (1,) else y
        )
    del mlp._optimizer  # another one is made if training goes on
    mlp.set_params(**_mlp_settings(estimator))
    mlp.coefs_, mlp.intercepts_ = weights, biases
    mlp.loss_curve_, mlp.loss_, mlp.n_iter_ = estimator.loss_curve_, estimator.loss_, estimator.n_iter_
    mlp.best_loss_, mlp._no_improvement_count, mlp.t_ = math.inf, 0, estimator.fitted_.state.samples_seen
    return mlp


def _mlp_settings(estimator: DLClassifier | DLRegressor) -> dict[str, Any]:
    """Settings of the training that scikit-learn's networks have too."""
    shared = (
        *("alpha", "batch_size", "learning_rate_init", "max_iter", "n_iter_no_change", "shuffle", "tol"),
        *("validation_fraction", "verbose", "warm_start"),
    )
    settings = {name: getattr(estimator, name) for name in shared}
    settings = {
        name: v for name, v in settings.items() if v is not None and v != "auto"
    }  # "auto" is scikit-learn's own
    settings["random_state"] = copy.deepcopy(estimator.random_state)  # a generator of its own
    solver = None if estimator.solver == "auto" else resolve_solver(estimator.solver)
    schedule = resolve_schedule(estimator.learning_rate)
    if isinstance(solver, SGD):
        settings |= {"solver": "sgd", "momentum": solver.momentum, "nesterovs_momentum": bool(solver.nesterov)}
    elif isinstance(solver, Adam):
        settings |= {"beta_1": solver.beta_1, "beta_2": solver.beta_2, "epsilon": solver.epsilon}
    elif isinstance(solver, LBFGS):
        settings |= {"solver": "lbfgs", "max_fun": solver.max_fun}
    if isinstance(schedule, InvScaling):
        settings |= {"learning_rate": "invscaling", "power_t": schedule.power_t}
    elif isinstance(schedule, Adaptive):
        settings["learning_rate"] = "adaptive"
    return settings
