"""The estimators on tables as they come: gaps, text, categories, sparse, targets of every kind."""

from __future__ import annotations

import copy
import math
import pickle
import re
import runpy
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.encoding import ColumnWarning, TableEncoder

BOTH = (DLClassifier, DLRegressor)
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
TOWNS = [f"town {i:02}" for i in range(12)]


def raw_table(n, seed=0, towns=TOWNS):
    """Numbers of several scales with gaps, text, a category of many levels, an ordered one, booleans."""
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(
        {
            "income": np.exp(rng.normal(10, 1, n)),
            "age": rng.integers(18, 90, n),
            "score": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "town": rng.choice(towns, n),
            "colour": rng.choice(["red", "green", "blue", None], n),
            "size": pd.Categorical(rng.choice(["S", "M", "L"], n), categories=["S", "M", "L"], ordered=True),
            "member": rng.random(n) < 0.5,
        }
    )
    effect = np.array([3.0 * (i * 7 % 10 > 4) for i in range(len(towns))])[df["town"].map(towns.index)]
    y = effect + (df["colour"] == "red") - np.log(df["income"]) / 2 + df["member"] + df["score"].isna()
    return df, y.to_numpy() + 0.1 * rng.normal(size=n)


def polars_of(df):
    plain = {name: [getattr(v, "to_pytimedelta", lambda v=v: v)() for v in df[name].to_list()] for name in df}
    return pl.DataFrame({name: [None if v != v else v for v in values] for name, values in plain.items()})


def target(estimator, y):
    return np.where(y > np.median(y), "high", "low") if estimator is DLClassifier else y


def outcome(model, X):
    return model.predict_proba(X) if isinstance(model, DLClassifier) else model.predict(X)


df, y = raw_table(300)
later, _ = raw_table(50, seed=1)

# ---------------------------------------------------------------- a table as it comes


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("make", [pd.DataFrame, polars_of])
def test_a_raw_table_is_learnt(estimator, make):
    X, t = raw_table(1500)
    t = target(estimator, t)
    model = estimator(random_state=0, max_iter=60).fit(make(X[:1000]), t[:1000])
    assert model.score(make(X[1000:]), t[1000:]) > 0.9
    assert model.n_features_in_ == 7
    assert list(model.feature_names_in_) == list(X.columns)
    assert np.isfinite(outcome(model, make(X))).all()


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("encoder", ["auto", TableEncoder(scaling="standard"), TableEncoder(max_one_hot=0)])
def test_pandas_and_polars_predict_the_same_bits(estimator, encoder):
    t = target(estimator, y)
    reordered = df.assign(size=df["size"].cat.reorder_categories(["L", "S", "M"]))
    expected = outcome(estimator(**QUICK, encoder=encoder).fit(df, t), later)
    for train, test in ((polars_of(df), polars_of(later)), (reordered, later), (df, polars_of(later))):
        np.testing.assert_array_equal(outcome(estimator(**QUICK, encoder=encoder).fit(train, t), test), expected)


@pytest.mark.parametrize("estimator", BOTH)
def test_the_encoder_of_a_model_says_what_it_did(estimator):
    model = estimator(**QUICK).fit(df, target(estimator, y))
    names = list(model.encoder_.get_feature_names_out())
    assert names[:4] == ["income", "age", "score", "member"]
    assert names[4:] == ["score_missing", *(f"colour_{c}" for c in ("blue", "green", "red", "missing")),
                         "size_L", "size_M", "size_S", "town"]  # fmt: skip
    assert model.encoder_.transform(later).shape == (50, len(names))
    assert model.encoder_.layout.cardinalities == (13,)
    with pytest.raises(ValueError, match="must be in the same order"):
        model.encoder_.transform(df[df.columns[::-1]])


def test_a_category_of_many_levels_is_learnt_by_embeddings():
    rng = np.random.default_rng(0)
    levels = np.array([f"id {i}" for i in range(100)])
    effect = rng.normal(size=100)
    which = rng.integers(0, 100, 4000)
    X, t = pd.DataFrame({"id": levels[which]}), effect[which]
    model = DLRegressor(random_state=0, max_iter=30).fit(X[:3000], t[:3000])
    assert model.encoder_.layout.cardinalities == (101,)
    assert model.score(X[3000:], t[3000:]) > 0.95
    classifier = DLClassifier(random_state=0, max_iter=30).fit(X[:3000], t[:3000] > 0)
    assert classifier.score(X[3000:], t[3000:] > 0) > 0.95
    one_hot = DLRegressor(random_state=0, max_iter=30, encoder=TableEncoder(max_one_hot=200)).fit(X[:3000], t[:3000])
    assert one_hot.score(X[3000:], t[3000:]) > 0.95


@pytest.mark.parametrize("estimator", BOTH)
def test_levels_not_seen_in_training(estimator):
    model = estimator(**QUICK).fit(df, target(estimator, y))
    strange = later.assign(town="Atlantis", colour="ultraviolet")
    assert np.isfinite(outcome(model, strange)).all()
    other = later.assign(town="El Dorado", colour="infrared")
    np.testing.assert_array_equal(outcome(model, strange), outcome(model, other))  # all that is unseen is one level
    gone = later.assign(town=None, score=np.nan, income=np.nan)
    assert np.isfinite(outcome(model, gone)).all()


def test_the_embedding_of_unseen_levels_begins_neutral():
    model = DLRegressor(**QUICK, n_members=1).fit(df, y)
    table = model.network_.views()[0].table
    np.testing.assert_array_equal(table[0], 0)  # no town was rare: nothing was learnt about such
    assert (table[1:] != 0).any(axis=1).all()


def test_encoder_none_takes_finite_numbers_only():
    for estimator in BOTH:
        t = target(estimator, y)
        with pytest.raises(ValueError, match=r"could not convert string to float|dtype"):
            estimator(**QUICK, encoder=None).fit(df, t)
        with pytest.raises(ValueError, match="contains NaN"):
            estimator(**QUICK, encoder=None).fit(df[["income", "score"]], t)
        model = estimator(**QUICK, encoder=None).fit(df[["age", "member"]], t)
        assert model.encoder_ is None
        assert not model.__sklearn_tags__().input_tags.allow_nan


# ---------------------------------------------------------------- in scikit-learn's tools


def test_grid_search_reaches_the_encoder():
    search = GridSearchCV(
        DLRegressor(**QUICK, encoder=TableEncoder()),
        {"encoder__max_one_hot": [0, 50], "encoder__scaling": ["robust", "standard"]},
        cv=KFold(2),
        error_score="raise",
    ).fit(df, y)
    assert len(set(search.cv_results_["mean_test_score"])) == 4
    assert search.best_estimator_.encoder_.max_one_hot == search.best_params_["encoder__max_one_hot"]
    with pytest.raises(ValueError, match=r"encoder=TableEncoder\(\), which stands for the same, to search encoder__"):
        DLRegressor().set_params(encoder__max_one_hot=3)


@pytest.mark.parametrize("make", [pd.DataFrame, polars_of])
@pytest.mark.parametrize("estimator", BOTH)
def test_cross_validation_and_pipelines(estimator, make):
    t = target(estimator, y)
    folds = StratifiedKFold(3) if estimator is DLClassifier else KFold(3)
    scores = cross_val_score(estimator(random_state=0, max_iter=100), make(df), t, cv=folds, error_score="raise")
    assert scores.mean() > 0.5
    model = make_pipeline(FunctionTransformer(), estimator(**QUICK)).fit(make(df), t)
    np.testing.assert_array_equal(model.predict(make(later)), estimator(**QUICK).fit(make(df), t).predict(make(later)))


@pytest.mark.parametrize("estimator", BOTH)
def test_pickles_and_copies_predict_the_same_bits(estimator):
    model = estimator(**QUICK).fit(df, target(estimator, y))
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(outcome(other, later), outcome(model, later))
    assert len(pickle.dumps(model)) < 8 * len(model.network_.values) + 20_000  # without the table
    with pytest.raises(NotFittedError):
        clone(model).predict(later)


# ---------------------------------------------------------------- columns that are not those of fit


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_durations_stay_durations(make):
    waits = pd.to_timedelta(np.arange(40), unit="s")
    encoder = TableEncoder().fit(make({"n": np.arange(40), "wait": waits}))
    same = encoder.transform(make({"n": np.arange(40), "wait": waits.astype("timedelta64[ms]")}))
    assert np.array_equal(same, encoder.transform(make({"n": np.arange(40), "wait": waits})))
    with pytest.raises(ValueError, match=r"^column 'wait' of X holds numbers but held durations at fit\.$"):
        encoder.transform(make({"n": np.arange(40), "wait": np.arange(40)}))
    missing = encoder.transform(make({"n": np.arange(40), "wait": np.full(40, np.nan)}))
    assert np.array_equal(missing[:, 1], np.zeros(40))


@pytest.mark.parametrize("kind", ["number", "date", "category", "text"])
@pytest.mark.parametrize("nothing", [None, np.nan])
def test_a_column_of_which_all_is_missing_may_be_told_to_be_anything(kind, nothing):
    table = pd.DataFrame({"a": np.arange(30.0), "b": [nothing] * 30})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ColumnWarning)  # such text tells nothing
        encoder = TableEncoder(kinds={"b": kind}).fit(table)
    assert encoder.kinds_ == ["number", kind]
    assert np.isfinite(encoder.transform(table)).all()


@pytest.mark.parametrize("make", [pd.DataFrame, polars_of])
@pytest.mark.parametrize("estimator", BOTH)
def test_other_columns_than_at_fit_are_named(estimator, make):
    model = estimator(**QUICK).fit(make(df), target(estimator, y))
    with pytest.raises(ValueError, match=r"(?s)now missing.*- age"):
        model.predict(make(df.drop(columns="age")))
    with pytest.raises(ValueError, match=r"(?s)unseen at fit.*- extra"):
        model.predict(make(df.assign(extra=1)))
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(make(df[df.columns[::-1]]))
    with pytest.raises(ValueError, match="column 'age' of X holds text but held numbers at fit"):
        model.predict(make(df.assign(age="old")))
    with pytest.raises(ValueError, match="column 'town' of X holds numbers but held text at fit"):
        model.predict(make(df.assign(town=5)))
    with pytest.raises(ValueError, match="column 'age' of X holds dates or times but held numbers at fit"):
        model.predict(make(df.assign(age=pd.Timestamp("2020-01-01"))))
    with pytest.raises(ValueError, match=r"^column 'age' of X holds durations but held numbers at fit\.$"):
        model.predict(make(df.assign(age=pd.Timedelta("1s"))))
    with pytest.raises(ValueError, match="column 'income' of X contains infinity"):
        model.predict(make(df.assign(income=np.inf)))
    with pytest.raises(ValueError, match="column 'town' of X holds dates but held text at fit"):
        model.predict(make(df.assign(town=pd.Timestamp("2020-01-01"))))


def test_a_failed_fit_leaves_the_model_as_it_was():
    model = DLRegressor(**QUICK).fit(df, y)
    expected = model.predict(later)
    for broken in (df.assign(age=np.inf), df.assign(town=[[1]] * len(df)), df.assign(town=[1, "a"] * (len(df) // 2))):
        with pytest.raises(ValueError, match="column"):
            model.fit(broken, y)
    np.testing.assert_array_equal(model.predict(later), expected)


# ---------------------------------------------------------------- early stopping, going on, weights


@pytest.mark.parametrize("make", [pd.DataFrame, polars_of])
@pytest.mark.parametrize("estimator", BOTH)
def test_early_stopping_holds_out_rows_of_a_frame(estimator, make):
    t = target(estimator, y)
    model = estimator(**QUICK | {"max_iter": 5, "n_members": 1}, early_stopping=True, scoring=None).fit(make(df), t)
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 5
    assert np.isfinite(model.validation_loss_curve_).all()


@pytest.mark.parametrize("make", [pd.DataFrame, polars_of])
@pytest.mark.parametrize("estimator", BOTH)
def test_a_validation_set_as_a_frame(estimator, make):
    t = target(estimator, y)
    model = estimator(**QUICK).fit(make(df[:200]), t[:200], X_val=make(df[200:]), y_val=t[200:])
    assert len(model.validation_loss_curve_) == model.n_iter_
    with pytest.raises(ValueError, match=r"(?s)unseen at fit time"):
        estimator(**QUICK).fit(df[:200], t[:200], X_val=df[200:].rename(columns={"age": "years"}), y_val=t[200:])


@pytest.mark.parametrize("make", [pd.DataFrame, polars_of])
@pytest.mark.parametrize("estimator", BOTH)
def test_going_on_with_levels_that_come_later(estimator, make):
    t = target(estimator, y)
    first = (df["town"] < "town 06").to_numpy()
    model = estimator(**QUICK, n_members=1, encoder=TableEncoder(max_one_hot=4))
    for _ in range(2):
        model.partial_fit(make(df[first]), t[first])
    levels = model.encoder_.levels_
    before = outcome(model, make(df[~first]))
    for _ in range(5):
        model.partial_fit(make(df[~first]), t[~first])  # towns that are new: one level, which is learnt now
    assert model.encoder_.levels_ == levels
    assert not np.array_equal(outcome(model, make(df[~first])), before)
    assert (model.network_.views()[0].table[0] != 0).any()
    warm = estimator(**QUICK, warm_start=True).fit(make(df[first]), t[first]).fit(make(df[~first]), t[~first])
    assert warm.n_iter_ == 6
    assert np.isfinite(outcome(warm, make(later))).all()
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit(make(df.drop(columns="age")), t)


@pytest.mark.parametrize("estimator", BOTH)
def test_a_weight_of_two_is_the_row_twice(estimator):
    t = target(estimator, y)
    times = np.random.default_rng(0).integers(0, 4, len(df))
    rows = np.repeat(np.arange(len(df)), times)
    whole = QUICK | {"batch_size": None, "dtype": "float64", "max_iter": 20, "n_members": 1}
    weighted = estimator(**whole).fit(df, t, sample_weight=times)
    repeated = estimator(**whole).fit(df.iloc[rows], t[rows])
    assert weighted.encoder_.levels_ == repeated.encoder_.levels_
    np.testing.assert_allclose(outcome(weighted, later), outcome(repeated, later), rtol=1e-7)
    other = estimator(**whole).fit(polars_of(df), t, sample_weight=times)
    np.testing.assert_array_equal(outcome(other, polars_of(later)), outcome(weighted, later))


@pytest.mark.parametrize("index", [range(5, 305), [0] * 300, list("ab") * 150], ids=["shifted", "equal", "text"])
def test_the_index_of_a_frame_says_nothing(index):
    t = pd.Series(y, index=index)
    model = DLRegressor(**QUICK, early_stopping=True).fit(df.set_axis(index), t)
    expected = DLRegressor(**QUICK, early_stopping=True).fit(df, y)
    np.testing.assert_array_equal(model.predict(later), expected.predict(later))


def test_the_frame_is_not_written_to():
    kept = df.copy()
    DLRegressor(**QUICK, early_stopping=True).fit(df, y).predict(df)
    pd.testing.assert_frame_equal(df, kept)


def test_lbfgs_with_embeddings():
    X, t = raw_table(600)
    model = DLRegressor(hidden_layer_sizes=(20,), solver="lbfgs", alpha=1.0, random_state=0).fit(X[:500], t[:500])
    assert model.score(X[500:], t[500:]) > 0.9


# ---------------------------------------------------------------- sparse

KINDS = [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, sparse.csc_array]
gen = np.random.default_rng(0)
FEW = sparse.random_array(
    (400, 60), density=0.1, random_state=gen, format="csr", data_sampler=lambda size: gen.normal(3, 1, size)
)
S = sparse.hstack([FEW, sparse.csr_array((400, 500))], format="csr")  # so wide that it stays sparse
s = np.asarray(FEW @ gen.normal(size=60))


@pytest.fixture
def never_dense(monkeypatch):
    """All ways of making rows of a sparse table dense raise; one row of statistics may."""
    for kind in (*KINDS, sparse.coo_array, sparse.coo_matrix):
        for way in ("toarray", "todense"):
            original = getattr(kind, way)

            def refuse(self, *args, original=original, **kwargs):
                assert self.ndim == 1 or self.shape[0] == 1, "the table was made dense"
                return original(self, *args, **kwargs)

            monkeypatch.setattr(kind, way, refuse)


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("params", [{}, {"early_stopping": True, "scoring": None}, {"encoder": None}], ids=str)
def test_sparse_end_to_end(estimator, make, params, never_dense):
    t = target(estimator, s)
    model = estimator(hidden_layer_sizes=(20,), random_state=0, max_iter=60, learning_rate_init=0.01, **params)
    model.fit(make(S), t, sample_weight=np.where(np.arange(400) % 3, 1.0, 2.0))
    assert model.score(make(S), t) > 0.9
    model.set_params(early_stopping=False).partial_fit(make(S), t)


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("estimator", BOTH)
def test_a_sparse_fit_predicts_the_same_for_dense_rows(estimator, make):
    model = estimator(**QUICK).fit(make(S), target(estimator, s))
    dense = S.toarray()
    np.testing.assert_allclose(outcome(model, dense), outcome(model, make(S)), rtol=1e-6, atol=1e-6)  # single precision
    other = estimator(**QUICK).fit(S, target(estimator, s))
    np.testing.assert_array_equal(outcome(model, make(S)), outcome(other, S))
    with_gaps = np.where(np.arange(S.shape[1]) == 3, np.nan, dense)  # dense rows may have gaps: nothing, 0
    np.testing.assert_array_equal(outcome(model, with_gaps), outcome(model, np.nan_to_num(with_gaps)))


def test_sparse_rows_for_a_dense_fit():
    model = DLRegressor(**QUICK).fit(S.toarray(), s)
    np.testing.assert_array_equal(model.predict(S), model.predict(S.toarray()))


@pytest.mark.parametrize("make", [*KINDS, pd.DataFrame.sparse.from_spmatrix])
@pytest.mark.parametrize("estimator", BOTH)
def test_few_sparse_columns_give_the_network_of_the_dense_table(estimator, make, monkeypatch):
    t, weight = target(estimator, s), np.where(np.arange(400) % 3, 1.0, 2.0)
    params = {"random_state": 0, "max_iter": 3, "n_members": 2, "hidden_layer_sizes": (8,), "batch_size": 50}
    dense = estimator(**params).fit(FEW.toarray(), t, sample_weight=weight)
    for large in (2**26, 1000):  # made dense at once; batch by batch
        monkeypatch.setattr("sklearn_dl._engine.fitted.LARGE", large)
        model = estimator(**params).fit(make(FEW), t, sample_weight=weight)
        np.testing.assert_array_equal(model.network_.values, dense.network_.values)
        np.testing.assert_array_equal(outcome(model, make(FEW)), outcome(dense, FEW.toarray()))
    for network in (model, dense):
        network.partial_fit(make(FEW) if network is model else FEW.toarray(), t)
    np.testing.assert_array_equal(model.network_.values, dense.network_.values)


def test_a_long_sparse_table_of_few_columns_is_never_dense_as_a_whole(monkeypatch):
    """Nor are its predictions."""
    monkeypatch.setattr("sklearn_dl._engine.fitted.LARGE", 1000)
    monkeypatch.setattr("sklearn_dl.encoding.scaling.MADE", 4000)
    largest = [0]
    X = sparse.vstack([FEW] * 40, format="csr")
    for kind in (sparse.csr_array, sparse.csc_array):

        def watched(self, *args, made=kind.toarray, **kwargs):
            largest.append(math.prod(self.shape))
            return made(self, *args, **kwargs)

        monkeypatch.setattr(kind, "toarray", watched)
    params = {"random_state": 0, "max_iter": 1, "n_members": 1, "batch_size": 50, "numeric_embedding": None}
    model = DLRegressor(**params).fit(X, np.tile(s, 40))
    model.predict(X)
    assert 0 < max(largest) < math.prod(X.shape) / 2


def test_sparse_columns_not_seen_in_training_change_nothing():
    X = S.tolil()
    X[:, 5] = 0
    model = DLRegressor(**QUICK).fit(X.tocsr(), s)
    np.testing.assert_array_equal(model.predict(S), model.predict(X.tocsr()))


def test_sparse_huge_numbers():
    for factor in (1e300, 1e-300):
        model = DLRegressor(**QUICK).fit(S * factor, s)
        np.testing.assert_allclose(model.predict(S * factor), DLRegressor(**QUICK).fit(S, s).predict(S), rtol=1e-6)


# ---------------------------------------------------------------- targets

three = np.array(["low", "mid", "high"])[np.digitize(y, np.quantile(y, [0.33, 0.67]))]
TARGETS = {
    "text": (three, three),
    "object": (three.astype(object), three),
    "Series of text": (pd.Series(three), three),
    "string[pyarrow]": (pd.Series(three, dtype="string[pyarrow]"), three),
    "category": (pd.Series(three, dtype="category"), three),
    "category, other order": (pd.Series(pd.Categorical(three, categories=["mid", "unused", "low", "high"])), three),
    "Categorical": (pd.Categorical(three), three),
    "polars": (pl.Series(three), three),
    "polars Categorical": (pl.Series(three, dtype=pl.Categorical), three),
    "bool": (y > 0, y > 0),
    "Series of bool": (pd.Series(y > 0), y > 0),
    "boolean": (pd.Series(y > 0, dtype="boolean"), y > 0),
    "Int64": (pd.Series((y > 0) * 7, dtype="Int64"), (y > 0) * 7),
    "polars Boolean": (pl.Series(y > 0), y > 0),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_labels_of_any_type(kind):
    given, plain = TARGETS[kind]
    model = DLClassifier(**QUICK).fit(df, given)
    np.testing.assert_array_equal(np.sort(model.classes_.tolist()), np.unique(plain))
    expected = DLClassifier(**QUICK).fit(df, plain)
    np.testing.assert_array_equal(model.predict_proba(later), expected.predict_proba(later))
    assert model.predict(later).tolist() == expected.predict(later).tolist()
    assert model.score(df, given) == expected.score(df, plain)


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame, lambda t: pl.DataFrame(t, schema=["a", "b"])])
def test_several_targets_with_classes_of_their_own(make):
    two = np.c_[three, np.where(df["member"], "yes", "no")].astype(object)
    model = DLClassifier(random_state=0, max_iter=60).fit(df, make(two))
    assert [c.tolist() for c in model.classes_] == [["high", "low", "mid"], ["no", "yes"]]
    assert model.predict(df).shape == (300, 2)
    assert model.score(df, make(two)) > 0.8
    assert [p.shape for p in model.predict_proba(later)] == [(50, 3), (50, 2)]


def test_outputs_of_very_different_scales():
    X, t = raw_table(1000)
    Y = np.c_[t, 1e9 * t + 1e12, 1e-9 * np.asarray(X["member"])]
    for make in (np.asarray, pd.DataFrame, pl.DataFrame):
        model = DLRegressor(random_state=0, max_iter=40).fit(X, make(Y))
        assert (r2_score(Y, model.predict(X), multioutput="raw_values") > 0.9).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("largest", [1e308, 1e-310])
def test_targets_at_the_ends_of_double_precision(largest, dtype):
    t = np.where(np.arange(300) < 290, 1, -1) * largest  # the mean is near one end: a plain difference overflows
    model = DLRegressor(**QUICK, dtype=dtype).fit(df, t)
    predicted = model.predict(later)
    assert np.isfinite(predicted).all()


def test_gaps_in_the_target_are_refused():
    for gap in (np.nan, None):
        for estimator, t in ((DLRegressor, [*y[1:], gap]), (DLClassifier, [*three[1:], gap])):
            with pytest.raises(ValueError, match=r"^(Input|y) contains (NaN|None)"):
                estimator(**QUICK).fit(df, pd.Series(t, dtype=object))


# ---------------------------------------------------------------- the guide and the example

ROOT = Path(__file__).resolve().parents[1]


def test_the_blocks_of_the_guide_run(capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "tables.md").read_text(encoding="utf-8"), re.DOTALL)
    namespace: dict = {}
    for block in blocks:
        exec(compile(block, "docs/tables.md", "exec"), namespace)
    printed = " ".join(capsys.readouterr().out.split())
    promised = re.search(r"^# (\[.*\])$", blocks[0], re.MULTILINE)[1]
    assert printed.startswith(promised)


def test_the_example_shows_what_the_encoder_did(capsys):
    example = runpy.run_path(str(ROOT / "examples" / "flats.py"))
    table, rent = example["flats"]()
    model = DLRegressor(**QUICK).fit(table, rent)
    example["show_encoder"](model.encoder_, table)
    printed = capsys.readouterr().out
    assert "year         float64        -> a number, scaled, and where it was missing: year, year_missing" in printed
    assert "-> a code for each of 60 levels, with a learnt vector of 8 numbers: street" in printed
    assert re.search(r"-> a text, told by \d+ numbers: description_text1, ", printed)
    assert re.search("listed .* -> a date, told by .* numbers: listed", printed)
