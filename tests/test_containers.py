"""What may hold a table: masked arrays, arrays of objects, sparse matrices and frames, types of columns, width."""

from __future__ import annotations

import datetime
import decimal
import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._data import rows_of
from sklearn_dl.encoding import TableEncoder

QUICK = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
N = 60
A, B = np.arange(N) % 7 * 1.0, np.arange(N) * 1.0


def predicted(X, later=None, **params):
    return DLRegressor(**QUICK, **params).fit(X, B).predict(X if later is None else later)


# ---------------------------------------------------------------- masked arrays


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ">f8", "int64", "int8", "uint64", "bool", "object"])
def test_what_is_masked_is_missing(dtype):
    plain, mask = np.c_[A, B % 5].astype(dtype), np.c_[A == 2, B % 5 == 9]
    masked = np.ma.array(plain, mask=mask)
    gaps = np.where(mask, np.nan, plain.astype(np.float64))
    encoder = TableEncoder().fit(masked)
    np.testing.assert_array_equal(encoder.missing_features_, [0])
    np.testing.assert_array_equal(encoder.transform(masked), TableEncoder().fit(gaps).transform(gaps))
    np.testing.assert_array_equal(encoder.transform(np.ma.array(plain)), encoder.transform(plain.astype(np.float64)))
    np.testing.assert_array_equal(predicted(masked), predicted(gaps))
    with pytest.raises(ValueError, match="column 0 of X contains NaN, in row 2: encoder=None takes finite numbers"):
        predicted(masked, encoder=None)


def test_a_mask_that_covers_infinity_and_one_that_covers_nothing():
    wild = np.ma.masked_invalid(np.c_[np.where(A == 2, np.inf, A), B])
    np.testing.assert_array_equal(predicted(wild), predicted(np.c_[np.where(A == 2, np.nan, A), B]))
    np.testing.assert_array_equal(
        predicted(np.ma.array(np.c_[A, B]), encoder=None), predicted(np.c_[A, B], encoder=None)
    )


@pytest.mark.parametrize("estimator", [DLClassifier, DLRegressor])
def test_masked_targets_and_weights_are_told(estimator):
    X, y = np.c_[A, B], A.astype(int)
    model = estimator(**QUICK)
    with pytest.raises(ValueError, match=r"^y contains 9 masked \(missing\) values; leave such rows out\.$"):
        model.fit(X, np.ma.masked_equal(y, 2))
    with pytest.raises(ValueError, match=r"^sample_weight contains 9 masked"):
        model.fit(X, y, sample_weight=np.ma.masked_equal(A + 1, 3))
    with pytest.raises(ValueError, match=r"validation set .* y contains 9 masked"):
        model.fit(X, y, X_val=X, y_val=np.ma.masked_equal(y, 2))
    with pytest.raises(ValueError, match=r"^y contains 9 masked"):
        model.partial_fit(X, np.ma.masked_equal(y, 2))
    with pytest.raises(ValueError, match=r"^sample_weight contains 9 masked"):
        TableEncoder().fit(X, sample_weight=np.ma.masked_equal(A + 1, 3))
    with pytest.raises(ValueError, match=r"^y contains 1 masked"):
        model.fit(X[:2], [np.ma.array([1, 2], mask=[False, True]), np.ma.array([1, 2])])
    unmasked = model.fit(X, np.ma.array(y), sample_weight=np.ma.array(A + 1)).predict(X)
    np.testing.assert_array_equal(unmasked, model.fit(X, y, sample_weight=A + 1).predict(X))


@pytest.mark.parametrize("container", [list, tuple])
def test_rows_in_a_list_keep_their_masks(container):
    masked = np.ma.array(np.c_[A, B], mask=np.c_[A == 2, B % 5 == 9])
    np.testing.assert_array_equal(predicted(container(masked)), predicted(masked))
    mixed = container([masked[0].filled(), *masked[1:]])
    np.testing.assert_array_equal(predicted(mixed), predicted(masked))
    with pytest.raises(ValueError, match=r"each row as long as the others"):
        predicted(container([masked[0][:1], *masked[1:]]))


@pytest.mark.parametrize("estimator", [DLClassifier, DLRegressor])
@pytest.mark.filterwarnings("error")
def test_missing_targets_are_told_by_score(estimator):
    X, y = np.c_[A, B], A.astype(int)
    model = estimator(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match=r"^y contains 9 masked \(missing\) values; leave such rows out\.$"):
        model.score(X, np.ma.masked_equal(y, 2))
    for gaps in (np.where(y == 2, np.nan, y), pd.Series(y, dtype="Int64").mask(y == 2), pd.array([None, *y[1:]])):
        with pytest.raises(ValueError, match=r"^y contains .*\(missing\).*; leave such rows out\.$"):
            model.score(X, gaps)
    assert model.score(X, np.ma.array(y)) == model.score(X, y)


# ---------------------------------------------------------------- arrays of objects, and lists

MISSING = {"None": None, "NaN": np.nan, "NA": pd.NA, "NaT": pd.NaT, "Decimal": decimal.Decimal("NaN")}


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("make", [lambda rows: np.array(rows, object), list])
def test_any_mark_of_missing_in_an_array_of_objects(missing, make):
    rows = [[MISSING[missing] if a == 2 else a, b] for a, b in zip(A, B, strict=True)]
    np.testing.assert_array_equal(predicted(make(rows)), predicted(np.c_[np.where(A == 2, np.nan, A), B]))


def test_numbers_of_any_type_in_an_array_of_objects():
    kinds = [int, float, np.float32, np.int8, decimal.Decimal, str, np.bool_]
    for kind in kinds:
        x = (A > 3) * 1
        X = np.array([[kind(v), 1.5] for v in x.tolist()], object)
        np.testing.assert_array_equal(predicted(X), predicted(np.c_[x, np.full(N, 1.5)]))


def test_nullable_columns_handed_on_as_objects():
    df = pd.DataFrame({"a": pd.array([pd.NA, *range(N - 1)], dtype="Int64"), "b": A})
    np.testing.assert_array_equal(predicted(df.to_numpy(object)), predicted(df))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (pd.Timestamp("2020"), "column 0 of X mixes dates and numbers; make it one type"),
        (np.datetime64("2020"), "column 0 of X mixes dates and numbers"),
        (datetime.time(3), "column 0 of X mixes numbers and times"),
        (datetime.timedelta(3), "column 0 of X mixes durations and numbers"),
        (1j, "column 0 of X holds values of type complex; make them numbers"),
        ("a", "column 0 of X mixes numbers and text; make it one type"),
        (b"a", "column 0 of X mixes bytes and numbers"),
        (10**400, "an array must hold numbers .*int too large"),
        ([1, 2], r"column 0 of X holds \[1, 2\], but an argument must be a string or a number"),
    ],
)
@pytest.mark.parametrize("encoder", ["auto", None])
def test_what_else_an_array_of_objects_may_hold_is_told_by_column(value, text, encoder):
    X = np.full((N, 2), 1.0, object)
    X[3, 0] = value
    with pytest.raises((ValueError, TypeError), match=text):
        DLRegressor(**QUICK, encoder=encoder).fit(X, B)


@pytest.mark.parametrize(
    ("X", "text"),
    [
        ([{"a": 1.0}] * N, r"^X is a list of dicts; pass pandas\.DataFrame\(X\)\.$"),
        ({"a": [1.0] * N}, r"^X is a dict; pass pandas\.DataFrame\(X\)\.$"),
        (
            pa.record_batch({"a": A}),
            r"^X is a RecordBatch of pyarrow; pass X\.to_pandas\(\) or polars\.from_arrow\(X\)\.$",
        ),
        (np.array([(1, 2.0)] * N, dtype="i4,f8"), r"^X is a structured array; pass pandas\.DataFrame\(X\)\.$"),
        ([[1.0, 2.0]] * (N - 1) + [[1.0]], r"^X must be a table of numbers, each row as long as the others \("),
    ],
    ids=["dicts", "dict", "RecordBatch", "structured", "ragged"],
)
def test_other_containers_are_told_with_what_to_do(X, text):
    for encoder in ("auto", None):
        with pytest.raises((TypeError, ValueError), match=text):
            predicted(X, encoder=encoder)
        with pytest.raises((TypeError, ValueError), match=text):
            predicted(np.c_[A], X, encoder=encoder)


def test_a_table_that_is_not_computed_yet():
    class Later:
        columns, dtypes, shape = ["a"], [np.dtype(float)], (N, 1)

        def compute(self):
            return None

    with pytest.raises(TypeError, match=r"^X is a Later of .*, which is not computed yet; pass X\.compute\(\)\.$"):
        predicted(Later())


# ---------------------------------------------------------------- sparse

DENSE = np.c_[A * (A > 3), B, A * 0, A > 4]


def untidy(dtype=np.float64):
    """The same numbers with duplicates, explicit zeros and places out of order."""
    rows, columns = np.nonzero(np.ones_like(DENSE))
    order = np.random.default_rng(0).permutation(2 * len(rows))
    values, twice = DENSE[rows, columns].astype(dtype), np.tile(np.arange(len(rows)), 2)[order]
    first = np.isin(np.arange(2 * len(rows)), np.unique(twice, return_index=True)[1])
    data = np.where(first, values[twice] - 2, 2).astype(dtype)
    by_row = np.argsort(rows[twice], kind="stable")
    indptr = np.r_[0, np.cumsum(np.bincount(rows[twice], minlength=N))]
    X = sparse.csr_array((data[by_row], columns[twice][by_row], indptr), shape=DENSE.shape)
    assert not X.has_canonical_format
    np.testing.assert_array_equal(X.toarray(), DENSE)
    return X


def by_columns(X):
    """Its transpose's rows are a CSC matrix's columns: duplicates stay."""
    X = X.tocoo(copy=True)
    order = np.argsort(X.col, kind="stable")
    indptr = np.r_[0, np.cumsum(np.bincount(X.col, minlength=X.shape[1]))]
    return sparse.csc_array((X.data[order], X.row[order], indptr), shape=X.shape)


SPARSE = {
    "csr": lambda: sparse.csr_array(DENSE),
    "csc": lambda: sparse.csc_array(DENSE),
    "coo": lambda: untidy().tocoo(),
    "dok": lambda: sparse.dok_array(DENSE),
    "lil": lambda: sparse.lil_matrix(DENSE),
    "bsr": lambda: sparse.bsr_array(DENSE),
    "int": lambda: sparse.csr_array(DENSE.astype(int)),
    "float32": lambda: sparse.csr_array(DENSE.astype(np.float32)),
    "longdouble": lambda: sparse.csr_array(DENSE.astype(np.longdouble)),
    "duplicates": untidy,
    "int duplicates": lambda: untidy(int),
    "duplicates by column": lambda: by_columns(untidy()),
    "frame": lambda: pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(DENSE)),
    "frame of types": lambda: pd.DataFrame({
        i: pd.arrays.SparseArray(x.astype(t), fill_value=np.dtype(t).type(0))
        for i, (x, t) in enumerate(zip(DENSE.T, ("f4", "i8", "u1", bool), strict=True))
    }),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPARSE)
@pytest.mark.parametrize("encoder", ["auto", None])
def test_sparse_containers_of_the_same_numbers_are_the_same_table(kind, encoder):
    X, plain = SPARSE[kind](), sparse.csr_array(DENSE)
    kept = X.copy()
    model = DLRegressor(**QUICK, encoder=encoder, dtype="float64").fit(X, B)
    expected = DLRegressor(**QUICK, encoder=encoder, dtype="float64").fit(plain, B)
    np.testing.assert_allclose(model.predict(X), expected.predict(plain), rtol=1e-12)
    np.testing.assert_allclose(expected.predict(X), expected.predict(plain), rtol=1e-12)
    if encoder is not None:
        np.testing.assert_array_equal(model.encoder_.scale_, expected.encoder_.scale_)
    if sparse.issparse(X):
        assert abs(X - kept).nnz == 0
        assert X.nnz == kept.nnz  # the user's own matrix is not tidied up


@pytest.mark.parametrize("dtype", ["bool", "int", "float", "float32"])
def test_sparse_dummies(dtype):
    X = pd.get_dummies(pd.Series(list("abcdef") * 10), sparse=True).astype(
        pd.SparseDtype(dtype, np.dtype(dtype).type(0))
    )
    plain = sparse.csr_array(X.sparse.to_coo().astype(float))
    for encoder in ("auto", None):
        np.testing.assert_allclose(predicted(X, encoder=encoder), predicted(plain, encoder=encoder), rtol=1e-6)
    mixed = X.assign(b=B, c=list("xy") * 30)
    dense = X.astype("float64").assign(b=B, c=list("xy") * 30)
    np.testing.assert_allclose(predicted(mixed), predicted(dense), rtol=1e-12)
    np.testing.assert_allclose(predicted(mixed[["a", "b"]], encoder=None), predicted(dense[["a", "b"]], encoder=None))


@pytest.mark.parametrize(
    ("values", "fill"),
    [(A, 1.0), (A, np.nan), (np.where(A == 3, np.nan, A), np.nan), (A > 3, True), (A.astype(int), 5), (A, np.inf)],
)
def test_sparse_columns_that_leave_out_other_values_than_zeros(values, fill):
    X = pd.DataFrame({"a": pd.arrays.SparseArray(values, fill_value=fill), "b": pd.arrays.SparseArray(B)})
    dense = pd.DataFrame({"a": values, "b": B})
    np.testing.assert_array_equal(predicted(X), predicted(dense))


def test_sparse_columns_of_text_and_of_dates():
    text = np.array(list("ab") * 30, object)
    X = pd.DataFrame({"a": pd.arrays.SparseArray(text), "b": B})
    np.testing.assert_array_equal(predicted(X), predicted(pd.DataFrame({"a": text, "b": B})))
    dates = np.datetime64("2020", "s") + 86_400 * np.arange(N)
    X = pd.DataFrame({"a": pd.arrays.SparseArray(dates)})
    np.testing.assert_array_equal(predicted(X), predicted(pd.DataFrame({"a": dates})))


# ---------------------------------------------------------------- types of columns

NUMBERS = [
    *(t for t in ("float64", "float32", "float16", "longdouble", ">f8", ">f4", ">i4", "int8", "uint64", "bool")),
    *("Int64", "UInt8", "Float32", "Float64", "boolean", "object"),
    *("double[pyarrow]", "float[pyarrow]", "halffloat[pyarrow]", "int64[pyarrow]", "uint8[pyarrow]", "bool[pyarrow]"),
]


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("encoder", ["auto", None])
def test_what_a_column_is_follows_from_its_type_and_not_from_the_name_of_it(dtype, encoder):
    x = (A > 3) * 1.0 if "bool" in dtype else A
    series = pd.Series(x).astype("float16") if dtype.startswith("half") else pd.Series(x != 0 if "bool" in dtype else x)
    X, plain = pd.DataFrame({"a": series.astype(dtype), "b": B}), pd.DataFrame({"a": x, "b": B})
    np.testing.assert_array_equal(predicted(X, encoder=encoder), predicted(plain, encoder=encoder))


def decimals(x):
    return [decimal.Decimal(str(v)) for v in x]


def arrow(values, kind):
    return pd.Series(values, dtype=pd.ArrowDtype(kind))


FRAMES = {
    "Decimals": lambda x: pd.DataFrame({"a": pd.Series(decimals(x), dtype=object), "b": B}),
    "decimal128": lambda x: pd.DataFrame({"a": arrow(decimals(x), pa.decimal128(9, 2)), "b": B}),
    "decimal256": lambda x: pd.DataFrame({"a": arrow(decimals(x), pa.decimal256(9, 2)), "b": B}),
    "polars": lambda x: pl.DataFrame({"a": x, "b": B}),
    "polars Float32": lambda x: pl.DataFrame({"a": pl.Series(x, dtype=pl.Float32), "b": B}),
    "polars Int128": lambda x: pl.DataFrame({"a": pl.Series(x.astype(int), dtype=pl.Int128), "b": B}),
    "polars Decimal": lambda x: pl.DataFrame({"a": pl.Series(decimals(x)), "b": B}),
    "polars Object": lambda x: pl.DataFrame({"a": pl.Series(decimals(x), dtype=pl.Object), "b": B}),
}  # fmt: skip


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("encoder", ["auto", None])
def test_decimals_and_types_of_polars_are_numbers(kind, encoder):
    plain = pd.DataFrame({"a": A, "b": B})
    np.testing.assert_array_equal(predicted(FRAMES[kind](A), encoder=encoder), predicted(plain, encoder=encoder))


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("make", [pd.Series, pl.Series])
def test_any_mark_of_missing_in_a_column_of_objects(missing, make):
    values = [MISSING[missing] if a == 2 else a for a in A]
    frame = pd.DataFrame if make is pd.Series else pl.DataFrame
    X = frame({"a": make(values, dtype=object if make is pd.Series else pl.Object)})
    np.testing.assert_array_equal(predicted(X), predicted(np.where(A == 2, np.nan, A)[:, None]))


def test_names_of_types_that_look_like_others():
    """A category called by a number's name, a struct that begins like text, a dictionary of numbers."""
    dictionary = pd.ArrowDtype(pa.dictionary(pa.int32(), pa.int64()))
    levels = pa.array((A % 3).astype(int)).dictionary_encode()
    X = pd.DataFrame({"a": pd.Series(pd.arrays.ArrowExtensionArray(levels), dtype=dictionary)})
    np.testing.assert_array_equal(TableEncoder().fit(X).categorical_features_, [0])
    view = pd.DataFrame({"a": pd.Series(list("xyz") * 20).astype(pd.ArrowDtype(pa.string_view()))})
    np.testing.assert_array_equal(TableEncoder().fit(view).categorical_features_, [0])
    for nested in (
        pd.DataFrame({"a": pd.Series([{"x": 1}] * N, dtype=pd.ArrowDtype(pa.struct([("x", pa.int64())])))}),
        pd.DataFrame({"a": pd.Series([[1]] * N, dtype=pd.ArrowDtype(pa.list_(pa.int64())))}),
        pl.DataFrame({"a": [{"x": 1}] * N}),
        pl.DataFrame({"a": [[1]] * N}),
    ):
        with pytest.raises(ValueError, match=r"column 'a' of X has dtype .*; make it numbers, dates, text or c"):
            TableEncoder().fit(nested)


# ---------------------------------------------------------------- tables that are wide


def least_time(step):
    """Seconds of this process alone: what else the machine does hardly matters."""
    times = []
    for _ in range(3):
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    return min(times)


def times_of(X):
    encoder = TableEncoder(min_frequency=1)
    chosen = TableEncoder(categorical_features=list(X.columns) if hasattr(X, "columns") else range(X.shape[1]))
    steps = [lambda: encoder.fit(X), lambda: encoder.transform(X[:1]), encoder.get_feature_names_out]
    if X.shape[0] < 100 and not hasattr(X, "sparse"):
        steps.append(lambda: chosen.fit(X))
    return [least_time(step) for step in steps]


def wide(kind, d):
    names, rows = [f"c{i}" for i in range(d)], np.random.default_rng(0).integers(0, 5, (20, d)) * 1.0
    if kind == "array":
        return rows
    if kind == "columns":  # of pandas, each in memory of its own
        return pd.DataFrame(dict(zip(names, rows.T, strict=True)))
    if kind == "nullable":
        return pd.DataFrame(rows, columns=names).astype("Float64")
    if kind == "text":
        return pd.DataFrame(np.where(rows > 2, "u", "v"), columns=names)
    if kind == "sparse":
        return pd.DataFrame(np.where(rows > 0, rows, 0), columns=names).astype(pd.SparseDtype(float, 0))
    return pl.DataFrame(rows, schema=names) if kind == "polars" else pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize("kind", ["array", "frame"])
def test_time_grows_no_faster_than_the_rows(kind):
    def table_of(n):
        x, k = np.arange(n, dtype=float), np.arange(n) % 12
        return np.c_[x, k] if kind == "array" else pd.DataFrame({"x": x, "k": [f"level {i}" for i in k]})

    short, long = (times_of(table_of(n)) for n in (20_000, 160_000))
    assert max(b / (a + 2e-3) for a, b in zip(short, long, strict=True)) < 24


@pytest.mark.parametrize("kind", ["pandas", "columns", "nullable", "text", "sparse", "polars", "array"])
def test_time_grows_no_faster_than_the_columns(kind):
    """8 times the columns take about 8 times as long, where the square would be 64."""
    narrow, long = (times_of(wide(kind, d)) for d in (100, 800))
    assert max(b / (a + 2e-3) for a, b in zip(narrow, long, strict=True)) < 24


def test_a_row_of_a_wide_frame_is_taken_at_once(monkeypatch):
    """Numbers of NumPy's types are not taken column by column: that is ten times as slow."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 50)), columns=[f"c{i}" for i in range(50)])
    encoder = TableEncoder().fit(X.assign(t="x"))
    taken = []
    ilocs = pd.DataFrame.iloc.fget
    monkeypatch.setattr(pd.DataFrame, "iloc", property(lambda self: taken.append(1) or ilocs(self)))
    encoder.transform(X.assign(t="x"))
    assert len(taken) < 10


def test_rows_of_another_byte_order_beside_categories():
    frame = pd.DataFrame({"a": np.arange(4, dtype=">f8"), "b": pd.Categorical(list("xyxy"))})
    some = rows_of(frame, np.array([2, 0]))
    assert some["a"].tolist() == [2.0, 0.0]
    assert some["b"].tolist() == ["x", "x"]


def test_categories_of_another_byte_order():
    plain = pd.DataFrame({"a": np.arange(N) % 5, "b": B})
    encoder = TableEncoder(categorical_features=["a"])
    other = plain.astype({"a": ">i8"})
    np.testing.assert_array_equal(encoder.fit_transform(other), encoder.fit_transform(plain))


def test_integers_beyond_those_of_floats_in_a_table_of_arrow():
    ids = [2**53 + 1 + 3 * i for i in range(N)]
    plain = pd.DataFrame({"a": np.array(ids), "b": B})
    np.testing.assert_array_equal(predicted(pa.table({"a": ids, "b": B})), predicted(plain))
