"""scikit-learn's own checks, over a table of configurations of both estimators and of the table encoder.

In double precision and without dropout nothing may fail; elsewhere the table names what cannot hold, and why.
"""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.losses import Quantile

BOTH = (DLClassifier, DLRegressor)

# what holds for both estimators, in double precision; with one member, as what an ensemble adds to each shows in the
# defaults, which are checked as they are
SHARED = [
    *({"solver": solver} for solver in ("sgd", "adamw", "lbfgs")),  # the others differ in a step's formula only
    *({"normalization": normalization} for normalization in ("batch", "layer")),
    {"architecture": "resnet", "hidden_layer_sizes": (20,)},
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": (), "solver": "lbfgs"},
    {"early_stopping": True},
    {"encoder": None},
]
CLASSIFIERS = [
    {"class_weight": "balanced"},
    {"loss": "focal"},
]
REGRESSORS = [
    {"loss": "absolute_error"},
    {"loss": "huber"},
    {"loss": Quantile(levels=(0.1, 0.5, 0.9))},
    {"scale_target": False},
]
EXACT = [
    *(cls() for cls in (*BOTH, TableEncoder)),
    *(cls(dtype="float64", n_members=1, **params) for params in SHARED for cls in BOTH),
    *(DLClassifier(dtype="float64", n_members=1, **params) for params in CLASSIFIERS),
    *(DLRegressor(dtype="float64", n_members=1, **params) for params in REGRESSORS),
]

WEIGHTS = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")
ORDER = ("check_methods_subset_invariance", "check_methods_sample_order_invariance")
DROPS = "dropout draws a mask for each row, and a row that is there twice gets two"
ROUNDS = "the order of summation shows in single precision, beyond the tolerance of 1e-7"
NEGATIVE = {"check_regressor_multioutput": "the check draws negative targets whatever target_tags.positive_only says"}
EXCEPT = [
    *((DLRegressor(dtype="float64", n_members=1, loss=loss), NEGATIVE) for loss in ("poisson", "gamma", "tweedie")),
    *((cls(dtype="float64", n_members=1, dropout=0.1), dict.fromkeys(WEIGHTS, DROPS)) for cls in BOTH),
    *((cls(dtype="float32", n_members=1), dict.fromkeys(WEIGHTS + ORDER, ROUNDS)) for cls in BOTH),
]


def checks():
    for estimator, reasons in [*((estimator, {}) for estimator in EXACT), *EXCEPT]:
        for copy, check in estimator_checks_generator(estimator):
            name = check.func.__name__
            reason = reasons.get(name)
            # rounding may happen to agree, all else is certain
            marks = [pytest.mark.xfail(reason=reason, strict=reason != ROUNDS)] if reason else []
            yield pytest.param(copy, check, marks=marks, id=f"{' '.join(repr(estimator).split())}-{name}")


@pytest.mark.filterwarnings("ignore:partial_fit trains one epoch a call")  # and ignores early_stopping=True
@pytest.mark.filterwarnings("ignore:early_stopping watches the training loss:UserWarning")
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_check(estimator, check):
    check(estimator)
