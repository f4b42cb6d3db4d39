"""Random tables: a fit ends in a model with finite predictions, or in an error that says what to do; nothing else.

An error is clear where it is a ValueError or TypeError raised in this package, with a sentence as message, or in
scikit-learn's validation; never in the depths of NumPy, pandas or polars. Warnings are errors: of NumPy none may come.

SKLEARN_DL_FUZZ_EXAMPLES sets the number of tables: 600, always the same ones, take ten seconds, and CI asks for 2000;
with more, they are drawn anew at each run.
"""

from __future__ import annotations

import datetime
import os
import traceback
import warnings
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import sklearn
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import sklearn_dl
from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.encoding import ColumnWarning, TableEncoder

EXAMPLES = int(os.environ.get("SKLEARN_DL_FUZZ_EXAMPLES", "600"))
HOMES = [str(Path(package.__file__).parent) for package in (sklearn_dl, sklearn)]

# ---------------------------------------------------------------- one column, as a list of values

EXTREMES = [0.0, -0.0, 1e308, -1.7e308, 1e-310, 5e-324, 1e200, -1e-200, 2.0**53, 1e15 + 0.3]
NUMBERS = st.one_of(st.floats(-1e3, 1e3, width=32), st.sampled_from(EXTREMES), st.floats(allow_nan=False, width=64))
FINITE = NUMBERS.filter(np.isfinite)
SMALL_INTS = st.integers(-5, 5)
TEXT = st.one_of(
    st.sampled_from(["a", "b", "", " ", "nan", "1", "日本", "é", "e\u0301", "\U0001f600"]), st.text(max_size=3)
)
DATES = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))
ANY_DATES = st.one_of(DATES, st.sampled_from([datetime.datetime.min, datetime.datetime.max]), st.datetimes())
ZONES = [datetime.UTC, datetime.timezone(datetime.timedelta(hours=9)), ZoneInfo("Europe/Berlin")]
ZONED = st.one_of(ANY_DATES, DATES, DATES).flatmap(lambda d: st.sampled_from([d.replace(tzinfo=z) for z in ZONES]))
LONG = datetime.timedelta(days=90_000)  # nanoseconds hold no more than 106 751 days
SPANS = st.one_of(st.timedeltas(-LONG, LONG), st.sampled_from([datetime.timedelta(0), LONG]))
WRITTEN = st.one_of(
    DATES.map(datetime.datetime.isoformat), DATES.map(lambda d: f"{d:%Y-%m-%d}"), DATES.map(lambda d: f"{d:%d/%m/%Y}")
)
SAID = st.one_of(st.sampled_from(["the", "old", "house", "é\u0301x", "\U0001f600", "\0"]), st.text(max_size=9))
SENTENCES = st.lists(SAID, max_size=9).map(" ".join)
MIXED = st.one_of(SMALL_INTS, TEXT, st.binary(max_size=2), st.booleans(), st.none(), DATES)
NESTED = st.one_of(
    st.lists(SMALL_INTS, max_size=2), st.dictionaries(TEXT, SMALL_INTS, max_size=1), st.tuples(SMALL_INTS)
)
MISSING = st.just(None)


def gappy(values):
    return st.one_of(values, values, values, MISSING)


# kind of column -> values; the first ones are drawn most often
KINDS = {
    "float": FINITE,
    "gappy float": gappy(FINITE),
    "int": SMALL_INTS,
    "text": TEXT,
    "gappy text": gappy(TEXT),
    "bool": st.booleans(),
    "gappy bool": gappy(st.booleans()),
    "gappy int": gappy(SMALL_INTS),
    "big int": st.integers(-(2**63), 2**63 - 1),
    "constant": st.just(3.5),
    "constant text": st.just("one"),
    "missing": MISSING,
    "sentences": gappy(SENTENCES),
    "infinite": st.one_of(FINITE, st.sampled_from([np.inf, -np.inf])),
    "bytes": gappy(st.binary(max_size=2)),
    "date": gappy(DATES),
    "any date": gappy(ANY_DATES),
    "day": gappy(st.dates()),
    "zoned date": gappy(DATES.map(lambda d: d.replace(tzinfo=ZONES[2]))),
    "mixed zones": gappy(st.one_of(ZONED, ZONED, ZONED, DATES)),
    "time": gappy(st.times()),
    "duration": gappy(SPANS),
    "written date": gappy(WRITTEN),
    "iso date": gappy(DATES.map(datetime.datetime.isoformat)),
    "mixed": MIXED,
    "nested": NESTED,
    "complex": st.complex_numbers(allow_nan=False, allow_infinity=False),
}
ORDINARY = [*list(KINDS)[:12], "date", "iso date", "zoned date"]
DTYPES = {
    "float": ["float64", "float32", "Float64", "object", ">f8", "Sparse[float64]"],
    "gappy float": ["float64", "Float64", "object", "double[pyarrow]", "Sparse[float64]"],
    "int": ["int64", "int8", "Int64", "category", "object", "int64[pyarrow]", ">i4", "float16", "Sparse[int64]"],
    "gappy int": ["Int64", "float64", "category", "object"],
    "text": ["object", "str", "category", "string", "string[pyarrow]"],
    "gappy text": ["object", "str", "category", "string", "string[pyarrow]"],
    "constant text": ["object", "str", "category"],
    "bool": ["bool", "boolean", "object", "category", "bool[pyarrow]", "Sparse[bool]"],
    "gappy bool": ["boolean", "object", "category"],
    "missing": ["object", "float64", "category", "Int64", "str", "boolean"],
    "date": ["datetime64[us]", "object", "category", "datetime64[s]", "timestamp[us][pyarrow]", "str"],
    "any date": ["datetime64[us]", "object", "category"],
    "zoned date": ["datetime64[us, Europe/Berlin]", "object", "category"],
    "duration": ["timedelta64[us]", "object", "category"],
    "written date": ["object", "str", "category"],
    "iso date": ["object", "str", "category"],
}


def with_na(X):
    return np.array([[pd.NA if v != v else v for v in row] for row in X.tolist()], dtype=object).reshape(X.shape)


def twice(X):
    """The same numbers, each the sum of two entries."""
    X = sparse.coo_array(X)
    return sparse.coo_array(
        (np.r_[X.data, np.zeros_like(X.data)], (np.tile(X.row, 2), np.tile(X.col, 2))), shape=X.shape
    )


def sparse_frame(X):
    return pd.DataFrame({f"c{i}": pd.arrays.SparseArray(x, fill_value=0.0) for i, x in enumerate(X.T)})


ARRAYS = [
    lambda X: X,
    lambda X: X.astype(object),
    np.asfortranarray,
    lambda X: X.astype(">f8"),
    with_na,
    np.ma.masked_invalid,
    lambda X: np.ma.masked_invalid(X).astype(object),
    lambda X: X.tolist(),
]
SPARSE = [sparse.csr_array, sparse.csc_matrix, sparse.lil_array, sparse.dok_array, twice, sparse_frame]


def to_pandas(values, dtype):
    with np.errstate(over="ignore"):  # float32 of a large number: the test's own doing
        return pd.Series(values, dtype=dtype)


def to_polars(values, kind):
    dtype = pl.Object if kind in ("mixed", "nested", "complex", "mixed zones") else None
    return pl.Series(values, dtype=dtype, strict=False)


@st.composite
def schemas(draw):
    """Kinds and names of the columns, and the library."""
    library = draw(st.sampled_from(["pandas", "pandas", "pandas", "polars", "array", "sparse"]))
    kinds = (
        st.sampled_from(ORDINARY * 4 + list(KINDS))
        if library in ("pandas", "polars")
        else st.sampled_from(["float", "gappy float", "int", "bool", "constant", "missing", "infinite", "float"])
    )
    kinds = draw(st.lists(kinds, min_size=draw(st.sampled_from([1, 1, 1, 0])), max_size=5))
    plain = [f"c{i}" for i in range(len(kinds))]
    names = draw(st.sampled_from([plain] * 6 + [["same"] * len(kinds), ["", "ß", "日本", "a b", "x.y"][: len(kinds)]]))
    dtypes = [draw(st.sampled_from(DTYPES.get(kind, ["object"]))) for kind in kinds]
    return library, kinds, names, dtypes


@st.composite
def rows(draw, schema, smallest):
    library, kinds, names, dtypes = schema
    n = draw(st.one_of(st.integers(smallest, 4), st.integers(smallest, 25)))
    columns = []
    for kind in kinds:  # few distinct values, each drawn anew from them, so that levels repeat
        pool = draw(st.lists(KINDS[kind], min_size=1, max_size=25 if kind == "sentences" else 12))
        columns.append([pool[i] for i in draw(st.lists(st.integers(0, len(pool) - 1), min_size=n, max_size=n))])
    if library == "pandas":
        series = [to_pandas(v, t) for v, t in zip(columns, dtypes, strict=True)]
        df = pd.concat(series, axis=1) if series else pd.DataFrame(index=range(n))
        return df.set_axis(names, axis=1)
    if library == "polars":
        if len(set(names)) < len(names):
            names = [f"c{i}" for i in range(len(kinds))]
        df = pl.DataFrame([to_polars(v, k).alias(m) for v, k, m in zip(columns, kinds, names, strict=True)])
        through_arrow = draw(st.booleans()) and pl.Object not in df.dtypes
        return df.to_arrow() if through_arrow else df
    X = np.array([[np.nan if v is None else float(v) for v in column] for column in columns]).T.reshape(n, len(kinds))
    if library == "array":
        return draw(st.sampled_from(ARRAYS))(X)
    return draw(st.sampled_from(SPARSE))(X)


@st.composite
def cases(draw):
    schema = draw(schemas())
    X = draw(rows(schema, draw(st.sampled_from([1, 1, 1, 0]))))
    n = n_rows(X)
    later_schema = schema if draw(st.integers(0, 4)) else draw(schemas())
    encoder = TableEncoder(
        scaling=draw(st.sampled_from(["robust", "standard"])),
        max_one_hot=draw(st.sampled_from([8, 2, 0])),
        min_frequency=draw(st.sampled_from([5, 1])),
        embedding_size=2,
    )
    if draw(st.booleans()):
        y = np.array(draw(st.lists(st.sampled_from(["yes", "no", "perhaps"]), min_size=n, max_size=n)), dtype=object)
        estimator = DLClassifier(dtype="float64")
    else:
        factor = draw(st.sampled_from([1.0, 1.0, 1e150, 1e-150]))
        y = np.array(draw(st.lists(st.floats(-100, 100), min_size=n, max_size=n))) * factor
        estimator = DLRegressor(dtype=draw(st.sampled_from(["float32", "float64"])))
    estimator.set_params(hidden_layer_sizes=(5,), max_iter=2, random_state=0, encoder=encoder)
    weight = draw(st.sampled_from([None, None, np.arange(n) % 3 + 0.5, np.arange(n) % 2]))
    return estimator, X, y, weight, draw(rows(later_schema, 1))


# ---------------------------------------------------------------- the verdict


def is_clear(error):
    """Whether an error was raised where users are expected, with a sentence."""
    if not isinstance(error, (ValueError, TypeError)) or not str(error).strip():
        return False
    raised_in = traceback.extract_tb(error.__traceback__)[-1].filename
    ours, scikit_learns = (raised_in.startswith(home + os.sep) for home in HOMES)
    return scikit_learns or (ours and str(error).endswith("."))


def n_rows(X):
    return len(X) if isinstance(X, list) else X.shape[0]


def attempt(step, *args, **kwargs):
    """What a step gives, or None where it ends in a clear error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # a table without names where there were some, and the reverse: scikit-learn tells and goes on
        warnings.simplefilter("ignore", ColumnWarning)  # told by name, and gone on with
        warnings.simplefilter("ignore", ConvergenceWarning)  # numbers that no network can learn by, and it says so
        warnings.filterwarnings("ignore", message="X (does not have valid|has) feature names", category=UserWarning)
        try:
            return step(*args, **kwargs)
        except Exception as error:
            if not is_clear(error):
                raise
            event(f"refused: {type(error).__name__}")
            return None


@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 2000, suppress_health_check=list(HealthCheck))
@given(cases())
def test_a_model_with_finite_predictions_or_a_clear_error(case):
    estimator, X, y, weight, later = case
    fitted = attempt(estimator.fit, X, y, sample_weight=weight)
    if fitted is None:
        assert not estimator.__sklearn_is_fitted__()
        return
    event(f"fitted: {type(estimator).__name__} on {type(X).__name__}")
    for table in (X, later):
        predict = getattr(fitted, "predict_proba", fitted.predict)
        predicted = attempt(predict, table)
        fitted_on_all = table is X and (weight is None or weight.all())
        assert predicted is not None or not fitted_on_all
        if predicted is not None:
            assert len(predicted) == n_rows(table)
            assert np.isfinite(predicted).all()
        encoded = attempt(fitted.encoder_.transform, table)
        if encoded is not None:
            assert np.isfinite(encoded.data if sparse.issparse(encoded) else encoded).all()
            assert encoded.shape[1] == len(fitted.encoder_.get_feature_names_out())


@settings(
    max_examples=EXAMPLES // 10, deadline=None, derandomize=EXAMPLES <= 2000, suppress_health_check=list(HealthCheck)
)
@given(cases(), st.integers(1, 8))
def test_a_table_in_chunks(case, n_first):
    """What one chunk holds must not decide what another may hold; classes are those of all rows."""
    estimator, X, y, _, _ = case
    if isinstance(X, list) or not 0 < n_first < n_rows(X) or estimator.__sklearn_is_fitted__():
        return
    if attempt(clone(estimator).fit, X, y) is None:
        return
    classes = {"classes": np.unique(y)} if isinstance(estimator, DLClassifier) else {}
    X = X.tocsr() if sparse.issparse(X) else X
    for chunk in (slice(0, n_first), slice(n_first, None)):
        rows = X.iloc[chunk] if hasattr(X, "iloc") else X[chunk]
        if attempt(estimator.partial_fit, rows, y[chunk], **classes) is None:
            return
    event("in chunks")
    assert np.isfinite(getattr(estimator, "predict_proba", estimator.predict)(X)).all()
