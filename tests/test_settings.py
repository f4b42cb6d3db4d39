"""Settings of solvers, schedules, losses, embeddings and encoders: each value passes, or is refused in one sentence.

One table of all settings; that a fit asks for `check` is seen in test_errors.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._estimators.params import RULES
from sklearn_dl._estimators.registry import LOSSES, NUMERIC_EMBEDDINGS, SCHEDULES, SOLVERS
from sklearn_dl._numerics.settings import (
    Rule,
    Settings,
    above,
    at_least,
    boolean,
    check_value,
    either,
    integer,
    interval,
    not_negative,
    number,
    positive,
    sequence,
)
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.losses import Focal, Huber, LogLoss, Loss, Quantile, Tweedie
from sklearn_dl.numeric_embeddings import Mixed, Periodic, PiecewiseLinear
from sklearn_dl.schedules import Adaptive, Cosine, CosLog, InvScaling, OneCycle
from sklearn_dl.solvers import LBFGS, SGD, Adam, AdamW, RMSprop, Solver

INF = math.inf
LEAST = 5e-324  # above 0
BELOW_1 = math.nextafter(1, 0)
ABOVE_1 = math.nextafter(1, 2)

# what is allowed, in words; values that are, values that are not
SHARE = ("a number in [0, 1)", [0, 0.5, BELOW_1], [-LEAST, 1, INF, -INF])
OPEN_SHARE = ("a number in (0, 1)", [LEAST, 0.5, BELOW_1], [0, 1, INF, -INF])
POSITIVE = ("a finite number > 0", [LEAST, 1, 1e300], [0, -1, INF, -INF])
NOT_NEGATIVE = ("a finite number >= 0", [0, 1, 1e300], [-LEAST, INF, -INF])
COUNT = ("an int >= 1", [1, 2**64 - 1], [10**400, 0, -1, 1.5, 2.0, INF])

SETTINGS = {
    (SGD, "momentum"): SHARE,
    (SGD, "nesterov"): ("True or False", [True, False, np.True_, np.False_], [0, 1, np.int64(1)]),
    (RMSprop, "rho"): SHARE,
    (RMSprop, "epsilon"): POSITIVE,
    (Adam, "beta_1"): SHARE,
    (Adam, "beta_2"): SHARE,
    (Adam, "epsilon"): POSITIVE,
    (AdamW, "beta_1"): SHARE,
    (AdamW, "beta_2"): ("'auto' or a number in [0, 1)", ["auto", *SHARE[1]], SHARE[2]),
    (AdamW, "epsilon"): POSITIVE,
    (AdamW, "weight_decay"): ("'auto' or a finite number >= 0", ["auto", *NOT_NEGATIVE[1]], NOT_NEGATIVE[2]),
    (LBFGS, "max_fun"): COUNT,
    (LBFGS, "history"): COUNT,
    (InvScaling, "power_t"): ("a number >= 0", [0, 2, INF], [-LEAST, -INF]),
    (Adaptive, "divisor"): ("a number > 1", [ABOVE_1, INF], [1, 0.5, -INF]),
    (Adaptive, "min_rate"): ("a number >= 0", [0, INF], [-LEAST, -INF]),
    (Cosine, "warmup"): SHARE,
    (OneCycle, "peak"): OPEN_SHARE,
    (OneCycle, "start"): ("a number >= 1", [1, INF], [BELOW_1, -INF]),
    (OneCycle, "end"): ("a number >= 1", [1, INF], [BELOW_1, -INF]),
    (CosLog, "cycles"): COUNT,
    (Huber, "delta"): ("a number > 0", [LEAST, INF], [0, -1, -INF]),
    (Quantile, "levels"): (
        "numbers in (0, 1)",
        [LEAST, 0.5, (0.1, 0.9), [0.5], np.array([0.1, 0.9]), (np.float32(0.1), Fraction(1, 2))],
        [0, 1, (), [], np.array([]), (0.5, 1), (0.1, True), (0.1, np.nan), [[0.1, 0.9]], np.array([[0.1, 0.9]]),
         np.array(0.5), {0.1, 0.9}],
    ),
    (Tweedie, "power"): ("a number in [1, 2]", [1, 1.5, 2], [BELOW_1, math.nextafter(2, 3), INF, -INF]),
    (LogLoss, "label_smoothing"): SHARE,
    (Focal, "gamma"): NOT_NEGATIVE,
    (Periodic, "n_frequencies"): COUNT,
    (Periodic, "width"): COUNT,
    (Periodic, "scale"): POSITIVE,
    (PiecewiseLinear, "n_bins"): COUNT,
    (PiecewiseLinear, "width"): COUNT,
    (Mixed, "n_frequencies"): COUNT,
    (Mixed, "n_bins"): COUNT,
    (Mixed, "width"): COUNT,
    (Mixed, "scale"): POSITIVE,
    (TableEncoder, "scaling"): ("'robust' or 'standard'", ["robust", np.str_("standard")], ["minmax", b"robust", 1]),
    (TableEncoder, "max_one_hot"): ("an int >= 0", [0, 2**64 - 1], [10**400, -1, 0.5, 2.0, INF]),
    (TableEncoder, "min_frequency"): COUNT,
    (TableEncoder, "embedding_size"): COUNT,
    (TableEncoder, "max_dense"): ("an int >= 0", [0, 2**64 - 1], [10**400, -1, 0.5, 2.0, INF]),
}  # fmt: skip
CLASSES = {cls for table in (SOLVERS, SCHEDULES, LOSSES, NUMERIC_EMBEDDINGS) for cls in table.values()} | {TableEncoder}
NEEDS_X = {(TableEncoder, "categorical_features"), (TableEncoder, "kinds")}  # what it may be depends on the table

BOOLS = [True, False, np.True_]
NO_NUMBERS = [None, "a", "0.5", "", [1], (2,), {}, 1j, Decimal(1), np.nan, np.float32("nan"), object]
NO_NUMBERS += [np.array(1), np.array([1, 2])]


def over(table):
    return pytest.mark.parametrize("case", table, ids=lambda case: f"{case[0].__name__}-{case[1]}")


def test_every_setting_is_in_the_table():
    assert {(cls, name) for cls in CLASSES for name in cls().get_params(deep=False)} == {*SETTINGS, *NEEDS_X}


@over(SETTINGS)
def test_a_setting_that_is_not_allowed_is_told_in_one_sentence(case):
    cls, name = case
    allowed, right, wrong = SETTINGS[case]
    bools = [] if any(value is True for value in right) else BOOLS
    for value in [*wrong, *bools, *NO_NUMBERS]:
        with pytest.raises(ValueError, match="must be") as caught:
            cls(**{name: value}).check()
        assert str(caught.value) == f"{cls.__name__}: {name} must be {allowed}; got {value!r}."


@over(SETTINGS)
def test_a_setting_that_is_allowed_passes(case):
    cls, name = case
    for value in SETTINGS[case][1]:
        clone(cls(**{name: value})).check()


@pytest.mark.parametrize("cls", sorted(CLASSES, key=lambda cls: cls.__name__), ids=lambda cls: cls.__name__)
def test_defaults_pass_and_so_do_they_as_numpys_scalars(cls):
    defaults = cls().get_params(deep=False)
    cls().check()
    kinds = {
        bool: (np.bool_,),
        int: (np.int64, np.int32, np.uint16),
        float: (np.float64, np.float32, Fraction),
        str: (np.str_,),
    }
    for name, value in defaults.items():
        for kind in kinds.get(type(value), ()):
            cls(**{name: kind(value)}).check()


def test_levels_must_increase_too():
    with pytest.raises(ValueError, match=r"^Quantile: levels must increase; got \[0.5, 0.5\]\.$"):
        Quantile([0.5, 0.5]).check()


# ---------------------------------------------------------------- one's own


class Descent(Solver):
    """Without rules, and with settings that nobody checks."""

    def __init__(self, friction=None):
        self.friction = friction

    def step(self, params, grads, s, t, rate, decayed):
        params -= rate * grads


class CheckedDescent(Solver):
    """With a `check` of its own."""

    def __init__(self, friction=0.1):
        self.friction = friction

    def check(self):
        if self.friction < 0:
            raise ValueError("there is no negative friction.")

    def step(self, params, grads, s, t, rate, decayed):
        params -= rate * (1 - self.friction) * grads


def test_a_settings_object_of_ones_own_needs_no_rules():
    Descent().check()
    Descent("anything").check()
    assert isinstance(Descent(), Settings)
    assert issubclass(Loss, Settings)


def test_a_settings_object_of_ones_own_may_check_itself():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = DLRegressor(solver=CheckedDescent(), max_iter=2, hidden_layer_sizes=3)
    model.fit(X, X[:, 0])
    with pytest.raises(ValueError, match=r"^there is no negative friction\.$"):
        model.set_params(solver__friction=-1).fit(X, X[:, 0])


# ---------------------------------------------------------------- parameters of the estimators

JUNK = {
    "bool": True, "None": None, "text": "?", "NaN": np.nan, "list": ["?"], "array": np.ones((2, 2)), "dict": {0: "?"},
    "object": object(), "bytes": b"auto",
}  # fmt: skip
TAKES = {
    "batch_size": {"None"}, "class_weight": {"None"}, "clip_norm": {"None"}, "early_stopping": {"bool"},
    "encoder": {"None"}, "max_time": {"None"}, "n_jobs": {"None"}, "random_state": {"None"}, "scale_target": {"bool"},
    "scoring": {"None"}, "shuffle": {"bool"}, "target_loss": {"None"}, "verbose": {"bool"}, "warm_start": {"bool"},
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_a_parameter_refuses_junk_in_one_sentence(name):
    for kind, value in JUNK.items():
        if kind in TAKES.get(name, set()):
            check_value(name, value, RULES[name])
            continue
        with pytest.raises(ValueError, match=rf"^{re.escape(f'{name} must be {RULES[name].allowed}; got ')}"):
            check_value(name, value, RULES[name])


@pytest.mark.parametrize("estimator", [DLRegressor(), DLClassifier()], ids=lambda e: type(e).__name__)
def test_parameters_allow_their_defaults(estimator):
    params = estimator.get_params(deep=False)
    for name in RULES.keys() & params.keys():
        check_value(name, params[name], RULES[name])


# ---------------------------------------------------------------- rules

HUGE = 10**400  # no float
NUMBERS = [0, 1, -1.5, HUGE, INF, Fraction(1, 3), np.int8(1), np.uint64(2**63), np.float32(1), np.longdouble(1)]
INTS = [v for v in NUMBERS if isinstance(v, int | np.integer) and v is not HUGE]


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        (number(), NUMBERS),
        (above(0), [v for v in NUMBERS if v > 0]),
        (at_least(0), [v for v in NUMBERS if v >= 0]),
        (positive(), [v for v in NUMBERS if 0 < v < INF and v is not HUGE]),
        (not_negative(), [v for v in NUMBERS if 0 <= v < INF and v is not HUGE]),
        (interval(0, 1, "[]"), [v for v in NUMBERS if 0 <= v <= 1]),
        (interval(0, 1, "(]"), [v for v in NUMBERS if 0 < v <= 1]),
        (interval(0, 1, "[)"), [v for v in NUMBERS if 0 <= v < 1]),
        (interval(0, 1, "()"), [v for v in NUMBERS if 0 < v < 1]),
        (integer(), INTS),
        (integer(1), INTS[1:]),
    ],
    ids=lambda v: v.allowed if isinstance(v, Rule) else "",
)
def test_a_rule_of_numbers(rule, allowed):
    for value in NUMBERS:
        assert bool(rule.test(value)) == any(value is one for one in allowed), value
    for value in [*BOOLS, *NO_NUMBERS]:
        assert not rule.test(value), value


def test_values_are_compared_by_type():
    assert [bool(either(1, "a").test(v)) for v in (1, True, 1.0, "a", "b", np.array("a"), np.array([1, 1]), None)] == [
        True, True, False, True, False, False, False, False
    ]  # fmt: skip
    assert not either(True).test(1)
    assert either(None).test(None)


def test_words_are_listed_with_an_or_before_the_last():
    assert either("a").allowed == "'a'"
    assert either("a", None).allowed == "'a' or None"
    assert either("a", None, positive()).allowed == "'a', None or a finite number > 0"
    assert either("a", boolean()).allowed == "'a', True or False"


def test_a_sequence_has_one_axis():
    several = sequence(integer(1), "ints")
    assert all(map(several.test, [(), [], (1,), [2, 3], np.array([1, 2])]))
    assert not any(
        map(several.test, [1, "12", "", None, {1, 2}, [0], [True], [1.0], [[1]], np.ones((1, 1), int), np.array(1)])
    )
