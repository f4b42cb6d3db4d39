"""Labels in every container and of every type, the classes that they name, and rows that lack some of them.

What cannot be a label is told in one sentence; what a fold lacks is no error.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import get_scorer, log_loss
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.utils.multiclass import type_of_target

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._data import Table, hold_out
from sklearn_dl.losses import LogLoss

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
yes = X[:, 0] > 0
ints, words = yes.astype(int), np.where(yes, "yes", "no")
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0, "learning_rate_init": 0.05}

# ---------------------------------------------------------------- types and containers

BOOLS, INTS, TEXT = [False, True], [0, 1], ["no", "yes"]
SAME = {
    "bools of type object": (pd.Series([None, *yes[1:]], dtype=object).where(lambda s: s.notna(), yes[0]), BOOLS),
    "NumPy bools of type object": (np.array([np.bool_(v) for v in yes], object), BOOLS),
    "ints of type object": (ints.astype(object), INTS),
    "NumPy ints of type object": (np.array([np.int32(v) for v in ints], object), INTS),
    "floats of type object": (ints.astype(float).astype(object), [0.0, 1.0]),
    "ints and floats": ([1 if v else 0.0 for v in yes], [0.0, 1.0]),
    "np.str_ in a list": ([np.str_(v) for v in words], TEXT),
    "np.str_ and str": (np.array([np.str_(v) if i else str(v) for i, v in enumerate(words)], object), TEXT),
    "other byte order": (ints.astype(">i4"), INTS),
    "text of other byte order": (words.astype(">U3"), TEXT),
    "half": (ints.astype(np.float16), [0.0, 1.0]),
    "above 2**53": (ints + 2**60, [2**60, 2**60 + 1]),
    "above 2**53 in pandas": (pd.Series(ints + 2**60, dtype="Int64"), [2**60, 2**60 + 1]),
    "above 2**53 of type object": ((ints + 2**60).astype(object), [2**60, 2**60 + 1]),
    "above 2**63": (ints.astype(np.uint64) + np.uint64(2**63), [2**63, 2**63 + 1]),
    "boolean of pandas": (pd.Series(yes, dtype="boolean"), BOOLS),
    "Int64 of pandas": (pd.array(ints, dtype="Int64"), INTS),
    "string of pandas": (pd.Series(words, dtype="string"), TEXT),
    "category of text": (pd.Categorical(words, categories=["yes", "no", "never"]), TEXT),
    "category of ints": (pd.Series(ints, dtype="category"), INTS),
    "category of bools": (pd.Series(yes, dtype="category"), BOOLS),
    "bools of pyarrow in pandas": (pd.Series(yes, dtype="bool[pyarrow]"), BOOLS),
    "ints of pyarrow in pandas": (pd.Series(ints, dtype="int64[pyarrow]"), INTS),
    "text of polars": (pl.Series(words.tolist()), TEXT),
    "bools of polars": (pl.Series(yes.tolist()), BOOLS),
    "enum of polars": (pl.Series(words.tolist(), dtype=pl.Enum(["yes", "no"])), TEXT),
    "bools of pyarrow": (pa.array(yes.tolist()), BOOLS),
    "text of pyarrow": (pa.chunked_array([words[:30].tolist(), words[30:].tolist()]), TEXT),
    "dictionary of pyarrow": (pa.array(words.tolist()).dictionary_encode(), TEXT),
}
if hasattr(np.dtypes, "StringDType"):  # NumPy 2
    SAME["NumPy's own strings"] = (words.astype(np.dtypes.StringDType()), TEXT)


@pytest.mark.parametrize("name", SAME)
def test_labels_keep_what_they_are(name):
    given, classes = SAME[name]
    model = DLClassifier(**QUICK).fit(X, given)
    assert model.classes_.tolist() == classes
    assert type(model.classes_.tolist()[1]) is type(classes[1])
    assert model.predict(X).dtype == model.classes_.dtype
    assert model.score(X, given) > 0.9
    assert model.partial_fit(X, given, classes=classes).partial_fit(X[:9], given[:9]).n_iter_ == 32
    assert DLClassifier(**QUICK, early_stopping=True).fit(X, given, X_val=X, y_val=given).best_epoch_ is not None


MISSING = "y contains None or NaN (missing); leave such rows out."
ONE_TYPE = "the labels of y must be of one type; got "
ALLOWED = "the labels of y must be booleans, numbers, text or datetime64; got "
IN_ROW_0 = "y contains NaN (missing), in row 0; leave such rows out."


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


TOLD = {
    "1 and 'a'": ([1 if v else "a" for v in yes], f"{ONE_TYPE}int, str."),
    "1.5 and 'a'": ([1.5 if v else "a" for v in yes], f"{ONE_TYPE}float, str."),
    "2 and True": ([2 if v else True for v in yes], f"{ONE_TYPE}bool, int."),
    "2 and True of type object": (np.array([2 if v else True for v in yes], object), f"{ONE_TYPE}bool, int."),
    "bytes and text": ([b"a" if v else "b" for v in yes], f"{ONE_TYPE}bytes, str."),
    "bytes": (words.astype("S"), f"{ALLOWED}bytes, which y.astype(str) decodes."),
    "bytes of type object": (words.astype("S").astype(object), f"{ALLOWED}bytes, which y.astype(str) decodes."),
    "dates": (np.array([datetime.date(2020, 1, 1 + v) for v in ints], object), f"{ALLOWED}date."),
    "decimals": (np.array([decimal.Decimal(int(v)) for v in ints], object), f"{ALLOWED}Decimal."),
    "enums": (np.array([Colour.RED if v else Colour.BLUE for v in yes], object), f"{ALLOWED}Colour."),
    "tuples": (pd.Series([("a", int(v)) for v in ints]), f"{ALLOWED}tuple."),
    "huge ints": (
        np.array([2**70 + int(v) for v in ints], object),
        f"the labels of y must be whole numbers of at most 64 bits; got {2**70 + 1}.",
    ),
    "'a' and NaN": (["a" if v else float("nan") for v in yes], MISSING),
    "'a' and NA": (["a" if v else pd.NA for v in yes], MISSING),
    "NA of boolean": (pd.Series([pd.NA, *yes[1:]], dtype="boolean"), MISSING),
    "NA of Int64": (pd.Series([pd.NA, *ints[1:]], dtype="Int64"), IN_ROW_0),
    "NA of a category": (pd.Series(pd.Categorical([None, *words[1:]])), MISSING),
    "null of polars": (pl.Series([None, *yes[1:].tolist()]), MISSING),
    "null of pyarrow": (pa.array([None, *words[1:].tolist()]), MISSING),
    "a column of 1 and 'a'": ([[1 if v else "a", "b"] for v in yes],
                              "the labels of output 0 of y must be of one type; got int, str."),
    "fractions of no sum": (np.c_[0.3 * ints, 0.7 * ints], "y is a matrix with fractions, and so each row must be"),
}  # fmt: skip
if hasattr(np.dtypes, "StringDType"):
    gappy = np.array([np.nan, *words[1:]], np.dtypes.StringDType(na_object=np.nan))
    TOLD["NaN of NumPy's own strings"] = (gappy, MISSING)


@pytest.mark.parametrize("name", TOLD)
def test_what_is_no_label_is_told(name):
    given, sentence = TOLD[name]
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        DLClassifier(**QUICK).fit(X, given)


def test_dates_of_numpy_are_labels():
    dates = np.datetime64("2020-01-01") + ints
    model = DLClassifier(**QUICK).fit(X, dates)
    np.testing.assert_array_equal(model.classes_, np.unique(dates))
    assert 0.5 < model.score(X, dates) <= 1


@pytest.mark.parametrize("classes", [{1, 0, 2}, frozenset([2, 1, 0]), {2: "a", 0: "b", 1: "c"}.keys()])
def test_classes_may_be_a_set(classes):
    model = DLClassifier(**QUICK).partial_fit(X, ints, classes=classes).partial_fit(X, ints, classes=classes)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    with pytest.raises(ValueError, match=r"^classes must be labels that can be sorted, .*got set"):
        DLClassifier(**QUICK).partial_fit(X, ints, classes={0, "a"})


@pytest.mark.parametrize(("labels", "other"), [(ints, words), (words, ints), (words.astype(object), ints)])
def test_score_tells_labels_of_another_type(labels, other):
    model = DLClassifier(**QUICK).fit(X, labels)
    for given in (other, pd.Series(other)):
        with pytest.raises(ValueError, match=r"^y must hold labels of the type of the classes, \[.*\]; got .*\.$"):
            model.score(X, given)


def test_columns_of_nested_lists_keep_their_types():
    model = DLClassifier(**QUICK).fit(X, [[1 if v else 2, "a" if v else "b", bool(v)] for v in yes])
    assert [known.tolist() for known in model.classes_] == [[1, 2], ["a", "b"], [False, True]]


def test_numbers_of_lists_stay_numbers():
    for given in ([True, 2, 1.5] * 20, pd.Series([1, 2, 3] * 20, dtype="Int64"), pa.array([1.0, 2.0, 4.0] * 20)):
        model = DLRegressor(**QUICK | {"max_iter": 2}).fit(X, given)
        plain = DLRegressor(**QUICK | {"max_iter": 2}).fit(X, np.array(given, dtype=float))
        np.testing.assert_array_equal(model.predict(X), plain.predict(X))


def test_missing_targets_of_a_regressor_are_told_with_their_row():
    target = X[:, 0].copy()
    target[7] = np.nan
    for given in (target, np.c_[target, target], target.astype(np.float32), pd.Series(target), pl.Series(target)):
        with pytest.raises(ValueError, match=r"^y contains NaN \(missing\), in row 7; leave such rows out\.$"):
            DLRegressor(**QUICK).fit(X, given)


def test_a_column_vector_warns_once():
    weight = np.ones(60)
    weight[3] = 0
    for estimator in (DLRegressor, DLClassifier):
        with pytest.warns(DataConversionWarning) as told:
            estimator(**QUICK | {"max_iter": 1}).fit(X, ints[:, None], sample_weight=weight)
        assert len(told) == 1


# ---------------------------------------------------------------- several labels

two = np.c_[X[:, 0] > 0, X[:, 1] > 0.3].astype(int)


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one")  # scikit-learn's own, for any labels
@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc", "average_precision", "f1_macro", "neg_brier_score"])
def test_scorers_and_searches_see_labels_and_not_classes(n_labels, scoring):
    Y = np.c_[two, X[:, 2] > 0].astype(int)[:, :n_labels]
    model = DLClassifier(**QUICK).fit(X, Y)
    assert type_of_target(model.predict(X)) == "multilabel-indicator"
    assert type_of_target(model.classes_) != "binary"  # by which scorers go
    assert model.predict_proba(X).shape == (60, n_labels)
    if scoring == "neg_log_loss":
        assert get_scorer(scoring)(model, X, Y) == pytest.approx(-log_loss(Y, model.predict_proba(X)))
    search = GridSearchCV(DLClassifier(**QUICK), {"alpha": [0, 1]}, cv=2, scoring=scoring).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    watched = DLClassifier(**QUICK, early_stopping=True, validation_fraction=0.3, scoring=scoring).fit(X, Y)
    assert np.isfinite(watched.validation_scores_).all()
    assert cross_val_predict(model, X, Y, cv=2, method="predict_proba").shape == (60, n_labels)


@pytest.mark.parametrize("values", [(1, 2), (-1, 1), (0, 5)])
def test_a_matrix_of_two_other_values_has_classes_and_no_labels(values):
    model = DLClassifier(**QUICK).fit(X, np.array(values)[two])
    assert [known.tolist() for known in model.classes_] == [list(values)] * 2
    assert np.isin(model.predict(X), values).all()


@pytest.mark.parametrize(
    ("classes", "first", "later"),
    [
        ([[0, 1, 2]] * 2, two, two + (X[:, :2] > 1)),
        ([[1, 2, 3]] * 2, two + 1, two + 1 + (X[:, :2] > 1)),
        ([["a", "b", "c"], [0, 1]], np.c_[np.array(["a", "b"], object)[two[:, 0]], two[:, 1]],
         np.c_[np.array(["c", "b"], object)[two[:, 0]], two[:, 1]]),
        ([[0, 1]] * 2, two, 1 - two),
        ([0, 1], two, 1 - two),
        ([[0, 1], [0, 1, 2]], two, np.c_[two[:, 0], 2 * two[:, 1]]),
    ],
    ids=["third later", "not from 0", "text and ints", "indicators", "indicators, as scikit-learn", "one of them"],
)  # fmt: skip
def test_given_classes_of_several_targets_stand(classes, first, later):
    model = DLClassifier(**QUICK)
    for Y in (first, later, first):
        model.partial_fit(X, Y, classes=classes)
    expected = classes if isinstance(classes[0], list) else [[0, 1]] * 2
    assert [known.tolist() for known in model.classes_] == expected
    with pytest.raises(ValueError, match="classes must be those of the first fit"):
        model.partial_fit(X, first, classes=[[7, 8], [7, 8]])


# ---------------------------------------------------------------- classes that a fold lacks

three = np.repeat([0, 1, 2], 20)


@pytest.mark.parametrize("kind", [int, str])
def test_class_weights_may_name_a_class_that_a_fold_lacks(kind):
    labels = three.astype(kind)
    model = DLClassifier(**QUICK, class_weight={kind(0): 1, kind(1): 2, kind(2): 5})
    assert np.isfinite(cross_val_score(model, X, labels, cv=KFold(3))).all()
    assert model.fit(X[:40], labels[:40]).classes_.tolist() == [kind(0), kind(1)]


def test_class_weights_of_several_targets_may_name_a_class_that_a_fold_lacks():
    weights = [{0: 1, 1: 2, 2: 5}, {0: 1, 1: 3}]
    model = DLClassifier(**QUICK, class_weight=weights).fit(X[:40], np.c_[three, ints][:40])
    assert [known.tolist() for known in model.classes_] == [[0, 1], [0, 1]]


def test_class_weights_that_may_be_misspelt_are_told():
    model = DLClassifier(**QUICK, class_weight={"yess": 5})
    with pytest.warns(UserWarning, match=r"names classes that are not among \['no', 'yes'\]: \['yess'\]; they have no"):
        model.fit(X, words)
    with pytest.raises(ValueError, match=r"names classes that are not among \[0, 1\]: \['yess'\]\."):
        model.fit(X, ints)


@pytest.mark.parametrize("n_members", [1, 4])
def test_rows_of_weight_zero_still_name_their_class(n_members):
    model = DLClassifier(**QUICK, n_members=n_members).fit(X, three, sample_weight=(three < 2).astype(float))
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict_proba(X).shape == (60, 3)
    assert not (model.predict(X) == 2).any()
    lone = DLClassifier(**QUICK, n_members=n_members).fit(X, words, sample_weight=ints)
    assert lone.classes_.tolist() == ["no", "yes"]
    assert (lone.predict(X) == "yes").all()
    several = DLClassifier(**QUICK, n_members=n_members).fit(X, np.c_[three, ints], sample_weight=three < 2)
    assert [known.tolist() for known in several.classes_] == [[0, 1, 2], [0, 1]]


def test_a_weight_of_zero_for_a_class_keeps_it():
    model = DLClassifier(**QUICK, class_weight={2: 0.0}).fit(X, three)
    assert model.classes_.tolist() == [0, 1, 2]
    assert not (model.predict(X) == 2).any()


LONELY = {
    "one lone row": np.r_[9, three[1:]],
    "two lone rows": np.r_[9, 8, three[2:]],
    "more classes than held rows": np.repeat(np.arange(30), 2),
    "many lone rows": np.r_[100:125, three[25:]],
}


@pytest.mark.parametrize("name", LONELY)
@pytest.mark.parametrize("fraction", [0.2, 0.4])
def test_lone_rows_of_a_class_do_not_turn_validation_off(name, fraction):
    labels = LONELY[name]
    n_held = round(60 * fraction)
    train, held = hold_out(Table(X, labels, None), fraction, 0, labels)
    assert held is not None
    assert len(held.y) == n_held
    assert len(train.y) == 60 - n_held
    assert set(train.y) == set(labels)
    np.testing.assert_array_equal(np.sort(np.r_[train.X, held.X], axis=0), np.sort(X, axis=0))
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):  # in proportion, of those that may
        share = n_held * (count - 1) / (60 - len(set(labels)))
        assert abs((held.y == label).sum() - share) <= 1
    model = DLClassifier(**QUICK, early_stopping=True, validation_fraction=fraction).fit(X, labels)
    assert model.validation_loss_curve_ is not None


def test_classes_are_an_attribute_that_wrappers_can_copy():
    model = DLClassifier(**QUICK).fit(X, words)
    assert vars(model)["classes_"].tolist() == TEXT
    assert DLClassifier(**QUICK).partial_fit(X, words).classes_.tolist() == TEXT
    assert model.fit(X, three).classes_.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="1 class"):
        model.fit(X, np.zeros(60))
    assert model.classes_.tolist() == [0, 1, 2]  # a fit that fails leaves all as it was


# ---------------------------------------------------------------- rows of probabilities

forest = RandomForestClassifier(50, max_depth=4, random_state=0)


@pytest.mark.parametrize("n_members", [1, 4])
@pytest.mark.parametrize("labels", [three, ints], ids=["3", "2"])
def test_a_forest_is_distilled_from_its_probabilities(labels, n_members):
    """Closer to the forest than a network that learnt the forest's labels."""
    table = rng.normal(size=(600, 3))
    teacher = forest.fit(X, np.digitize(X[:, 0], [-0.5, 0.5]) if labels is three else labels)
    soft, fresh = teacher.predict_proba(table[:400]), table[400:]
    params = QUICK | {"max_iter": 100, "n_members": n_members, "solver": "adam", "hidden_layer_sizes": (32,)}
    params["learning_rate_init"] = 0.01
    student = DLClassifier(**params).fit(table[:400], soft)
    told = DLClassifier(**params).fit(table[:400], soft.argmax(axis=1))
    assert student.classes_.tolist() == list(range(soft.shape[1]))
    error, of_labels = (abs(m.predict_proba(fresh) - teacher.predict_proba(fresh)).mean() for m in (student, told))
    assert error < 0.8 * of_labels
    assert (student.predict(fresh) == teacher.predict(fresh)).mean() > 0.9


def test_rows_of_probabilities_are_rows_of_labels_with_these_weights():
    p = rng.dirichlet(np.ones(3), size=60)
    params = QUICK | {"batch_size": None, "encoder": None, "max_iter": 20, "n_members": 1}
    soft = DLClassifier(**params).fit(X, p)
    hard = DLClassifier(**params).fit(np.repeat(X, 3, axis=0), np.tile([0, 1, 2], 60), sample_weight=p.ravel())
    np.testing.assert_allclose(soft.predict_proba(X), hard.predict_proba(X), rtol=1e-7)


def test_classes_of_probabilities_are_columns_of_a_frame_or_given():
    p = rng.dirichlet(np.ones(3), size=60)
    model = DLClassifier(**QUICK).fit(X, pd.DataFrame(p, columns=["a", "b", "c"]))
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert set(model.predict(X)) <= {"a", "b", "c"}
    assert DLClassifier(**QUICK).partial_fit(X, p, classes=["a", "b", "c"]).classes_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match=r"must be in the order of the sorted classes; got \['b', 'a', 'c'\]\.$"):
        DLClassifier(**QUICK).fit(X, pd.DataFrame(p, columns=["b", "a", "c"]))


def test_probabilities_go_through_validation_and_later_rows():
    p = rng.dirichlet(np.ones(3), size=60)
    model = DLClassifier(**QUICK, early_stopping=True, validation_fraction=0.3).fit(X, p)
    assert model.validation_loss_curve_ is not None
    DLClassifier(**QUICK).fit(X, p, X_val=X, y_val=p)
    DLClassifier(**QUICK).fit(X, p, X_val=X, y_val=three)  # labels beside them
    model.set_params(early_stopping=False).partial_fit(X, p).partial_fit(X, three).partial_fit(X[:3], np.eye(3))
    assert model.n_iter_ > 3
    assert DLClassifier(**QUICK, loss=LogLoss(label_smoothing=0.1)).fit(X, p.astype(np.float32)).n_outputs_ == 3


@pytest.mark.parametrize(
    ("params", "change", "message"),
    [
        ({"loss": "focal"}, 0, "y with rows of probabilities needs loss='log_loss'; got loss="),
        ({"class_weight": "balanced"}, 0, "class_weight needs labels, and y has rows of probabilities"),
        ({}, 0.1, r"each row must be probabilities .* row 0 is \["),
        ({}, -0.5, r"each row must be probabilities .* row 0 is \["),
    ],
)
def test_probabilities_that_cannot_be_learnt_are_told(params, change, message):
    p = np.tile([0.2, 0.3, 0.5], (60, 1))
    p[0, 0] += change
    with pytest.raises(ValueError, match=message):
        DLClassifier(**QUICK, **params).fit(X, p)
    if params == {} and change == 0.1:
        with pytest.raises(ValueError, match=r"score needs labels; y has rows of probabilities\."):
            DLClassifier(**QUICK).fit(X, p[1:].repeat(2, axis=0)[:60]).score(X, p)
