"""TableEncoder: numbers, categories, types of columns, sparse tables, names, and the errors that name a column."""

from __future__ import annotations

import decimal
import pickle
import re
import warnings
from unittest import SkipTest

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from sklearn_dl import DLRegressor
from sklearn_dl._data import sample_rows
from sklearn_dl.encoding import ColumnWarning, TableEncoder, table_encoder
from sklearn_dl.encoding.layout import CODES, MISSING, NUMBER, ONE_HOT, TWO_VALUED, Layout, Span
from sklearn_dl.encoding.part import Part, names_of
from sklearn_dl.inspection import attribution_importance, integrated_gradients

rng = np.random.default_rng(0)


def encode(X, later=None, **params):
    encoder = TableEncoder(**params).fit(X)
    return encoder.transform(X if later is None else later)


def names(X, **params):
    return list(TableEncoder(**params).fit(X).get_feature_names_out())


def squash(z):
    return z / np.sqrt(1 + (z / 3) ** 2)


# ---------------------------------------------------------------- scikit-learn's contract


@pytest.mark.parametrize(
    "encoder",
    [
        TableEncoder(),
        TableEncoder(scaling="standard"),
        TableEncoder(max_one_hot=0),
        TableEncoder(min_frequency=1, embedding_size=2),
        TableEncoder(categorical_features=[0], min_frequency=1),
        TableEncoder(categorical_features=[]),
    ],
    ids=repr,
)
def test_scikit_learns_checks(encoder):
    ran = 0
    for estimator, check in estimator_checks_generator(encoder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                check(estimator)
            except SkipTest:
                continue
        ran += 1
    assert ran > 40


def test_parameters_clone_and_pickle():
    encoder = TableEncoder(max_one_hot=3, categorical_features=["a"])
    assert encoder.get_params() == {
        "categorical_features": ["a"],
        "embedding_size": 8,
        "kinds": None,
        "max_dense": 512,
        "max_one_hot": 3,
        "min_frequency": 5,
        "scaling": "robust",
    }
    assert clone(encoder).get_params() == encoder.get_params()
    assert encoder.set_params(min_frequency=1).min_frequency == 1
    df = pd.DataFrame({"a": list("xyz") * 5, "b": np.arange(15.0)})
    fitted = encoder.fit(df)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(df), fitted.transform(df))
    with pytest.raises(NotFittedError):
        clone(fitted).transform(df)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"scaling": "quantile"}, "scaling must be 'robust' or 'standard'; got 'quantile'"),
        ({"max_one_hot": -1}, "max_one_hot must be an int >= 0; got -1"),
        ({"min_frequency": 0}, "min_frequency must be an int >= 1; got 0"),
        ({"embedding_size": True}, "embedding_size must be an int >= 1; got True"),
        ({"max_one_hot": 2.0}, "max_one_hot must be an int >= 0"),
        ({"categorical_features": None}, "categorical_features must be 'from_dtype', or a mask, indices or names"),
        ({"categorical_features": "from_dtypes"}, "got 'from_dtypes'"),
        ({"categorical_features": [7]}, "got 7 for 1 columns"),
        ({"categorical_features": [1.0]}, r"got 1\.0"),
        ({"categorical_features": [[0], [1, 2]]}, "categorical_features must be"),
        ({"categorical_features": [True, False]}, "got a mask of length 2 for 1 columns"),
        ({"categorical_features": ["b"]}, "got the name 'b', which X has not"),
    ],
)
def test_parameters_out_of_range(params, text):
    with pytest.raises(ValueError, match=text):
        TableEncoder(**params).fit(pd.DataFrame({"a": [1.0, 2.0]}))


# ---------------------------------------------------------------- numbers


def test_robust_scaling_by_hand():
    x = np.array([1.0, 2, 3, 4, 100])
    z = (x - 3) / (4 - 2)  # median 3, quartiles 2 and 4
    np.testing.assert_allclose(encode(x[:, None])[:, 0], squash(z), rtol=1e-15)
    assert encode(x[:, None]).max() < 3


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2, 1, 1, 3, 1, 1, 2, 5, 5, 5])], ids=["unit", "weighted"])
def test_robust_scaling_takes_the_deviation_where_the_quartiles_agree(weight):
    x = np.array([0.0, 0, 0, 0, 0, 0, 1, 10, 0, 0, 0])
    deviation = np.sqrt(np.cov(x, aweights=weight, ddof=0))
    encoder = TableEncoder().fit(x[:, None], sample_weight=weight)
    np.testing.assert_allclose(encoder.transform(x[:, None])[:, 0], squash(x / (1.349 * deviation)), rtol=1e-14)


def test_small_counts_are_told_apart_beside_a_large_one():
    x = np.r_[np.zeros(800), np.ones(150), np.full(49, 2.0), 600.0]
    zero, one, two, many = np.unique(encode(x[:, None])[:, 0])
    assert min(one - zero, two - one) > 0.03
    assert many < 3


def test_standard_scaling_is_scikit_learns():
    X = rng.normal(size=(50, 3)) * [1, 1e6, 1e-6] + [0, 1e7, 3]
    encoder = TableEncoder(scaling="standard").fit(X)
    np.testing.assert_allclose(encoder.transform(X), StandardScaler().fit_transform(X), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(encoder.center_, X.mean(axis=0))
    np.testing.assert_allclose(1 / encoder.scale_, X.std(axis=0))


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, -1e308, 1e-310])
def test_a_constant_column_is_zero_now_and_later(scaling, value):
    X = np.full((7, 1), value)
    np.testing.assert_array_equal(encode(X, np.array([[value], [1.0], [1e308]]), scaling=scaling), 0)


@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_a_column_without_any_number_is_zero_now_and_later(scaling):
    X = np.full((5, 2), np.nan)
    X[:, 1] = np.arange(5)
    encoder = TableEncoder(scaling=scaling).fit(X)
    assert list(encoder.get_feature_names_out()) == ["x0", "x1"]  # always missing says nothing
    np.testing.assert_array_equal(encoder.transform([[np.nan, 2], [9, 2]]), 0)


@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_missing_numbers_are_left_out_of_the_statistics_and_get_an_indicator(scaling):
    x = np.array([1.0, 2, 3, 4, 7])
    X = np.c_[np.insert(x, 2, np.nan), np.arange(6.0)]
    encoder = TableEncoder(scaling=scaling).fit(X)
    z = encoder.transform(X)
    assert list(encoder.get_feature_names_out()) == ["x0", "x1", "x0_missing"]
    np.testing.assert_array_equal(z[:, 2], [0, 0, 1, 0, 0, 0])
    assert z[2, 0] == 0
    np.testing.assert_array_equal(np.delete(z[:, 0], 2), encode(x[:, None], scaling=scaling)[:, 0])
    np.testing.assert_array_equal(encoder.missing_features_, [0])
    later = encoder.transform([[np.nan, np.nan]])  # the second column had no gaps in training: filled, not told
    np.testing.assert_array_equal(later, [[0, 0, 1]])


@pytest.mark.parametrize("sign", [1, -1])
def test_infinity_is_refused_by_name(sign):
    df = pd.DataFrame({"fine": [1.0, 2, 3, np.nan], "broken": [1.0, sign * np.inf, np.nan, 2]})
    good = df.fillna(0).replace([np.inf, -np.inf], 0)
    for scaling in ("robust", "standard"):
        with pytest.raises(ValueError, match="column 'broken' of X contains infinity; replace it"):
            TableEncoder(scaling=scaling).fit(df)
        with pytest.raises(ValueError, match="column 1 of X contains infinity"):
            TableEncoder(scaling=scaling).fit(df.to_numpy())
        with pytest.raises(ValueError, match="column 'broken' of X contains infinity"):
            TableEncoder(scaling=scaling).fit(good).transform(df)


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("largest", [1.7e308, 1e308, 1e-308, 1e-310, 1e-320])
def test_huge_and_tiny_numbers(scaling, largest):
    x = np.array([-1.0, -0.5, 0, 0.25, 1]) * largest
    z = encode(x[:, None], scaling=scaling)[:, 0]
    assert np.isfinite(z).all()
    assert (np.diff(z[x != 0]) >= 0).all()
    assert z[-1] > z[0]
    if largest > 1e-307:  # below, 1 / largest is not a number any more
        np.testing.assert_allclose(z, encode(x[:, None] / largest, scaling=scaling)[:, 0], rtol=1e-13)


def test_what_lies_far_outside_the_training_range_stays_finite():
    X = np.array([[0.0], [1e-300], [2e-300]])
    later = np.array([[1e308], [-1e308]])
    np.testing.assert_allclose(encode(X, later)[:, 0], [3, -3])
    np.testing.assert_allclose(encode(X, later, scaling="standard")[:, 0], [1e6, -1e6])
    assert np.isfinite(encode(np.array([[-1.7e308], [-1.7e308], [-1.6e308]]), np.array([[1.7e308]]))).all()


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("power", [-300, -40, 3, 300])
def test_powers_of_two_change_no_bit(scaling, power):
    X = np.add(rng.normal(size=(60, 2)), [0, 5])
    X[::7, 0] = np.nan
    np.testing.assert_array_equal(
        encode(X, scaling=scaling), encode(np.ldexp(X, power), np.ldexp(X, power), scaling=scaling)
    )


@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_single_precision_is_centred_before_it_is_rounded(scaling):
    X = (1e4 + rng.integers(0, 9, size=(30, 1))).astype(np.float32)
    np.testing.assert_array_equal(encode(X, scaling=scaling), encode(X.astype(float), scaling=scaling))


def test_quantiles_of_a_large_table_come_from_a_sample():
    X = rng.normal(size=(200_000, 1))
    encoder = TableEncoder().fit(X)
    assert abs(encoder.center_[0]) < 0.02
    assert abs(1 / encoder.scale_[0] - 1.349) < 0.03
    np.testing.assert_array_equal(encoder.center_, TableEncoder().fit(X).center_)


# ---------------------------------------------------------------- what a sample of a large table must not decide

LARGE = 100_000
UNSEEN = np.setdiff1d(np.arange(LARGE), sample_rows(LARGE))  # rows that the sample does not hold


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
def test_a_column_that_varies_outside_the_sample_only_is_no_constant(scaling, dtype, make):
    X = np.zeros((LARGE, 4), dtype)
    X[UNSEEN[:3], 0] = 1  # a rare flag
    X[:, 1] = 7
    X[UNSEEN[:1000], 1] = np.linspace(-3, 17, 1000)
    X[:, 2] = np.where(np.arange(LARGE) % 3, 0, np.nan)  # gaps beside it
    X[UNSEEN[UNSEEN % 3 > 0][:3], 2] = -5
    encoder = TableEncoder(scaling=scaling).fit(make(X))
    assert (encoder.scale_ > 0).tolist() == [True, True, True, False]
    if scaling == "robust":
        np.testing.assert_allclose(encoder.scale_[:3], [1, 1 / (1.349 * X[:, 1].std()), 0.2], rtol=1e-4)
    rows = np.array([[0, 7, 0, 0], [1, 17, -5, 9.0]], dtype)
    place = [list(encoder.get_feature_names_out()).index(f"x{j}") for j in range(3)]
    assert (abs(np.diff(encoder.transform(make(rows)), axis=0))[0, place] > 0.5).all()
    assert encoder.layout.n_numbers == 2  # the flags, too, are known by all rows
    other = TableEncoder(scaling=scaling).fit(make(X[UNSEEN[0] :]))  # rows of another place: as much of a flag
    assert other.scale_[0] > 0


def test_the_deviation_of_what_hardly_varies_is_that_of_all_rows():
    X = np.zeros((LARGE, 1))
    X[sample_rows(LARGE)[:10]] = 1  # in the sample
    X[UNSEEN[:10]] = 50  # out of it
    np.testing.assert_allclose(TableEncoder().fit(X).scale_, 1 / (1.349 * X.std()))


def test_rows_of_large_weight_are_in_the_sample():
    X = np.arange(LARGE, dtype=float)[:, None]
    weight = np.full(LARGE, 1e-3)
    weight[UNSEEN[:50]] = 1e6
    encoder = TableEncoder().fit(X, sample_weight=weight)
    heavy = np.quantile(X[UNSEEN[:50]], [0.25, 0.5, 0.75])
    assert abs(encoder.center_[0] - heavy[1]) < 10
    assert abs(1 / encoder.scale_[0] / (heavy[2] - heavy[0]) - 1) < 0.2
    ones = TableEncoder().fit(X, sample_weight=np.ones(LARGE))
    np.testing.assert_array_equal(ones.center_, TableEncoder().fit(X).center_)


def test_a_flag_that_the_sample_does_not_hold_is_learnt():
    rng = np.random.default_rng(0)
    X = np.c_[np.zeros(LARGE), rng.normal(size=LARGE)]
    X[UNSEEN[:1000], 0] = 1
    y = 100 * X[:, 0] + X[:, 1]
    model = DLRegressor(max_iter=6, n_members=1, hidden_layer_sizes=(8,), early_stopping=False, random_state=0)
    with_flag, without = model.fit(X, y).predict([[1, 0.0], [0, 0.0]])
    assert with_flag - without > 50


# ---------------------------------------------------------------- weights


def mixed(n):
    rng = np.random.default_rng(n)
    df = pd.DataFrame(
        {
            "number": rng.normal(size=n),
            "gappy": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
            "few": rng.choice(list("abcd"), n, p=[0.5, 0.3, 0.17, 0.03]),
            "many": rng.choice([f"level {i}" for i in range(20)], n),
        }
    )
    return df.astype({"few": object}).where(~((df.index % 5 == 0).reshape(-1, 1) & (df.columns == "few")), None)


@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_a_weight_of_two_is_the_row_twice_and_of_zero_none(scaling):
    df = mixed(80)
    times = rng.integers(0, 4, size=80)
    weighted = TableEncoder(scaling=scaling).fit(df, sample_weight=times)
    repeated = TableEncoder(scaling=scaling).fit(df.iloc[np.repeat(np.arange(80), times)])
    if scaling == "robust":
        np.testing.assert_array_equal(weighted.center_, repeated.center_)
    np.testing.assert_allclose(weighted.center_, repeated.center_, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(weighted.scale_, repeated.scale_, rtol=1e-12)
    assert weighted.levels_ == repeated.levels_
    assert list(weighted.get_feature_names_out()) == list(repeated.get_feature_names_out())
    np.testing.assert_allclose(weighted.transform(df), repeated.transform(df), rtol=1e-12, atol=1e-14)


def test_rows_of_weight_zero_leave_no_trace():
    df = pd.DataFrame({"x": [1.0, 2, 3, np.nan], "c": ["a", "a", "b", "c"]})
    encoder = TableEncoder(min_frequency=1).fit(df, sample_weight=[1, 1, 1, 0])
    assert encoder.levels_ == [["a", "b"]]
    assert list(encoder.get_feature_names_out()) == ["x", "c_b"]  # no indicator, no "other"


def test_levels_are_counted_by_weight():
    df = pd.DataFrame({"c": ["a"] * 6 + ["b"] * 2})
    assert TableEncoder().fit(df).levels_ == [["a"]]
    assert TableEncoder().fit(df, sample_weight=[1] * 6 + [3, 3]).levels_ == [["a", "b"]]
    share = np.array([1] * 6 + [3, 3]) / 12  # weights that are shares count as if their mean were 1
    assert TableEncoder(min_frequency=4).fit(df, sample_weight=share).levels_ == [["a", "b"]]


@pytest.mark.parametrize("weight", [[-1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [np.nan, 1.0, 1.0], [1.0]])
def test_weights_that_are_none(weight):
    with pytest.raises(ValueError, match=r"(?i)weight"):
        TableEncoder().fit([[1.0], [2.0], [3.0]], sample_weight=weight)


# ---------------------------------------------------------------- categories


def test_two_levels_are_one_column():
    df = pd.DataFrame({"c": list("abba") * 3})
    np.testing.assert_array_equal(encode(df)[:4, 0], [-1, 1, 1, -1])
    assert names(df) == ["c_b"]
    later = pd.DataFrame({"c": ["a", "b", "neither", None]})
    np.testing.assert_array_equal(encode(df, later)[:, 0], [-1, 1, 0, 0])


def test_few_levels_are_indicator_columns():
    df = pd.DataFrame({"c": list("cab") * 5})
    np.testing.assert_array_equal(encode(df)[:3], [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    assert names(df) == ["c_a", "c_b", "c_c"]
    np.testing.assert_array_equal(
        encode(df, pd.DataFrame({"c": ["new", None, "b"]})), [[0, 0, 0], [0, 0, 0], [0, 1, 0]]
    )


def test_many_levels_are_codes_in_order_of_value():
    levels = [f"{i:02}" for i in range(12)]
    df = pd.DataFrame({"x": np.arange(60.0), "c": rng.permutation(levels * 5)})
    encoder = TableEncoder().fit(df)
    assert list(encoder.get_feature_names_out()) == ["x", "c"]
    np.testing.assert_array_equal(encoder.transform(df)[:, 1], df["c"].astype(int) + 1)
    later = pd.DataFrame({"x": [0.0] * 3, "c": ["00", "unseen", None]})
    np.testing.assert_array_equal(encoder.transform(later)[:, 1], [1, 0, 0])
    assert encoder.layout.cardinalities == (13,)  # one for levels that are rare or not seen


def test_the_number_of_levels_decides_missing_included():
    df = pd.DataFrame({"c": list("abcd") * 5})
    gappy = pd.DataFrame({"c": [*"abcd", None] * 5})
    assert len(names(df, max_one_hot=4)) == 4
    assert names(gappy, max_one_hot=4) == ["c"]
    assert names(gappy, max_one_hot=5) == ["c_a", "c_b", "c_c", "c_d", "c_missing"]
    assert names(df, max_one_hot=0) == ["c"]


def test_missing_is_a_level_of_its_own():
    df = pd.DataFrame({"c": ["a", None, "b"] * 5})
    np.testing.assert_array_equal(encode(df)[:3], [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    codes = encode(df, pd.DataFrame({"c": ["a", "b", None, "new"]}), max_one_hot=0)
    np.testing.assert_array_equal(codes[:, 0], [1, 2, 3, 0])


def test_rare_levels_are_pooled_with_unseen_ones():
    df = pd.DataFrame({"c": ["a"] * 5 + ["b"] * 5 + ["c"] * 4 + ["d"]})
    encoder = TableEncoder().fit(df)
    assert encoder.levels_ == [["a", "b"]]
    assert list(encoder.get_feature_names_out()) == ["c_other", "c_a", "c_b"]
    later = pd.DataFrame({"c": ["a", "c", "d", "new", None]})
    np.testing.assert_array_equal(encoder.transform(later), [[0, 1, 0], *[[1, 0, 0]] * 4])
    assert TableEncoder(min_frequency=1).fit(df).levels_ == [["a", "b", "c", "d"]]


@pytest.mark.parametrize(
    "column",
    [pd.Series(["a"] * 6), pd.Series(list("abcdef")), pd.Series([None] * 6, dtype="str"), pd.Series(["", " "] * 3)],
    ids=["one level", "all rare", "all missing", "blanks"],
)
@pytest.mark.parametrize("max_one_hot", [8, 0])
def test_degenerate_categories(column, max_one_hot):
    df = pd.DataFrame({"c": column})
    later = pd.DataFrame({"c": ["a", "zz", None]})
    for z in (encode(df, max_one_hot=max_one_hot), encode(df, later, max_one_hot=max_one_hot)):
        assert z.shape[1] >= 1
        assert np.isfinite(z).all()


def test_unicode_and_bytes():
    df = pd.DataFrame({"u": ["ß", "日本", "\U0001f600", "e\u0301", "é"] * 5})
    assert TableEncoder().fit(df).levels_ == [sorted(set(df["u"]))]
    df = pd.DataFrame({"b": pd.Series([b"x", b"y", None] * 5, dtype=object)})
    np.testing.assert_array_equal(encode(df)[:3], [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    with pytest.raises(ValueError, match="column 'b' of X holds text but held bytes at fit"):
        encode(df, pd.DataFrame({"b": ["x"]}))


# ---------------------------------------------------------------- categories that are probably none

SUSPECT = {
    "integers": ([str(i) for i in range(60)], "text that reads as numbers, such as '0'"),
    "decimals": ([f"{i / 7:.3f}" for i in range(60)], "numbers, such as '0.000'"),
    "a comma": ([f"{i},5" for i in range(60)], "numbers, such as '0,5'"),
    "thousands": ([f"{i * 1234:,}" for i in range(60)], "reads as numbers"),
    "signs and exponents": ([f" -{i}.5e-3 " for i in range(60)], "reads as numbers"),
    "units": ([f"${i}.50" for i in range(30)] + [f"{i} %" for i in range(30)], "reads as numbers"),
    "some marks of missing": ([str(i) for i in range(58)] + ["n/a", "?"], "reads as numbers, such as '0'"),
    "numbers that repeat": ([str(i % 12) for i in range(60)], "reads as numbers, such as '0', and is taken for 12"),
    "dates": ([f"2020-01-{i % 30 + 1:02}" for i in range(60)], "reads as dates written as YYYY-MM-DD, and is taken"),
    "day or month first": ([f"{i % 12 + 1:02}/{i % 11 + 1:02}/2020" for i in range(60)],
                           "text that reads as dates, such as '01/01/2020'"),
    "dates but one": ([f"2020-01-{i % 30 + 1:02}" for i in range(59)] + ["2020-01-32"], "that reads as dates, such"),
    "times": ([f"{i % 28 + 1}.3.2021 12:00" for i in range(60)], "reads as dates"),
    "ids": ([f"id {i}" for i in range(60)], "has 60 different values in 60 rows: they single rows out"),
    "ids with gaps": ([f"id {i}" for i in range(40)] + [None] * 20, "has 40 different values in 40 rows"),
    "ids, some twice": ([f"id {i % 57}" for i in range(60)], "has 57 different values in 60 rows"),
    "all rare": ([f"id {i % 25}" for i in range(60)],
                 "has 25 different values in 60 rows, each in fewer than min_frequency=5: they count as one"),
    "unique codes": ([f"{i:05}" for i in range(60)], "has 60 different values in 60 rows"),
}  # fmt: skip


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("kind", SUSPECT)
def test_what_is_probably_no_category_is_told_by_name(kind, frame):
    values, text = SUSPECT[kind]
    X, y = frame({"x": np.arange(60.0), "k": values}), np.arange(60.0)
    message = "column 'k' of X .*" + re.escape(text)
    with pytest.warns(ColumnWarning, match=message) as told:
        TableEncoder().fit(X)
    assert len(told) == 1
    with pytest.warns(ColumnWarning, match=message):
        model = DLRegressor(max_iter=1, random_state=0).fit(X, y)
    model.predict(X)  # said once, at fit
    model.partial_fit(X, y)


@pytest.mark.parametrize(
    "values",
    [
        [str(i % 5) for i in range(60)],  # few levels: an indicator each
        [f"{i % 12:02}" for i in range(60)],  # leading zeros
        [f"{i % 12}a" for i in range(60)],
        [f"1.2.{i % 12}" for i in range(60)],  # versions
        [f"level {i % 12}" for i in range(60)],
        [f"id {i}" for i in range(19)],  # a small table
    ],
)
def test_what_may_well_be_a_category_is_not_told(values):
    TableEncoder().fit(pd.DataFrame({"k": values}))


def test_the_rows_that_are_too_few_follow_the_setting():
    X = pd.DataFrame({"k": [f"id {i % 1000}" for i in range(3000)]})
    with pytest.warns(ColumnWarning, match="each in fewer than min_frequency=5"):
        TableEncoder().fit(X)
    TableEncoder(min_frequency=3).fit(X)


def test_who_says_that_it_is_a_category_is_believed():
    X = pd.DataFrame({"k": [str(i % 12) for i in range(60)]})
    TableEncoder().fit(X.astype("category"))
    TableEncoder(categorical_features=["k"]).fit(X)
    with pytest.warns(ColumnWarning, match="column 'k' of X has 60 different values in 60 rows"):
        TableEncoder(categorical_features=["k"]).fit(pd.DataFrame({"k": np.arange(60)}))
    with pytest.warns(ColumnWarning, match="column 0 of X has 60 different values in 60 rows"):
        TableEncoder(categorical_features=[0]).fit(np.arange(60.0)[:, None])


def test_numbers_written_as_text_stay_text_and_the_warning_can_be_filtered():
    X = pd.DataFrame({"k": [str(i % 12) for i in range(60)]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ColumnWarning)
        encoder = TableEncoder().fit(X)
    np.testing.assert_array_equal(encoder.categorical_features_, [0])


# ---------------------------------------------------------------- the same values in columns of many types

TEXT = ["b", "a", None, "c", "a"] * 5
INTS = [3, 1, None, 10, 1] * 5
BOOLS = [True, False, None, True, True] * 5
FLOATS = [0.5, -2.0, None, 1e3, -2.0] * 5
OTHER_ORDER = ["c", "unused", "a", "b"]

AS_TEXT = {
    "object": lambda: pd.Series(TEXT, dtype=object),
    "str": lambda: pd.Series(TEXT),
    "string": lambda: pd.Series(TEXT, dtype="string"),
    "string[pyarrow]": lambda: pd.Series(TEXT, dtype="string[pyarrow]"),
    "ArrowDtype": lambda: pd.Series(TEXT, dtype=pd.ArrowDtype(pa.string())),
    "large_string": lambda: pd.Series(TEXT, dtype=pd.ArrowDtype(pa.large_string())),
    "dictionary": lambda: pd.Series(TEXT, dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
    "category": lambda: pd.Series(TEXT, dtype="category"),
    "other order": lambda: pd.Series(TEXT, dtype=pd.CategoricalDtype(OTHER_ORDER)),
    "ordered": lambda: pd.Series(TEXT, dtype=pd.CategoricalDtype(OTHER_ORDER, ordered=True)),
    "nan": lambda: pd.Series([np.nan if v is None else v for v in TEXT], dtype=object),
    "NA": lambda: pd.Series([pd.NA if v is None else v for v in TEXT], dtype=object),
    "String": lambda: pl.Series(TEXT),
    "Categorical": lambda: pl.Series(TEXT, dtype=pl.Categorical),
    "Enum": lambda: pl.Series(TEXT, dtype=pl.Enum(OTHER_ORDER)),
    "Object": lambda: pl.Series(TEXT, dtype=pl.Object),
}
AS_INTS = {
    "float64": lambda: pd.Series(INTS, dtype="float64"),
    "Int64": lambda: pd.Series(INTS, dtype="Int64"),
    "UInt8": lambda: pd.Series(INTS, dtype="UInt8"),
    "Float64": lambda: pd.Series(INTS, dtype="Float64"),
    "int64[pyarrow]": lambda: pd.Series(INTS, dtype="int64[pyarrow]"),
    "decimal[pyarrow]": lambda: pd.Series(INTS, dtype=pd.ArrowDtype(pa.decimal128(5))),
    "object": lambda: pd.Series(INTS, dtype=object),
    "Decimals": lambda: pd.Series([None if v is None else decimal.Decimal(v) for v in INTS], dtype=object),
    "Int64 of polars": lambda: pl.Series(INTS),
    "UInt16 of polars": lambda: pl.Series(INTS, dtype=pl.UInt16),
    "Float32 of polars": lambda: pl.Series(INTS, dtype=pl.Float32),
    "Decimal of polars": lambda: pl.Series([None if v is None else decimal.Decimal(v) for v in INTS]),
    "Object of polars": lambda: pl.Series(INTS, dtype=pl.Object),
}
AS_FLOATS = {
    "float64": lambda: pd.Series(FLOATS, dtype="float64"),
    "float32": lambda: pd.Series(FLOATS, dtype="float32"),
    "Float64": lambda: pd.Series(FLOATS, dtype="Float64"),
    "double[pyarrow]": lambda: pd.Series(FLOATS, dtype="double[pyarrow]"),
    "Float64 of polars": lambda: pl.Series(FLOATS),
    "NaN of polars": lambda: pl.Series([np.nan if v is None else v for v in FLOATS]),
}
AS_BOOLS = {
    "boolean": lambda: pd.Series(BOOLS, dtype="boolean"),
    "bool[pyarrow]": lambda: pd.Series(BOOLS, dtype="bool[pyarrow]"),
    "object": lambda: pd.Series(BOOLS, dtype=object),
    "Boolean": lambda: pl.Series(BOOLS),
}


def table(make):
    column = make()
    return pl.DataFrame({"c": column}) if isinstance(column, pl.Series) else pd.DataFrame({"c": column})


@pytest.mark.parametrize("kind", AS_TEXT)
@pytest.mark.parametrize("max_one_hot", [8, 0])
def test_text_of_any_type_gives_the_same_bits(kind, max_one_hot):
    df, plain = table(AS_TEXT[kind]), table(AS_TEXT["object"])
    encoder = TableEncoder(max_one_hot=max_one_hot).fit(df)
    assert encoder.levels_ == [["a", "b", "c"]]
    np.testing.assert_array_equal(encoder.transform(df), encode(plain, max_one_hot=max_one_hot))
    np.testing.assert_array_equal(encoder.transform(plain), encode(plain, max_one_hot=max_one_hot))


@pytest.mark.parametrize(
    ("makers", "kind"),
    [(makers, kind) for makers in (AS_INTS, AS_FLOATS, AS_BOOLS) for kind in makers],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_numbers_of_any_type_give_the_same_bits(makers, kind):
    df, plain = table(makers[kind]), table(next(iter(makers.values())))
    np.testing.assert_array_equal(encode(df), encode(plain))
    assert names(df) == ["c", "c_missing"]
    ours, others = (TableEncoder(categorical_features=[0]).fit(t) for t in (df, plain))  # the same values as levels
    assert ours.levels_ == others.levels_
    np.testing.assert_array_equal(ours.transform(df), others.transform(plain))
    np.testing.assert_array_equal(others.transform(df), others.transform(plain))


def test_numbers_as_categories_by_dtype():
    df = pd.DataFrame({"c": pd.Series([10, 9, 100] * 5, dtype="category")})
    assert TableEncoder().fit(df).levels_ == [[9, 10, 100]]  # by value, not by name
    assert names(df) == ["c_9", "c_10", "c_100"]


def test_whole_tables_of_pandas_and_polars_give_the_same_bits():
    df = mixed(100)
    other = pl.DataFrame({name: df[name].to_list() for name in df})
    for params in ({}, {"scaling": "standard"}, {"max_one_hot": 0}, {"max_one_hot": 99, "min_frequency": 1}):
        a, b = TableEncoder(**params).fit(df), TableEncoder(**params).fit(other)
        np.testing.assert_array_equal(a.transform(df), b.transform(other))
        np.testing.assert_array_equal(a.transform(other), b.transform(df))
        assert list(a.get_feature_names_out()) == list(b.get_feature_names_out())


def test_columns_that_hold_nothing_later():
    """A file without a value in a column is read as numbers by pandas and as text by polars."""
    numbers, text = pd.DataFrame({"c": [1.0, 2, 3]}), pd.DataFrame({"c": list("aab") * 5})
    for empty in (
        pd.DataFrame({"c": [np.nan]}),
        pd.DataFrame({"c": [None]}, dtype=object),
        pd.DataFrame({"c": [None]}, dtype="str"),
        pl.DataFrame({"c": [None]}),
        pl.DataFrame({"c": [None]}, schema={"c": pl.String}),
    ):
        np.testing.assert_array_equal(encode(numbers, empty), [[0]])
        np.testing.assert_array_equal(encode(text, empty), [[0]])


NOTHING = {
    "object": lambda: pd.Series([None] * 5, dtype=object),
    "float": lambda: pd.Series([np.nan] * 5),
    "Int64": lambda: pd.Series([pd.NA] * 5, dtype="Int64"),
    "boolean": lambda: pd.Series([pd.NA] * 5, dtype="boolean"),
    "str": lambda: pd.Series([None] * 5, dtype="str"),
    "category": lambda: pd.Series([None] * 5, dtype="category"),
    "null[pyarrow]": lambda: pd.Series([None] * 5, dtype=pd.ArrowDtype(pa.null())),
    "sparse": lambda: pd.Series(pd.arrays.SparseArray([np.nan] * 5)),
    "Null": lambda: pl.Series([None] * 5),
    "Float64": lambda: pl.Series([None] * 5, dtype=pl.Float64),
    "String": lambda: pl.Series([None] * 5, dtype=pl.String),
    "Object": lambda: pl.Series([None] * 5, dtype=pl.Object),
}


@pytest.mark.parametrize("kind", NOTHING)
def test_a_column_that_held_nothing_at_fit_is_of_no_kind_yet(kind):
    """A fold or a part of a file without a value in a column: whatever comes later counts as nothing."""
    encoder = TableEncoder().fit(table(NOTHING[kind]))
    assert len(encoder.get_feature_names_out()) == 1
    anything = ["text", 5.0, b"bytes", True, None, decimal.Decimal("1.5")]
    nothing = encoder.transform(table(NOTHING[kind]))[:1]
    for value in anything:
        for frame in (pd.DataFrame, pl.DataFrame):
            np.testing.assert_array_equal(encoder.transform(frame({"c": [value]})), nothing)
    if kind not in ("str", "category", "String"):
        np.testing.assert_array_equal(nothing, 0)
        np.testing.assert_array_equal(encoder.numeric_features_, [0])


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_folds_and_chunks_in_which_a_text_column_is_empty(frame):
    n = 60
    note = np.full(n, None, object)
    note[:5] = ["u", "v", "u", "v", "w"]
    X, y = frame({"a": np.arange(n) * 1.0, "note": note.tolist()}), np.arange(n) * 1.0
    model = DLRegressor(max_iter=3, random_state=0)
    scores = cross_val_score(model, X, y, cv=KFold(5), error_score="raise")
    assert np.isfinite(scores).all()
    validated = model.fit(X[10:], y[10:], X_val=X[:10], y_val=y[:10])
    assert np.isfinite(validated.predict(X)).all()
    stream = DLRegressor(random_state=0)
    for rows in (slice(30, 60), slice(0, 30), slice(30, 60)):
        stream.partial_fit(X[rows], y[rows])
    assert np.isfinite(stream.predict(X)).all()
    warm = DLRegressor(max_iter=2, warm_start=True, random_state=0).fit(X[30:], y[30:]).fit(X[:30], y[:30])
    assert np.isfinite(warm.predict(X)).all()


def test_an_empty_column_beside_others_changes_nothing_for_them():
    X = pd.DataFrame({"a": np.arange(30.0), "b": [None] * 30, "c": list("xyz") * 10, "d": [np.nan] * 30})
    encoder = TableEncoder().fit(X)
    later = X.assign(b="text", d=b"bytes")
    np.testing.assert_array_equal(encoder.transform(later), encoder.transform(X))
    with pytest.raises(ValueError, match="column 'a' of X holds text but held numbers at fit"):
        encoder.transform(X.assign(a="text"))


# ---------------------------------------------------------------- which columns are categories


def test_categorical_features_as_mask_indices_and_names():
    df = pd.DataFrame({"x": np.arange(15.0), "k": [1, 2, 3] * 5, "t": list("abc") * 5})
    by_dtype = TableEncoder().fit(df)
    np.testing.assert_array_equal(by_dtype.categorical_features_, [2])
    np.testing.assert_array_equal(by_dtype.numeric_features_, [0, 1])
    expected = encode(df, categorical_features=[False, True, True])
    assert expected.shape == (15, 7)
    for given in ([1, 2], [-2, -1], ["k", "t"], np.array([1, 2]), np.array([False, True, True]), pd.Index(["t", "k"])):
        encoder = TableEncoder(categorical_features=given).fit(df)
        np.testing.assert_array_equal(encoder.categorical_features_, [1, 2])
        np.testing.assert_array_equal(encoder.transform(df), expected)


def test_text_that_is_not_among_the_categorical_features_is_told():
    df = pd.DataFrame({"k": [1, 2, 3], "town": ["a", "b", "c"]})
    with pytest.raises(ValueError, match="column 'town' of X holds categories but is not among categorical_features"):
        TableEncoder(categorical_features=["k"]).fit(df)


def test_categories_in_an_array():
    X = np.c_[np.arange(20.0), np.tile([7.0, np.nan, 5.0, 7.0], 5)]
    encoder = TableEncoder(categorical_features=[1]).fit(X)
    assert encoder.levels_ == [[5.0, 7.0]]
    assert list(encoder.get_feature_names_out(["a", "b"])) == ["a", "b_5.0", "b_7.0", "b_missing"]
    np.testing.assert_array_equal(encoder.transform(X)[:3, 1:], [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    with pytest.raises(ValueError, match="got the name 'b', which X has not"):
        TableEncoder(categorical_features=["b"]).fit(X)


# ---------------------------------------------------------------- names and output


def test_names_and_set_output():
    df = mixed(300)
    encoder = TableEncoder().set_output(transform="pandas")
    out = encoder.fit_transform(df)
    assert isinstance(out, pd.DataFrame)
    assert list(out.columns[:3]) == ["number", "gappy", "gappy_missing"]
    assert {"few_a", "few_b", "few_missing"} < set(out.columns[3:-1])
    assert out.columns[-1] == "many"
    assert list(out.columns) == list(encoder.get_feature_names_out())
    assert list(out.index) == list(df.index)
    out = TableEncoder().set_output(transform="polars").fit_transform(df)
    assert isinstance(out, pl.DataFrame)
    np.testing.assert_array_equal(out.to_numpy(), encode(df))


def test_names_that_are_numbers():
    df = pd.DataFrame({0: [1.0, 2.0] * 5, 1: list("ab") * 5})
    assert names(df) == ["x0", "x1_b"]
    with pytest.raises(ValueError, match="column 1 of X holds numbers but held text at fit"):
        encode(df, pd.DataFrame({0: [1.0], 1: [1.0]}))


GAPPY = np.where(np.arange(90) % 5, np.arange(90.0), np.nan)
SAME_NAMES = {
    "an indicator and a number": (
        pd.DataFrame({"a": GAPPY, "a_missing": 1.0 * (np.arange(90) % 2)}),
        ["a", "a_missing", "a_missing_2"],
    ),
    "an indicator and codes": (
        pd.DataFrame({"a": GAPPY, "a_missing": [f"{i:02}" for i in range(15)] * 6}),
        ["a", "a_missing_2", "a_missing"],
    ),
    "the level missing": (pd.DataFrame({"k": ["missing", None, "x"] * 30}), ["k_missing", "k_x", "k_missing_2"]),
    "the level other": (
        pd.DataFrame({"k": ["other", "x", "y"] * 28 + list("qrstuv")}),
        ["k_other", "k_other_2", "k_x", "k_y"],
    ),
    "levels of two columns": (
        pd.DataFrame({"a": ["b_c", "z", "y"] * 30, "a_b": ["c", "d", "e"] * 30}),
        ["a_b_c", "a_y", "a_z", "a_b_c_2", "a_b_d", "a_b_e"],
    ),
    "the number that would be given": (
        pd.DataFrame({"a": GAPPY, "a_missing": GAPPY, "a_missing_2": 1.0}),
        ["a", "a_missing", "a_missing_2", "a_missing_3", "a_missing_missing"],
    ),
    "three": (
        pd.DataFrame({"k": ["missing", None, "missing_2"] * 30, "k_missing": ["2", "3", "4"] * 30}),
        ["k_missing", "k_missing_2", "k_missing_5", "k_missing_2_2", "k_missing_3", "k_missing_4"],
    ),
}


@pytest.mark.parametrize("case", SAME_NAMES)
def test_no_two_encoded_columns_have_the_same_name(case):
    X, expected = SAME_NAMES[case]
    encoder = TableEncoder().fit(X)
    assert len(set(expected)) == len(expected)
    assert list(encoder.get_feature_names_out()) == expected
    for library in ("pandas", "polars"):
        assert list(encoder.set_output(transform=library).transform(X).columns) == expected
    behind = make_pipeline(TableEncoder().set_output(transform="pandas"), DLRegressor(max_iter=1, random_state=0))
    assert behind.fit(X, np.arange(90.0)).predict(X).shape == (90,)
    columns = ColumnTransformer([("table", TableEncoder(), list(X))], verbose_feature_names_out=False)
    assert list(columns.set_output(transform="pandas").fit_transform(X).columns) == expected


# ---------------------------------------------------------------- the layout, and kinds of columns


def test_the_layout_says_where_each_encoded_column_comes_from():
    df = mixed(300)[["many", "few", "gappy", "number"]]
    encoder = TableEncoder(embedding_size=3).fit(df)
    layout = encoder.layout
    labels = ("_other", "_a", "_b", "_c", "_missing")
    assert layout.spans == (
        Span(2, NUMBER, 1, ("",)),
        Span(3, NUMBER, 1, ("",)),
        Span(2, MISSING, 1, ("_missing",)),
        Span(1, ONE_HOT, 5, labels),
        Span(0, CODES, 3, ("",), 21),
    )
    assert (layout.n_numbers, layout.n_numeric, layout.embedding_size, layout.sparse) == (2, 8, 3, False)
    assert layout.chunks == (1, 1, 1, 5, 3)
    assert layout.cardinalities == (21,)
    np.testing.assert_array_equal(layout.origins, [2, 3, 2, *[1] * 5, *[0] * 3])
    assert layout.names(list(df)) == list(encoder.get_feature_names_out())
    assert layout.names(list(df)) == ["gappy", "number", "gappy_missing", *(f"few{label}" for label in labels), "many"]


def test_the_layout_of_a_table_that_nobody_encodes():
    layout = Layout.plain(3)
    assert (layout.n_numbers, layout.n_numeric, layout.embedding_size, layout.cardinalities) == (3, 3, 0, ())
    assert layout.chunks == (1, 1, 1)
    np.testing.assert_array_equal(layout.origins, [0, 1, 2])
    assert layout.names(["a", "b", "c"]) == ["a", "b", "c"]
    X = sparse.random_array((9, 3), density=0.5, random_state=rng, format="csr")
    assert TableEncoder(max_dense=2).fit(X).layout == Layout.plain(3, sparse=True)


def test_there_is_no_layout_before_fit():
    with pytest.raises(NotFittedError):
        _ = TableEncoder().layout


class Points(Part):
    """Columns of complex numbers: both coordinates and the quarter of the plane."""

    def __init__(self, columns, embedding_size):
        self.columns, self.embedding_size = columns, embedding_size

    @classmethod
    def claims(cls, series):
        return str(series.dtype).startswith("complex")

    @classmethod
    def learn(cls, X, columns, weight, index, settings):
        return cls(columns, settings["embedding_size"])

    @property
    def spans(self):
        numbers = [Span(i, "coordinates", 2, ("_re", "_im")) for i in self.columns.tolist()]
        return numbers + [Span(i, CODES, self.embedding_size, ("_quarter",), 5) for i in self.columns.tolist()]

    def encode(self, X, out):
        codes = []
        for j, i in enumerate(self.columns.tolist()):
            z = X.iloc[:, i].to_numpy()
            if z.dtype.kind != "c":
                raise ValueError(f"column {names_of(X)[i]!r} of X holds no points.")
            out[:, 2 * j], out[:, 2 * j + 1] = z.real, z.imag
            codes.append(1 + (z.real > 0) + 2 * (z.imag > 0))
        return codes

    def middle(self, out):
        out[...] = 0
        return [np.arange(1, 5) for _ in self.columns]

    def random_rows(self, rng, out):
        out[...] = rng.standard_normal(out.shape)
        return [rng.integers(1, 5, len(out)) for _ in self.columns]


def test_a_kind_of_column_is_a_class_and_a_line_in_the_table_of_kinds(monkeypatch):
    n = 300
    df = mixed(n).assign(point=rng.normal(size=n) + 1j * rng.normal(size=n))[["point", "many", "few", "number"]]
    with pytest.raises(ValueError, match="column 'point' of X has dtype complex128; make it numbers"):
        TableEncoder().fit(df)
    plain = TableEncoder().fit(df.drop(columns="point"))
    monkeypatch.setitem(table_encoder.KINDS, "point", Points)
    encoder = TableEncoder().fit(df)
    few = [name for name in plain.get_feature_names_out() if name.startswith("few_")]
    names = ["number", *few, "point_re", "point_im", "many", "point_quarter"]
    assert list(encoder.get_feature_names_out()) == names
    out = encoder.set_output(transform="pandas").transform(df)
    np.testing.assert_array_equal(out[list(plain.get_feature_names_out())], plain.transform(df.drop(columns="point")))
    np.testing.assert_array_equal(out["point_re"] + 1j * out["point_im"], df["point"])
    assert set(out["point_quarter"]) == {1, 2, 3, 4}
    assert encoder.layout.chunks == (1, len(few), 2, 8, 8)
    np.testing.assert_array_equal(encoder.numeric_features_, [3])
    with pytest.raises(ValueError, match="column 'point' of X holds no points"):
        encoder.transform(df.assign(point=1.0))
    network = DLRegressor(
        random_state=0, max_iter=30, n_members=2, numeric_embedding="periodic", hidden_layer_sizes=(32,)
    )
    model = pickle.loads(pickle.dumps(network.fit(df, df["point"].to_numpy().imag)))
    found = integrated_gradients(model, df[:20])
    np.testing.assert_allclose(found.residual, 0, atol=0.02)
    assert list(found.feature_names) == list(df)
    assert found.importance().argmax() == 0
    assert attribution_importance(model).argmax() == 0


# ---------------------------------------------------------------- sparse


MAKE = [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, sparse.csc_array, sparse.coo_array]
WIDE = {"max_dense": 0}  # however few columns: encoded as a wide table


@pytest.mark.parametrize("make", MAKE)
@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_a_sparse_table_of_few_columns_is_the_dense_one(make, scaling, monkeypatch):
    dense = np.where(rng.random((90, 6)) < 0.3, rng.normal(5, 2, (90, 6)), 0) * [1, 1e5, 1e-5, 0, 1, 1]
    dense[:, 4:] = dense[:, 4:] > 5
    for made in (2**23, 200):  # all columns at once, two at a time
        monkeypatch.setattr("sklearn_dl.encoding.scaling.MADE", made)
        encoder, of_dense = (TableEncoder(scaling=scaling).fit(X) for X in (make(dense), dense))
        assert encoder.layout == of_dense.layout
        np.testing.assert_array_equal(encoder.transform(make(dense)), of_dense.transform(dense))
        np.testing.assert_array_equal(encoder.transform(dense), of_dense.transform(make(dense)))


def test_a_wide_sparse_table_stays_sparse():
    X = sparse.random_array((30, 513), density=0.1, random_state=rng, format="csr")
    assert sparse.issparse(encode(X))
    assert not sparse.issparse(encode(X[:, :512]))
    assert not sparse.issparse(encode(X, max_dense=513))


@pytest.mark.parametrize("make", MAKE)
def test_wide_sparse_columns_have_one_unit_and_keep_their_zeros(make):
    dense = np.where(rng.random((400, 5)) < [0.5, 0.3, 0.2, 0.02, 0], rng.normal(5, 1, (400, 5)), 0)
    out = encode(make(dense), **WIDE)
    assert sparse.issparse(out)
    assert out.format == "csr"
    factor = encode(make(dense), dense, **WIDE)[:, 0].max() / dense[:, 0].max()
    np.testing.assert_allclose(out.toarray(), dense * factor, rtol=1e-12)  # a rare column counts as a frequent one
    np.testing.assert_allclose(factor * np.sqrt(np.mean(dense[dense > 0] ** 2)), 1, rtol=0.1)
    np.testing.assert_array_equal(encode(make(dense), dense, **WIDE), out.toarray())
    flags = (dense > 0).astype(float)
    np.testing.assert_array_equal(encode(make(flags), **WIDE).toarray(), flags)


def test_wide_sparse_columns_of_other_units_are_brought_near():
    dense = np.where(rng.random((400, 6)) < 0.3, rng.normal(5, 1, (400, 6)), 0)
    units = np.array([1, 1, 1, 1, 1e6, 1e-6])
    z = encode(sparse.csr_array(dense * units), **WIDE).toarray()
    size = [np.sqrt(np.mean(x[x > 0] ** 2)) for x in z.T]
    np.testing.assert_allclose(size, [1, 1, 1, 1, 4, 0.25], rtol=0.1)


def test_categories_of_a_sparse_table_are_told():
    X = sparse.random_array((30, 3), density=0.4, random_state=rng, format="csr")
    frame = pd.DataFrame.sparse.from_spmatrix(X, columns=list("abc"))
    for table_, given in (
        (X, [0]),
        (X.tocoo(), [True, False, False]),
        (frame, np.array([1])),
        (frame, [frame.columns[0]]),
    ):
        with pytest.raises(ValueError, match="categorical_features must be 'from_dtype' for a sparse table"):
            TableEncoder(categorical_features=given).fit(table_)
    np.testing.assert_array_equal(encode(X, categorical_features=[]), encode(X))


@pytest.mark.parametrize("params", [WIDE, {}], ids=str)
def test_sparse_weights(params):
    X = sparse.random_array((40, 5), density=0.4, random_state=rng, format="csr")
    times = rng.integers(0, 4, 40)
    weighted = TableEncoder(**params).fit(X, sample_weight=times)
    np.testing.assert_allclose(
        weighted.scale_, TableEncoder(**params).fit(X[np.repeat(np.arange(40), times)]).scale_, rtol=1e-12
    )


@pytest.mark.parametrize("largest", [1e308, 1e200, 1e-200, 1e-307])
@pytest.mark.parametrize("params", [WIDE, {}], ids=str)
def test_sparse_huge_and_tiny_numbers(largest, params):
    def encoded(fit_on, X):
        out = encode(sparse.csr_array(fit_on), sparse.csr_array(X), **params)
        return out.toarray() if sparse.issparse(out) else out

    unit = np.array([[1.0, 0], [0, 1], [0.5, -1], [-1, 0]])
    np.testing.assert_allclose(encoded(unit * largest, unit * largest), encoded(unit, unit), rtol=1e-13)
    assert np.isfinite(encoded(unit * 1e-300, unit * 1e300)).all()


def test_a_constant_sparse_column_is_zero_as_in_a_dense_table():
    X = sparse.csr_array(np.c_[np.full(1000, 0.1), np.zeros(1000), np.arange(1000.0)])
    encoder = TableEncoder(**WIDE).fit(X)
    np.testing.assert_array_equal(encoder.scale_[:2], 0)
    np.testing.assert_array_equal(encoder.transform(sparse.csr_array([[0.1, 1e300, 0]])).toarray(), 0)


# ---------------------------------------------------------------- columns of two values


@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_columns_of_two_values_come_last_and_are_no_numbers_to_embed(scaling):
    n = 80
    X = np.c_[
        rng.random(n) < 0.5, rng.normal(size=n), np.where(rng.random(n) < 0.2, -7, 3), np.arange(n) % 3, np.ones(n)
    ]
    X[:9, [1, 2]] = np.nan
    encoder = TableEncoder(scaling=scaling).fit(X)
    assert [(span.origin, span.kind) for span in encoder.layout.spans] == [
        *((j, NUMBER) for j in (1, 3, 4)),
        *((j, TWO_VALUED) for j in (0, 2)),
        *((j, MISSING) for j in (1, 2)),
    ]
    assert list(encoder.get_feature_names_out()) == ["x1", "x3", "x4", "x0", "x2", "x1_missing", "x2_missing"]
    z = encoder.transform(X)
    for i, column in enumerate((1, 3, 4, 0, 2)):
        alone = TableEncoder(scaling=scaling).fit(X[:, [column]]).transform(X[:, [column]])
        np.testing.assert_array_equal(z[:, i], alone[:, 0])
    np.testing.assert_array_equal(z[:, 5:], np.isnan(X[:, [1, 2]]))
    np.testing.assert_array_equal(encoder.numeric_features_, np.arange(5))  # told in the order of the table
    assert encoder.scale_[4] == 0
    np.testing.assert_array_equal(encoder.missing_features_, [1, 2])


def test_few_rows_do_not_tell_that_there_are_two_values_only():
    X = np.arange(63.0)[:, None] % 2
    assert TableEncoder().fit(X).layout.n_numbers == 1
    assert TableEncoder().fit(X, sample_weight=np.where(X[:, 0], 1, 2)).layout.n_numbers == 0  # as many rows twice
    assert TableEncoder().fit(np.vstack((X, X))).layout.n_numbers == 0


def test_sparse_with_gaps_is_refused():
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match="X is sparse and contains NaN or infinity"):
            TableEncoder().fit(sparse.csr_array([[1.0, value], [0, 0]]))


def test_a_frame_of_sparse_columns_is_a_sparse_table():
    X = sparse.random_array((30, 3), density=0.4, random_state=rng, format="csr")
    df = pd.DataFrame.sparse.from_spmatrix(X, columns=list("abc"))
    np.testing.assert_array_equal(encode(df, **WIDE).toarray(), encode(X, **WIDE).toarray())
    np.testing.assert_array_equal(encode(df), encode(X.toarray()))
    one = pd.DataFrame({"a": df["a"], "b": X.toarray()[:, 1]})  # one sparse column is a column of numbers
    np.testing.assert_array_equal(encode(one), encode(X.toarray()[:, :2]))


# ---------------------------------------------------------------- what is refused, and how

N = 6
REFUSED = {
    "lists": (pd.Series([[1, 2]] * N), "lists, dicts or other nested values"),
    "dicts": (pd.Series([{"a": 1}] * N), "lists, dicts or other nested values"),
    "arrays": (pd.Series([np.zeros(2)] * N), "lists, dicts or other nested values"),
    "tuples": (pd.Series([(1, 2)] * N), "values of type tuple; make them numbers, dates or text"),
    "mixed": (pd.Series(["a", 1] * 3, dtype=object), "mixes numbers and text; make it one type"),
    "mixed bytes": (pd.Series(["a", b"a"] * 3, dtype=object), "mixes bytes and text; make it one type"),
    "complex": (pd.Series([1j] * N), "dtype complex128; make it numbers, dates, text or categories"),
    "complex objects": (pd.Series([1j] * N, dtype=object), "values of type complex; make them numbers, dates or text"),
    "interval": (pd.Series(pd.interval_range(0, N)), r"dtype interval\[int64, right\]; make it numbers, dates, text"),
    "cut": (pd.Series(pd.cut(np.arange(N), 2)), "values of type Interval; make them numbers, dates or text"),
    "objects": (pd.Series([object() for _ in range(N)]), "values of type object; make them numbers, dates or text"),
    "huge int": (pd.Series([10**400] * N, dtype=object), "cannot be turned into floating-point numbers: int too large"),
    "List": (pl.Series([[1, 2]] * N), r"dtype List\(Int64\); make it numbers"),
    "Array": (pl.Series([[1, 2]] * N, dtype=pl.Array(pl.Int64, 2)), "dtype Array.*; make it numbers"),
    "Struct": (pl.Series([{"a": 1}] * N), "dtype Struct.*; make it numbers"),
    "arrays of polars": (pl.Series([np.zeros(2)] * N, dtype=pl.Object), "lists, dicts or other nested values"),
}


BY_VALUE = "holds values of type|lists, dicts|mixes"  # in a column of categories the values tell


@pytest.mark.parametrize("kind", REFUSED)
def test_columns_that_are_refused_by_name_at_fit_and_later(kind):
    column, text = REFUSED[kind]
    make = pl.DataFrame if isinstance(column, pl.Series) else pd.DataFrame
    df = make({"fine": np.arange(N), "odd one": column})
    with pytest.raises(ValueError, match=f"^column 'odd one' of X .*{text}.*\\.$"):
        TableEncoder().fit(df)
    numbers, words = np.arange(float(N)), list("ab") * 3
    for before in (numbers, words):
        encoder = TableEncoder(min_frequency=1).fit(make({"fine": np.arange(N), "odd one": before}))
        if kind == "huge int" and before is words:
            text = "holds numbers but held text at fit"
        with pytest.raises(ValueError, match=f"^column 'odd one' of X .*({text}|{BY_VALUE}).*\\.$"):
            encoder.transform(df)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_another_type_than_at_fit_is_told(make):
    numbers, text = make({"a": [1.0, 2.0, 3.0]}), make({"a": ["1", "2", "3"]})
    with pytest.raises(ValueError, match=r"^column 'a' of X holds text but held numbers at fit\.$"):
        encode(numbers, text)  # text that reads as numbers is text
    with pytest.raises(ValueError, match=r"^column 'a' of X holds numbers but held text at fit\.$"):
        encode(text, numbers, min_frequency=1)
    with pytest.raises(ValueError, match="column 'a' of X holds numbers but held text at fit"):
        encode(text, numbers)  # also where all levels were rare
    as_categories = pd.DataFrame({"a": pd.Series([1.0, 2.0, 3.0], dtype="category")})
    np.testing.assert_array_equal(encode(numbers, as_categories), encode(numbers))


def test_columns_that_are_missing_added_or_in_another_order():
    df = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    encoder = TableEncoder(min_frequency=1).fit(df)
    with pytest.raises(ValueError, match=r"(?s)seen at fit time, yet now missing.*- b"):
        encoder.transform(df[["a"]])
    with pytest.raises(ValueError, match=r"(?s)unseen at fit time.*- c"):
        encoder.transform(df.assign(c=1))
    with pytest.raises(ValueError, match="must be in the same order"):
        encoder.transform(df[["b", "a"]])
    with pytest.raises(ValueError, match="X has 3 features, but TableEncoder is expecting 2 features"):
        TableEncoder().fit(np.ones((3, 2))).transform(np.ones((3, 3)))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_tables_without_rows_or_columns(make):
    for empty in (make({"a": []}), make()):
        with pytest.raises(ValueError, match=r"(?s)at least one row and one column; got a DataFrame of shape"):
            TableEncoder().fit(empty)


def test_what_is_no_table():
    with pytest.raises(TypeError, match=r"X is a LazyFrame, which is not computed yet; pass X\.collect\(\)\."):
        TableEncoder().fit(pl.LazyFrame({"a": [1.0]}))
    with pytest.raises(ValueError, match="X has more than one column named 'a'; rename them"):
        TableEncoder().fit(pd.DataFrame(np.eye(3), columns=list("aab")))
    for text in (np.array([["a", 1], ["b", 2]], dtype=object), np.array([["a"], ["b"]]), [["a"], ["b"]]):
        with pytest.raises(ValueError, match=r"^an array must hold numbers .*'a'.*; pass text .* in a DataFrame\.$"):
            TableEncoder().fit(text)
    with pytest.raises(ValueError, match=r"an array must hold numbers .*int too large"):
        TableEncoder().fit([[10**400]])
    np.testing.assert_array_equal(encode(np.array([[1, None], [2, 3]], dtype=object))[:, 2], [1, 0])


@pytest.mark.filterwarnings("ignore::sklearn_dl.encoding.ColumnWarning")
def test_the_table_is_not_written_to():
    df = mixed(50)
    before = df.copy()
    TableEncoder().fit_transform(df)
    pd.testing.assert_frame_equal(df, before)
    for X in (rng.normal(size=(9, 2)), sparse.random_array((9, 2), density=0.5, random_state=rng, format="csr")):
        kept = X.copy()
        data = X.data if sparse.issparse(X) else X
        data.flags.writeable = False
        encode(X)
        assert abs(X - kept).max() == 0
