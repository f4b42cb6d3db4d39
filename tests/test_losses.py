"""Every loss against central differences, against scikit-learn's own where it has one, and at its limits.

One table of losses; what is weighted, smoothed, focused or grouped is a row of it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import expit
from sklearn._loss import loss as sk
from sklearn.base import clone

from sklearn_dl.losses import (
    AbsoluteError,
    Focal,
    Gamma,
    Huber,
    LogLoss,
    Loss,
    Poisson,
    Quantile,
    SquaredError,
    Tweedie,
)
from tests.cases import central_difference, over, same_bits

N = 30


class Case(NamedTuple):
    """A loss, targets it is for, and raw outputs away from kinks."""

    name: str
    loss: Loss
    y: np.ndarray
    raw: np.ndarray
    twin: sk.BaseLoss | None = None  # scikit-learn's, for one target


def _numbers(kind: str, n_outputs: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    shape = (N, n_outputs)
    return {
        "real": rng.normal(size=shape),
        "count": rng.poisson(1.0, shape).astype(float),
        "positive": rng.gamma(2.0, size=shape),
    }[kind]


def _raw(y: np.ndarray, n_levels: int = 1) -> np.ndarray:
    """Raw outputs at least 0.05 away from the targets, and from a Huber δ of 0.7 on either side."""
    rng = np.random.default_rng(1)
    offset = rng.choice([0.05, 0.3, 0.6, 0.8, 1.5, 2.5], (*y.shape, n_levels)) + rng.uniform(0, 0.05)
    return (y[..., None] + offset * rng.choice([-1, 1], offset.shape)).reshape(len(y), -1)


def _classes(*groups: int) -> np.ndarray:
    rng = np.random.default_rng(2)
    columns = [rng.integers(0, 2, (N, 1)) if k == 1 else np.eye(k)[rng.integers(0, k, N)] for k in groups]
    return np.hstack(columns).astype(float)


def _regression() -> list[Case]:
    table = [
        ("squared_error", SquaredError(), "real", sk.HalfSquaredError()),
        ("absolute_error", AbsoluteError(), "real", sk.AbsoluteError()),
        ("huber", Huber(0.7), "real", sk.HuberLoss(delta=0.7)),
        ("quantile-0.5", Quantile(), "real", sk.PinballLoss(quantile=0.5)),
        ("quantile-0.9", Quantile(0.9), "real", sk.PinballLoss(quantile=0.9)),
        ("poisson", Poisson(), "count", sk.HalfPoissonLoss()),
        ("gamma", Gamma(), "positive", sk.HalfGammaLoss()),
        ("tweedie-1", Tweedie(1), "count", sk.HalfTweedieLoss(power=1)),
        ("tweedie-1.5", Tweedie(1.5), "count", sk.HalfTweedieLoss(power=1.5)),
        ("tweedie-1.9", Tweedie(1.9), "count", sk.HalfTweedieLoss(power=1.9)),
        ("tweedie-2", Tweedie(2), "positive", sk.HalfTweedieLoss(power=2)),
    ]
    cases = []
    for name, loss, kind, twin in table:
        cases.append(Case(name, loss, _numbers(kind, 1), _raw(_numbers(kind, 1)), twin))
        cases.append(Case(f"{name}-two", loss, _numbers(kind, 2), _raw(_numbers(kind, 2))))
    for n_outputs in (1, 2):
        y = _numbers("real", n_outputs)
        cases.append(Case(f"quantiles-{n_outputs}", Quantile((0.1, 0.5, 0.9)), y, _raw(y, 3)))
    return cases


def _classification() -> list[Case]:
    kinds = {
        "binary": (1,),
        "multilabel": (1, 1, 1),
        "softmax": (4,),
        "grouped": (3, 1, 4),
    }
    losses = {
        "log_loss": LogLoss(),
        "smoothed": LogLoss(0.2),
        "focal-0": Focal(0),
        "focal-0.5": Focal(0.5),
        "focal-2": Focal(2.0),
    }
    cases = []
    for name, loss in losses.items():
        for kind, groups in kinds.items():
            y = _classes(*groups)
            raw = 2 * np.random.default_rng(3).normal(size=y.shape)
            twin = None
            if name in ("log_loss", "focal-0") and len(groups) == 1:
                twin = sk.HalfBinomialLoss() if kind == "binary" else sk.HalfMultinomialLoss(n_classes=4)
            cases.append(Case(f"{name}-{kind}", loss.for_groups(groups), y, raw, twin))
    return cases


REGRESSION, CLASSIFICATION = _regression(), _classification()
CASES = REGRESSION + CLASSIFICATION
weighted = pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])


def weights(n=N):
    return np.random.default_rng(4).uniform(0.1, 3.0, (n, 1))


def evaluate(loss, y, raw, weight=None):
    out = np.full_like(raw, np.nan)
    return loss.value_and_gradient(y, raw, weight, out), out


@over(CASES)
@weighted
def test_gradient_agrees_with_central_differences(case, weighted):
    weight, raw = weights() if weighted else None, case.raw.copy()
    _, gradient = evaluate(case.loss, case.y, raw, weight)
    numeric = central_difference(lambda: evaluate(case.loss, case.y, raw, weight)[0], raw)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)
    assert np.abs(gradient).max() > 0.1


@over([c for c in CASES if c.twin is not None])
@weighted
def test_value_and_gradient_are_those_of_scikit_learn(case, weighted):
    weight = weights() if weighted else None
    value, gradient = evaluate(case.loss, case.y, case.raw, weight)
    multiclass = case.twin.is_multiclass
    y = case.y.argmax(axis=1).astype(float) if multiclass else case.y[:, 0].copy()
    raw = case.raw.copy() if multiclass else case.raw[:, 0].copy()
    values, gradients = case.twin.loss_gradient(
        y_true=y, raw_prediction=raw, sample_weight=None if weight is None else weight[:, 0].copy()
    )
    assert value == pytest.approx(values.sum(), rel=1e-13)
    np.testing.assert_allclose(gradient, gradients.reshape(gradient.shape), rtol=1e-12, atol=1e-15)
    if not multiclass and not isinstance(case.twin, sk.HalfBinomialLoss):
        predicted = case.loss.link.inverse(case.raw)
        np.testing.assert_allclose(predicted.reshape(-1), case.twin.link.inverse(raw), rtol=1e-14)


@over(CASES)
def test_weight_two_is_the_row_twice(case):
    times = np.random.default_rng(5).integers(1, 4, N)
    value, gradient = evaluate(case.loss, case.y, case.raw, times[:, None].astype(float))
    rows = np.repeat(np.arange(N), times)
    repeated, each = evaluate(case.loss, case.y[rows], case.raw[rows])
    assert value == pytest.approx(repeated, rel=1e-13)
    np.testing.assert_allclose(gradient[rows], each * times[rows, None], rtol=1e-13)


@over(CASES)
@weighted
def test_targets_raw_outputs_and_weights_are_read_only(case, weighted):
    y, raw, weight = case.y.copy(), case.raw.copy(), weights() if weighted else None
    for a in (y, raw) if weight is None else (y, raw, weight):
        a.flags.writeable = False
    value, gradient = evaluate(case.loss, y, raw, weight)
    assert type(value) is float
    assert same_bits(evaluate(case.loss, y, raw, weight)[1], gradient)  # no state
    case.loss.link.inverse(raw)


@over(CASES)
@weighted
def test_float32_stays_float32(case, weighted):
    weight = weights() if weighted else None
    arrays = [a.astype(np.float32) for a in (case.y, case.raw)]
    value, gradient = evaluate(case.loss, *arrays, None if weight is None else weight.astype(np.float32))
    assert gradient.dtype == np.float32
    assert case.loss.link.inverse(arrays[1]).dtype == np.float32
    expected, expected_gradient = evaluate(case.loss, case.y, case.raw, weight)
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-4)


@over([c for c in CASES if c.name.endswith("-two") or c.name.startswith("quantiles-2")])
def test_outputs_are_summed(case):
    value, gradient = evaluate(case.loss, case.y, case.raw)
    k = case.raw.shape[1] // 2
    parts = [
        evaluate(case.loss, case.y[:, [j]].copy(), case.raw[:, j * k : (j + 1) * k].copy()) for j in range(2)
    ]  # fmt: skip
    assert value == pytest.approx(sum(p[0] for p in parts), rel=1e-13)
    np.testing.assert_allclose(gradient, np.hstack([p[1] for p in parts]), rtol=1e-13)


# ---- classification


@over(CLASSIFICATION)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_raw_outputs_give_finite_losses(case, dtype):
    y = case.y.astype(dtype)
    for high in (1000, 50, 0):
        for raw in ((2 * y - 1) * high, (1 - 2 * y) * high, np.full_like(y, high), np.full_like(y, -high)):
            raw = raw.astype(dtype)
            value, gradient = evaluate(case.loss, y, raw)  # warnings are errors here
            p = case.loss.link.inverse(raw)
            assert np.isfinite(value)
            assert value >= 0
            assert np.isfinite(gradient).all()
            assert np.abs(gradient).max() <= 2
            assert np.isfinite(p).all()
            assert (p >= 0).all()
            assert (p <= 1).all()


@over([c for c in CLASSIFICATION if not c.name.startswith("smoothed")])
def test_a_confident_answer_costs_nothing_when_right_and_much_when_wrong(case):
    sure = 1000.0 * (2 * case.y - 1)
    right, gradient = evaluate(case.loss, case.y, sure)
    wrong, _ = evaluate(case.loss, case.y, -sure)
    assert right == pytest.approx(0, abs=1e-12)
    assert np.abs(gradient).max() < 1e-12
    assert wrong >= 1000 * N


@pytest.mark.parametrize("groups", [(1,), (1, 1, 1), (4,), (3, 1, 4)])
@weighted
def test_focal_with_gamma_0_is_the_log_loss(groups, weighted):
    y = _classes(*groups)
    raw = 3 * np.random.default_rng(6).normal(size=y.shape)
    weight = weights() if weighted else None
    a, da = evaluate(Focal(0).for_groups(groups), y, raw, weight)
    b, db = evaluate(LogLoss().for_groups(groups), y, raw, weight)
    assert a == pytest.approx(b, rel=1e-12)
    np.testing.assert_allclose(da, db, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("gamma", [0, 0.5, 2])
def test_focal_is_the_formula_of_the_paper(gamma):
    y = _classes(4)
    raw = np.random.default_rng(7).normal(size=y.shape)
    p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    p_t = (p * y).sum(axis=1)
    assert evaluate(Focal(gamma), y, raw)[0] == pytest.approx((-((1 - p_t) ** gamma) * np.log(p_t)).sum(), rel=1e-12)


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("k", [2, 5])
def test_smoothed_labels_are_a_mixture_with_the_uniform_distribution(epsilon, k):
    y = _classes(k)
    raw = np.random.default_rng(8).normal(size=y.shape)
    value, gradient = evaluate(LogLoss(epsilon), y, raw)
    mixed = (1 - epsilon) * y + epsilon / k
    p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    assert value == pytest.approx(-(mixed * np.log(p)).sum(), rel=1e-12)
    np.testing.assert_allclose(gradient, p - mixed, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("loss", [LogLoss(), LogLoss(0.3), Focal(0.5), Focal(2.0)])
def test_a_logistic_output_is_a_softmax_over_two(loss):
    y, z = _classes(1), np.random.default_rng(9).normal(size=(N, 1))
    one, gradient = evaluate(loss, y, z)
    two, gradients = evaluate(loss, np.hstack([1 - y, y]), np.hstack([0 * z, z]))
    assert one == pytest.approx(two, rel=1e-12)
    np.testing.assert_allclose(gradient[:, 0], gradients[:, 1], rtol=1e-10)
    np.testing.assert_allclose(gradients.sum(axis=1), 0, atol=1e-14)


@pytest.mark.parametrize("loss", [LogLoss(0.1), Focal(2.0)])
def test_groups_are_a_sum_over_targets(loss):
    groups = (3, 1, 4)
    y = _classes(*groups)
    raw = np.random.default_rng(10).normal(size=y.shape)
    value, gradient = evaluate(loss.for_groups(groups), y, raw, weights())
    p = loss.for_groups(groups).link.inverse(raw)
    summed = 0.0
    for columns in (slice(0, 3), slice(3, 4), slice(4, 8)):
        part, d_part = evaluate(loss, y[:, columns].copy(), raw[:, columns].copy(), weights())
        summed += part
        assert same_bits(np.ascontiguousarray(gradient[:, columns]), d_part)
        alone = loss.for_groups((columns.stop - columns.start,)).link
        np.testing.assert_array_equal(p[:, columns], alone.inverse(raw[:, columns].copy()))
    assert value == pytest.approx(summed, rel=1e-13)


@over(CLASSIFICATION)
def test_probabilities_are_the_inverse_link(case):
    p = case.loss.link.inverse(case.raw)
    kind = case.name.rpartition("-")[2]
    if kind in ("binary", "multilabel"):
        np.testing.assert_allclose(p, expit(case.raw), rtol=1e-15)
        assert case.loss.link.name == "logistic"
    else:
        spans = [slice(0, 4)] if kind == "softmax" else [slice(0, 3), slice(4, 8)]
        for s in spans:
            e = np.exp(case.raw[:, s])
            np.testing.assert_allclose(p[:, s], e / e.sum(axis=1, keepdims=True), rtol=1e-13)
        if kind == "grouped":
            np.testing.assert_allclose(p[:, 3], expit(case.raw[:, 3]), rtol=1e-15)
        assert case.loss.link.name == ("softmax" if kind == "softmax" else "grouped")


def test_a_group_of_one_label_is_logistic_whatever_their_number():
    y = _classes(1, 1, 1)
    raw = np.random.default_rng(11).normal(size=y.shape)
    value, gradient = evaluate(LogLoss().for_groups((1, 1, 1)), y, raw)
    columns = [evaluate(LogLoss(), y[:, [j]], raw[:, [j]]) for j in range(3)]
    assert value == pytest.approx(sum(c[0] for c in columns), rel=1e-13)
    np.testing.assert_allclose(gradient, np.hstack([c[1] for c in columns]), rtol=1e-14)


# ---- regression


@pytest.mark.parametrize(
    ("loss", "link"),
    [
        (SquaredError(), "identity"),
        (AbsoluteError(), "identity"),
        (Huber(), "identity"),
        (Poisson(), "exp"),
        (Gamma(), "exp"),
        (Tweedie(), "exp"),
    ],
)
def test_prediction_is_the_inverse_link(loss, link):
    raw = np.random.default_rng(12).normal(size=(5, 2))
    expected = np.exp(raw) if link == "exp" else raw
    np.testing.assert_array_equal(loss.link.inverse(raw), expected)
    assert loss.link.name == link
    assert loss.link.is_log == (link == "exp")
    assert loss.n_raw(2) == 2


def test_quantiles_come_out_sorted_target_by_target():
    loss, raw = Quantile((0.1, 0.5, 0.9)), np.array([[3.0, 1, 2, 6, 5, 4]])
    assert loss.n_raw(2) == 6
    predicted = loss.link.inverse(raw)
    np.testing.assert_array_equal(predicted, [[[1, 2, 3], [4, 5, 6]]])
    np.testing.assert_array_equal(loss.link.central(predicted), [[2, 5]])
    np.testing.assert_array_equal(raw, [[3, 1, 2, 6, 5, 4]])


def test_sorting_quantiles_never_increases_the_loss():
    rng = np.random.default_rng(13)
    loss, y, raw = Quantile((0.1, 0.3, 0.5, 0.9)), rng.normal(size=(200, 1)), rng.normal(size=(200, 4))
    before = [evaluate(loss, y[[i]], raw[[i]])[0] for i in range(200)]
    after = [evaluate(loss, y[[i]], np.sort(raw[[i]]))[0] for i in range(200)]
    assert (np.array(after) <= np.array(before) + 1e-12).all()
    assert sum(after) < 0.9 * sum(before)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_the_best_constant_of_a_quantile_loss_is_the_quantile(q):
    y = np.random.default_rng(14).normal(size=(1001, 1))
    grid = np.linspace(-3, 3, 2001)
    best = grid[np.argmin([evaluate(Quantile(q), y, np.full_like(y, c))[0] for c in grid])]
    assert best == pytest.approx(np.quantile(y, q), abs=0.006)


@pytest.mark.parametrize("loss", [SquaredError(), Poisson(), Gamma(), Tweedie(1.5)])
def test_the_best_constant_of_a_deviance_is_the_mean(loss):
    y, w = np.random.default_rng(15).gamma(2.0, size=(101, 1)), weights(101)
    mean = np.average(y, weights=w)
    _, gradient = evaluate(loss, y, np.full_like(y, np.log(mean) if loss.link.is_log else mean), w)
    assert gradient.sum() == pytest.approx(0, abs=1e-12)
    assert np.abs(gradient).max() > 0.1


@pytest.mark.parametrize("loss", [AbsoluteError(), Huber(), SquaredError()])
def test_a_residual_of_0_has_gradient_0(loss):
    assert evaluate(loss, np.ones((1, 1)), np.ones((1, 1))) == (0.0, np.zeros((1, 1)))


# ---- settings and targets


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (Huber(0), "Huber: delta must be a number > 0; got 0."),
        (Huber(-1.5), "Huber: delta must be a number > 0; got -1.5."),
        (Huber(np.nan), "Huber: delta must be a number > 0; got nan."),
        (Quantile(0), "Quantile: levels must be numbers in (0, 1); got 0."),
        (Quantile(()), "Quantile: levels must be numbers in (0, 1); got ()."),
        (Quantile((0.5, 1.0)), "Quantile: levels must be numbers in (0, 1); got (0.5, 1.0)."),
        (Quantile(np.nan), "Quantile: levels must be numbers in (0, 1); got nan."),
        (Quantile((0.5, 0.1)), "Quantile: levels must increase; got (0.5, 0.1)."),
        (Quantile((0.5, 0.5)), "Quantile: levels must increase; got (0.5, 0.5)."),
        (Tweedie(0.5), "Tweedie: power must be a number in [1, 2]; got 0.5."),
        (Tweedie(3), "Tweedie: power must be a number in [1, 2]; got 3."),
        (Tweedie(np.nan), "Tweedie: power must be a number in [1, 2]; got nan."),
        (LogLoss(-0.1), "LogLoss: label_smoothing must be a number in [0, 1); got -0.1."),
        (LogLoss(1), "LogLoss: label_smoothing must be a number in [0, 1); got 1."),
        (Focal(-1), "Focal: gamma must be a finite number >= 0; got -1."),
        (Focal(np.nan), "Focal: gamma must be a finite number >= 0; got nan."),
    ],
    ids=str,
)
def test_settings_out_of_range_are_told_in_one_sentence(loss, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        loss.check()


@pytest.mark.parametrize(
    "loss",
    [
        SquaredError(), AbsoluteError(), Huber(1e-3), Quantile(), Quantile([0.01, 0.99]),
        Quantile(np.array([0.2, 0.8])), Poisson(), Gamma(), Tweedie(1), Tweedie(2), LogLoss(), LogLoss(0.99),
        Focal(0), Focal(5),
    ],
    ids=str,
)  # fmt: skip
def test_settings_in_range_pass_and_survive_a_clone(loss):
    loss.check()
    twin = clone(loss)
    assert repr(twin) == repr(loss)
    assert twin is not loss


def check_all(loss, y):
    loss.check_target(y)
    loss.check_all_targets(y)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        (Poisson(), [1, -1], "loss 'poisson' needs targets >= 0; y contains -1."),
        (Poisson(), [0, 0], "loss 'poisson' needs at least one target > 0 in each output; y is all zero."),
        (Gamma(), [1, 0], "loss 'gamma' needs targets > 0; y contains 0."),
        (Gamma(), [1, -2.5], "loss 'gamma' needs targets > 0; y contains -2.5."),
        (Tweedie(1.5), [1, -1], "loss 'tweedie' needs targets >= 0; y contains -1."),
        (Tweedie(1.5), [0, 0], "loss 'tweedie' needs at least one target > 0 in each output; y is all zero."),
        (Tweedie(1), [1, -1], "needs targets >= 0; y contains -1."),
        (Tweedie(2), [1, 0], "needs targets > 0; y contains 0."),
    ],
)
def test_targets_outside_the_domain_are_told_in_one_sentence(loss, y, message):
    with pytest.raises(ValueError, match=f"{re.escape(message)}$"):
        check_all(loss, np.array(y, float)[:, None])


@over(REGRESSION)
def test_targets_inside_the_domain_pass(case):
    case.loss.check_target(case.y)


@pytest.mark.parametrize("loss", [Poisson(), Tweedie(1.5)])
def test_each_output_needs_a_positive_target(loss):
    with pytest.raises(ValueError, match="in each output"):
        check_all(loss, np.array([[1.0, 0.0], [2.0, 0.0]]))
