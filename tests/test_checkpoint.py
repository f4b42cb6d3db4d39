"""A killed training goes on to the same bits; a file that is not its checkpoint is refused and stays as it is."""

from __future__ import annotations

import io
import itertools
import json
import os
import pickle
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._data import table as splitting
from sklearn_dl.architectures import mlp
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.checkpoint import file as storage
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.schedules import Adaptive, Schedule
from sklearn_dl.solvers import SGD, Solver

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=60)
c = np.digitize(y, [-1.0, 1.0])
MIXED = pd.DataFrame(X, columns=list("abc")).assign(
    shop=rng.choice(list("uvwxyz"), 60), size=rng.choice(["s", "m", "l"], 60)
)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 12, "random_state": 0, "batch_size": 16}


class Keep:
    """Copies the checkpoint after each epoch, as a process that was killed then would have left it."""

    def __init__(self, path):
        self.path, self.files = path, []

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.files.append(self.path.with_name(f"after-{len(self.files) + 1}"))
            shutil.copy(self.path, self.files[-1])


class Fail(Keep):
    """Raises after an epoch."""

    def __init__(self, epoch, error):
        self.epoch, self.error = epoch, error

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id + 1 == self.epoch:
            raise self.error


class Rising(Schedule):
    """Harmless, then hopeless."""

    def factor(self, progress, samples_seen):
        return 1.0 if progress < 0.7 else 1e200


class Plain(Solver):
    """A solver that keeps nothing."""

    def step(self, params, grads, s, t, rate, decayed):
        params -= rate * grads / t


def largest_error(model, X, y):
    return -np.abs(model.predict(X) - y).max()


def left(model):
    """All that a training leaves; of the history, not the seconds."""
    state = {k: v for k, v in vars(model.fitted_.state).items() if k != "kept"}
    kept = {k: v.tobytes() for k, v in model.fitted_.state.kept.items()}
    history = [{k: v for k, v in record.items() if k != "seconds"} for record in model.history_]
    return state, kept, history, model.network_.values.tobytes(), model.network_.values.dtype


class Halves:
    """A splitter with a generator of NumPy, which scikit-learn's do not take."""

    def __init__(self):
        self.rng = np.random.default_rng(3)

    def get_n_splits(self, X=None, y=None, groups=None):
        return 2

    def split(self, X, y=None, groups=None):
        halves = np.array_split(self.rng.permutation(len(X)), 2)
        return [(halves[0], halves[1]), (halves[1], halves[0])]


STOPPING = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": np.inf}
CASES = {
    "regressor": (DLRegressor(**SMALL), X, y),
    "classifier": (DLClassifier(**SMALL), X, c),
    "weights": (DLClassifier(**SMALL, class_weight="balanced", alpha=0.1), X, c),
    "single precision": (DLRegressor(**SMALL, dtype="float32", clip_norm=0.1), X, y),
    "two targets": (DLRegressor(**SMALL, loss="huber"), X, np.c_[y, -y]),
    "mixed table": (DLRegressor(**SMALL, encoder=TableEncoder(max_one_hot=3, min_frequency=1)), MIXED, y),
    "dropout, batch normalisation": (DLRegressor(**SMALL, dropout=0.3, normalization="batch"), X, y),
    "resnet, no shuffling": (DLClassifier(**SMALL, architecture="resnet", shuffle=False), X, c),
    "sgd, invscaling": (DLRegressor(**SMALL, solver="sgd", learning_rate="invscaling"), X, y),
    "rmsprop, one cycle": (DLRegressor(**SMALL, solver="rmsprop", learning_rate="one_cycle"), X, y),
    "a solver without memory": (DLRegressor(**SMALL, solver=Plain()), X, y),
    "the best epoch is early": (DLRegressor(**SMALL | {"learning_rate_init": 0.3}, **STOPPING), X, y),
    "a score is watched": (DLClassifier(**SMALL, scoring=None, **STOPPING), X, c),
    "stops early": (DLRegressor(**SMALL | STOPPING | {"n_iter_no_change": 2, "tol": 0.05}), X, y),
    "a target loss": (DLRegressor(**SMALL | {"learning_rate_init": 0.1}, target_loss=0.1), X, y),
    "plateaus": (DLRegressor(**SMALL | {"learning_rate": Adaptive(2.0), "n_iter_no_change": 2, "tol": 0.05}), X, y),
    "parts of one's own": (
        DLRegressor(**SMALL, architecture=partial(mlp), scoring=largest_error, solver=Plain(), **STOPPING), X, y
    ),
    "no seed given": (DLRegressor(**SMALL | {"random_state": None}, dropout=0.3, **STOPPING), X, y),
    "a splitter with a generator": (
        DLRegressor(**SMALL, n_members=2, n_folds=KFold(2, shuffle=True, random_state=np.random.RandomState(3))), X, y
    ),
    "a splitter of one's own": (DLRegressor(**SMALL, n_members=2, n_folds=Halves()), X, y),
    "a generator as seed": (DLRegressor(**SMALL | {"random_state": np.random.RandomState(3)}), X, y),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_bits_are_those_of_an_uninterrupted_training(name, tmp_path):
    estimator, table, target = CASES[name]
    path = tmp_path / "run"
    keep = Keep(path)
    whole = clone(estimator).set_callbacks(Checkpoint(path), keep).fit(table, target)
    if isinstance(estimator.random_state, int):
        assert left(clone(estimator).fit(table, target)) == left(whole)
    n = len(keep.files)
    assert n == whole.n_iter_
    assert (n == 12) == (name not in ("stops early", "a target loss"))
    for epoch in (1, n // 2, n - 1, n):
        model = clone(estimator).fit(table, target, resume_from=keep.files[epoch - 1])
        assert left(model) == left(whole), f"from epoch {epoch}"
        np.testing.assert_array_equal(model.predict(table), whole.predict(table))
        np.testing.assert_array_equal(getattr(model, "classes_", 0), getattr(whole, "classes_", 0))


def test_a_splitter_that_draws_from_numpys_own_generator_can_be_checkpointed(tmp_path):
    splitter = KFold(2, shuffle=True, random_state=np.random)
    np.random.seed(5)
    model = DLRegressor(**SMALL, n_members=2, n_folds=splitter).set_callbacks(Checkpoint(tmp_path / "run")).fit(X, y)
    np.random.seed(5)
    again = DLRegressor(**SMALL, n_members=2, n_folds=splitter).fit(X, y, resume_from=tmp_path / "run")
    assert left(again) == left(model)


def test_a_table_that_is_encoded_batch_by_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(splitting, "LARGE", 100)
    path, params = tmp_path / "run", SMALL | STOPPING
    keep = Keep(path)
    whole = DLRegressor(**params, scoring="r2").set_callbacks(Checkpoint(path), keep).fit(X, y)
    assert left(DLRegressor(**params, scoring="r2").fit(X, y, resume_from=keep.files[4])) == left(whole)
    other = X.copy()
    other[[0, 1]] = X[[1, 0]]
    with pytest.raises(ValueError, match=r"of the (training|validation) rows"):
        DLRegressor(**params, scoring="r2").fit(other, y, resume_from=keep.files[4])


def test_a_resumed_training_can_be_resumed(tmp_path):
    path, estimator = tmp_path / "run", DLRegressor(**SMALL, **STOPPING)
    whole = clone(estimator).fit(X, y)
    for epoch in (3, 2, 4):  # epochs of each part
        model = clone(estimator).set_callbacks(Checkpoint(path), Fail(epoch, RuntimeError("killed")))
        with pytest.raises(RuntimeError, match="killed"):
            model.fit(X, y, resume_from=path if path.exists() else None)
    model = clone(estimator).set_callbacks(Checkpoint(path)).fit(X, y, resume_from=path)
    assert left(model) == left(whole)
    assert len(model.history_) == 12
    assert left(clone(estimator).fit(X, y, resume_from=path)) == left(whole)  # nothing is left to do
    assert os.listdir(tmp_path) == ["run"]


def test_weights_and_a_validation_set_by_hand(tmp_path):
    path, weight = tmp_path / "run", rng.uniform(0, 2, 40) * (rng.random(40) < 0.8)
    given = {"sample_weight": weight, "X_val": X[40:], "y_val": y[40:], "sample_weight_val": np.arange(1, 21)}
    estimator = DLRegressor(**SMALL)
    keep = Keep(path)
    whole = clone(estimator).set_callbacks(Checkpoint(path), keep).fit(X[:40], y[:40], **given)
    model = clone(estimator).fit(X[:40], y[:40], **given, resume_from=keep.files[4])
    assert left(model) == left(whole)
    given["sample_weight_val"] = np.arange(2, 22)
    with pytest.raises(ValueError, match="content of the validation rows SHA-256"):
        clone(estimator).fit(X[:40], y[:40], **given, resume_from=keep.files[4])
    given["sample_weight"] = weight * 2
    with pytest.raises(ValueError, match="content of the training rows SHA-256"):
        clone(estimator).fit(X[:40], y[:40], **given, resume_from=keep.files[4])


def test_a_loss_that_is_not_finite_falls_back_as_far(tmp_path):
    path = tmp_path / "run"
    keep, estimator = Keep(path), DLRegressor(**SMALL | {"learning_rate": Rising()}, solver=SGD())
    with pytest.warns(ConvergenceWarning, match="no longer finite"):
        whole = clone(estimator).set_callbacks(Checkpoint(path), keep).fit(X, y)
    assert 5 < len(keep.files) < 12
    for file in keep.files:
        with pytest.warns(ConvergenceWarning, match="no longer finite"):
            model = clone(estimator).fit(X, y, resume_from=file)
        assert left(model) == left(whole)


def test_a_warm_start_is_resumed(tmp_path):
    estimator, path = DLRegressor(**SMALL, warm_start=True, **STOPPING), tmp_path / "run"
    first = clone(estimator).fit(X, y)
    keep, other = Keep(path), pickle.loads(pickle.dumps(first))
    whole = pickle.loads(pickle.dumps(first)).set_callbacks(Checkpoint(path), keep).fit(X, y)
    assert whole.n_iter_ == 24
    for model in (clone(estimator), other):  # the file alone has it all
        assert left(model.fit(X, y, resume_from=keep.files[4])) == left(whole)


def test_a_warm_start_after_an_early_stop_is_checkpointed(tmp_path):
    model = DLRegressor(**SMALL | STOPPING | {"n_iter_no_change": 2, "tol": 9.0}, warm_start=True).fit(X, y)
    before = model.n_iter_
    assert before < 12
    assert model.set_callbacks(Checkpoint(tmp_path / "run")).fit(X, y).n_iter_ > before


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
def test_max_iter_may_grow_where_the_schedule_does_not_follow_it(schedule, tmp_path):
    path, params = tmp_path / "run", SMALL | {"learning_rate": schedule}
    DLRegressor(**params).set_callbacks(Checkpoint(path)).fit(X, y)
    whole = DLRegressor(**params | {"max_iter": 20}).fit(X, y)
    assert left(DLRegressor(**params | {"max_iter": 20}).fit(X, y, resume_from=path)) == left(whole)
    with pytest.raises(ValueError, match="a checkpoint after 12 epochs; this estimator has max_iter=11"):
        DLRegressor(**params | {"max_iter": 11}).fit(X, y, resume_from=path)


def test_what_may_change_from_part_to_part(tmp_path, capsys):
    path = tmp_path / "run"
    keep = Keep(path)
    whole = DLRegressor(**SMALL).set_callbacks(Checkpoint(path), keep).fit(X, y)
    model = DLRegressor(**SMALL, verbose=1, n_jobs=1, max_time=1e-9).set_callbacks(Checkpoint(tmp_path / "rest"))
    assert model.fit(X, y, resume_from=keep.files[-2]).n_iter_ == 12
    assert capsys.readouterr().out.startswith("epoch 12/12  loss")
    path.unlink()
    timed = DLRegressor(**SMALL, max_time=1e-9).set_callbacks(Checkpoint(path)).fit(X, y)
    assert timed.n_iter_ == 1
    assert left(DLRegressor(**SMALL).fit(X, y, resume_from=path)) == left(whole)  # each part has its own time
    model = DLRegressor(**SMALL, solver=SGD(), learning_rate_init=0.01).set_callbacks(Checkpoint(tmp_path / "other"))
    model.fit(X, y)
    DLRegressor(**SMALL, solver="sgd").fit(X, y, resume_from=tmp_path / "other")  # other words for the same


# ---------------------------------------------------------------- when it writes


def test_every_so_many_epochs_and_at_the_end(tmp_path):
    path = tmp_path / "run"
    seen = []

    class Look(Keep):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                seen.append(len(storage.read(path).facts["history"]) if path.exists() else 0)

    DLRegressor(**SMALL | {"max_iter": 8}).set_callbacks(Checkpoint(path, every=3), Look(path)).fit(X, y)
    assert seen == [0, 0, 3, 3, 3, 6, 6, 8]


def test_ctrl_c_keeps_the_best_and_leaves_a_checkpoint_to_go_on_from(tmp_path):
    path, estimator = tmp_path / "run", DLRegressor(**SMALL | {"learning_rate_init": 0.3})
    valid = {"X_val": X[40:], "y_val": y[40:]}
    estimator.set_params(hidden_layer_sizes=(50,), n_iter_no_change=np.inf, scale_target=False)
    whole = clone(estimator).fit(X[:40], y[:40], **valid)
    model = clone(estimator).set_callbacks(Checkpoint(path), Fail(9, KeyboardInterrupt))
    with pytest.warns(UserWarning, match="training was interrupted"):
        model.fit(X[:40], y[:40], **valid)
    assert model.n_iter_ == 9
    assert model.validation_loss_curve_[-1] > model.best_loss_
    assert mean_squared_error(y[40:], model.predict(X[40:])) / 2 == pytest.approx(model.best_loss_, rel=1e-12)
    assert left(clone(estimator).fit(X[:40], y[:40], **valid, resume_from=path)) == left(whole)


@pytest.mark.parametrize("at", ["open", "write", "fsync", "rename"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["disk full", "Ctrl-C"])
def test_a_write_that_fails_leaves_the_checkpoint_before(at, error, tmp_path, monkeypatch):
    path = tmp_path / "run"
    storage.write(path, {"a": 1}, {"v": np.zeros(3)})
    before = path.read_bytes()

    def fail(*args, **keywords):
        raise error

    owner, name = {
        "open": (Path, "open"),
        "write": (np.lib.format, "write_array"),
        "fsync": (os, "fsync"),
        "rename": (Path, "replace"),
    }[at]
    monkeypatch.setattr(owner, name, fail)
    with pytest.raises(type(error)):
        storage.write(path, {"a": 2}, {"v": np.ones(3)})
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run"]


def test_what_killed_writers_left_is_cleared_and_nothing_else(tmp_path):
    path = tmp_path / "run[1]"
    DLRegressor(**SMALL).set_callbacks(Checkpoint(path)).fit(X, y)
    ours, begun = tmp_path / ".run[1].0123abcd.part", tmp_path / ".run[1].11111111.part"
    ours.write_bytes(path.read_bytes()[:2000])
    begun.write_bytes(bytes(500))
    others = [tmp_path / ".run[1].22222222.part", tmp_path / ".run1.33333333.part", tmp_path / "run[1].part"]
    for other in others:
        other.write_bytes(b"somebody's work")
    DLRegressor(**SMALL).set_callbacks(Checkpoint(path)).fit(X, y, resume_from=path)
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


def test_kills(tmp_path):
    """A handful of them; `python benchmarks/kill_and_resume.py` does 200."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    from tests.test_house import ROOT, run

    printed = run(str(ROOT / "benchmarks" / "kill_and_resume.py"), "4", cwd=tmp_path)
    assert "4 resumed, each to the same bits as uninterrupted" in printed


# ---------------------------------------------------------------- inside other estimators


def test_in_a_pipeline(tmp_path):
    path = tmp_path / "run"
    keep = Keep(path)
    pipe = Pipeline([("scale", StandardScaler()), ("net", DLRegressor(**SMALL))])
    whole = clone(pipe).fit(X, y)
    watched = clone(pipe)
    watched[-1].set_callbacks(Checkpoint(path), keep)
    watched.fit(X, y)
    model = clone(pipe).fit(X, y, net__resume_from=keep.files[3])
    assert left(model[-1]) == left(watched[-1]) == left(whole[-1])


def test_resume_from_is_routed(tmp_path):
    path = tmp_path / "run"
    keep = Keep(path)
    whole = DLRegressor(**SMALL).set_callbacks(Checkpoint(path), keep).fit(X, y)
    with config_context(enable_metadata_routing=True):
        pipe = Pipeline([("net", DLRegressor(**SMALL).set_fit_request(resume_from=True))])
        assert left(pipe.fit(X, y, resume_from=keep.files[3])[-1]) == left(whole)


SEARCHES = {
    "grid": lambda model: GridSearchCV(model, {"net__alpha": [0.0, 1.0]}, cv=2),
    "halving": lambda model: HalvingGridSearchCV(
        model, {"net__alpha": [0.0, 1.0]}, cv=2, resource="net__max_iter", min_resources=3, max_resources=12, factor=2
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_under_a_search_the_refit_is_written_and_nothing_else(name, tmp_path):
    path = tmp_path / "run"
    pipe = Pipeline([("scale", StandardScaler()), ("net", DLRegressor(**SMALL).set_callbacks(Checkpoint(path)))])
    search = SEARCHES[name](pipe)
    search.set_params(refit=False).fit(X, y)
    assert not path.exists()
    search.set_params(refit=True).fit(X, y)
    best = search.best_estimator_
    assert len(storage.read(path).facts["history"]) == best[-1].n_iter_
    again = clone(best)
    again[-1].set_callbacks()
    again.fit(X, y, net__resume_from=path)
    assert left(again[-1]) == left(best[-1])


def test_where_fits_cannot_be_told_apart_the_second_is_refused(tmp_path):
    model = DLRegressor(**SMALL).set_callbacks(Checkpoint(tmp_path / "run"))
    with pytest.warns(FitFailedWarning, match="holds a checkpoint that this fit neither wrote nor goes on from"):
        scores = cross_val_score(model, X, y, cv=3)
    np.testing.assert_array_equal(np.isnan(scores), [False, True, True])


NOT_THERE = {
    "a search": (lambda p: GridSearchCV(DLRegressor(**SMALL), {}).set_callbacks(Checkpoint(p)).fit(X, y),
                 "belongs on a DLRegressor or DLClassifier itself.*got GridSearchCV"),
    "lbfgs": (lambda p: DLRegressor(**SMALL, solver="lbfgs").set_callbacks(Checkpoint(p)).fit(X, y),
              "Checkpoint needs a stochastic solver"),
    "resumed lbfgs": (lambda p: DLRegressor(**SMALL, solver="lbfgs").fit(X, y, resume_from=p),
                      "resume_from needs a stochastic solver"),
    "partial_fit": (lambda p: DLRegressor(**SMALL).set_callbacks(Checkpoint(p)).partial_fit(X, y),
                    "partial_fit trains one epoch a call"),
    "no folder": (lambda p: DLRegressor(**SMALL).set_callbacks(Checkpoint(p / "no" / "run")).fit(X, y),
                  "there is no folder"),
    "path": (lambda p: Checkpoint(3), "path must be a path; got 3"),
    "every": (lambda p: Checkpoint(p, every=0), "every must be an int >= 1; got 0"),
    "every half": (lambda p: Checkpoint(p, every=0.5), "every must be an int >= 1; got 0.5"),
    "resume_from": (lambda p: DLRegressor(**SMALL).fit(X, y, resume_from=True), "resume_from must be None or the path"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_THERE)
def test_what_cannot_be_done_is_told(name, tmp_path):
    call, message = NOT_THERE[name]
    with pytest.raises(ValueError, match=message):
        call(tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_there_is_nothing_to_resume(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        DLRegressor(**SMALL).fit(X, y, resume_from=tmp_path / "nothing")


# ---------------------------------------------------------------- 500 files that are not its checkpoint

ESTIMATOR = DLRegressor(**SMALL | {"max_iter": 3}, normalization="batch")


def checkpoint_of(estimator, table, target, path):
    estimator.set_callbacks(Checkpoint(path)).fit(table, target)
    return path.read_bytes()


def sealed(facts, arrays, version=storage.FORMAT):
    """A file with the right checksum, whatever is in it."""
    stream = io.BytesIO()
    text = facts if isinstance(facts, bytes) else json.dumps(facts | {"vectors": list(arrays)}).encode()
    stream.write(storage.LENGTH.pack(len(text)) + text)
    for array in arrays.values():
        np.lib.format.write_array(stream, np.asarray(array), allow_pickle=True)
    body = stream.getvalue()
    digest = storage.hashlib.sha256(storage.MAGIC + version.to_bytes(4, "little") + body).digest()
    return storage.HEAD.pack(storage.MAGIC, version, digest) + body


class Bomb:
    """Runs code where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def truncated(good, content, i, bomb):
    return good[: i * len(good) // 120]


def flipped(good, content, i, bomb):
    place = i if i < storage.HEAD.size else i * len(good) // KINDS[flipped][0]
    return good[:place] + bytes([good[place] ^ 1 << i % 8]) + good[place + 1 :]


def swapped(good, content, i, bomb):
    """Vectors in each other's place, under the old checksum."""
    order = next(itertools.islice(itertools.permutations(content.vectors), i + 1, None))
    vectors = {name: content.vectors[other] for name, other in zip(content.vectors, order, strict=True)}
    return good[: storage.HEAD.size] + sealed(content.facts, vectors)[storage.HEAD.size :]


def lengthened(good, content, i, bomb):
    return good + bytes(i + 1)


def other_version(good, content, i, bomb):
    return sealed(content.facts, content.vectors, version=i + 2)


def a_pickle(good, content, i, bomb):
    return pickle.dumps([Bomb(bomb)] * (i + 1), protocol=2 + i % 4)


def an_npz(good, content, i, bomb):
    stream = io.BytesIO()
    np.savez(stream, values=np.array([Bomb(bomb)], dtype=object), **{f"a{i}": np.zeros(i)})
    return stream.getvalue()


def something_else(good, content, i, bomb):
    return [bytes(i), b"epoch,loss\n" * i, rng.bytes(i), rng.normal(size=i).tobytes()][i % 4]


def pickled_inside(good, content, i, bomb):
    """An array of objects among the vectors, under a checksum that is right."""
    names = [*content.vectors, "more"]
    return sealed(content.facts, content.vectors | {names[i]: np.array([Bomb(bomb)], dtype=object)})


def forged(good, content, i, bomb):
    """Other content, under a checksum that is right."""
    facts, vectors = content.facts, content.vectors
    without = sorted(set(facts) - {"facts", "version"})
    options = [
        *(({k: v for k, v in facts.items() if k != name}, vectors) for name in without),
        (facts | {"state": {"seed": 1, "code": "import os"}}, vectors),
        (facts | {"version": "99.0"}, vectors),
        (facts | {"facts": {}}, vectors),
        (facts, {}),
        *((facts, vectors | {name: vectors[name][1:]}) for name in vectors),
        *((facts, vectors | {name: vectors[name].astype(np.float32)}) for name in vectors),
        (facts, vectors | {"values": vectors["kept.m"]}),
        (facts, vectors | {"values": vectors["values"][None]}),
        (facts, vectors | {"values": vectors["values"].astype("c16")}),
        (b"[]", {}),
        (b"{", {}),
        (b"\xff\xfe", {}),
        (b"[" * 100_000, {}),
        (b'{"vectors": 7}', {}),
        (b'{"vectors": ["values"]}', {}),
    ]
    assert len(options) == KINDS[forged][0]
    return sealed(*options[i])


OTHERS = {
    "is a checkpoint of DLClassifier; this estimator is a DLRegressor": (DLClassifier(**SMALL), X, c),
    r"hidden_layer_sizes=\(6,\); this estimator has \(7,\)": ({"hidden_layer_sizes": 7}, X, y),
    "alpha=0; this estimator has 0.1": ({"alpha": 0.1}, X, y),
    r"solver=AdamW\(.*; this estimator has SGD\(": ({"solver": "sgd"}, X, y),
    r"loss=SquaredError\(\); this estimator has Huber\(": ({"loss": "huber"}, X, y),
    "normalization='batch'; this estimator has 'layer'": ({"normalization": "layer"}, X, y),
    "max_iter=3; this estimator has 4; only the schedules constant": ({"max_iter": 4}, X, y),
    "random_state=0; this estimator has 1": ({"random_state": 1}, X, y),
    "random_state=0; this estimator has None": ({"random_state": None}, X, y),
    r"encoder='auto'; this estimator has TableEncoder\(": ({"encoder": TableEncoder()}, X, y),
    "early_stopping='auto'; this estimator has False": ({"early_stopping": False}, X, y),
    r"architecture='mlp'; this estimator has partial\(sklearn_dl.architectures.mlp": (
        {"architecture": partial(mlp)}, X, y
    ),
    r"scoring='loss'; this estimator has .*largest_error": ({"scoring": largest_error}, X, y),
    "columns of X 3; here it is 2": ({}, X[:, :2], y),
    r"columns of X 3; here it is \['a', 'b', 'c'\]": ({}, MIXED[list("abc")], y),
    "training rows 60; here it is 59": ({}, X[1:], y[1:]),
    "statistics of X SHA-256": ({}, 2 * X, y),
    r"statistics of y NumberEncoder\(center": ({}, X, 2 * y),
    "content of the training rows SHA-256": ({}, X[[1, 0, *range(2, 60)]], y),
    "dtype='auto'; this estimator has 'float32'": ({"dtype": "float32"}, X, y),
}  # fmt: skip

KINDS = {
    truncated: (119, r"is damaged|is not a checkpoint"),
    flipped: (195, r"is damaged|is not a checkpoint|is a checkpoint of format \d+"),
    swapped: (23, "is damaged: its content does not have the SHA-256"),
    lengthened: (10, "is damaged: its content does not have the SHA-256"),
    other_version: (20, r"is a checkpoint of format \d+; this version of sklearn_dl reads 1"),
    a_pickle: (40, "is not a checkpoint of sklearn_dl, it looks like a pickle"),
    an_npz: (20, "is not a checkpoint of sklearn_dl, it looks like a zip or .npz file"),
    something_else: (20, "is not a checkpoint of sklearn_dl"),
    pickled_inside: (5, "is not a checkpoint that sklearn_dl wrote: Object arrays cannot be loaded"),
    forged: (28, r"is not a checkpoint that sklearn_dl wrote|sklearn_dl 99|holds \d+ numbers|hidden_layer_sizes=None"),
}


def test_there_are_five_hundred_files():
    assert sum(n for n, _ in KINDS.values()) + len(OTHERS) == 500


def test_rows_are_blamed_before_a_parameter_that_nobody_set(tmp_path):
    many, target = np.tile(X, (2, 1)), np.tile(y, 2)
    path = tmp_path / "run"
    path.write_bytes(checkpoint_of(DLRegressor(random_state=0, max_iter=4), many, target, tmp_path / "first"))
    told = r"other data: training rows 120, for which \w+='auto' became .*; here are 90 rows, for which it is"
    with pytest.raises(ValueError, match=told):
        DLRegressor(random_state=0, max_iter=4).fit(many[:90], target[:90], resume_from=path)
    with pytest.raises(ValueError, match="with n_members=8; this estimator has 1"):  # and not the sizes that follow
        DLRegressor(random_state=0, max_iter=4, n_members=1).fit(many, target, resume_from=path)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "run"
    data = checkpoint_of(clone(ESTIMATOR), X, y, path)
    return data, storage.read(path), clone(ESTIMATOR).fit(X, y)


def test_what_another_version_holds_is_not_asked(good, tmp_path):
    _, content, _ = good
    facts = {"kind": "DLRegressor", "version": "99.0", "facts": {}, "a word of then": 1}
    path = tmp_path / "run"
    path.write_bytes(sealed(facts, content.vectors))
    with pytest.raises(ValueError, match=r"is a checkpoint of sklearn_dl 99\.0, which promises no bits to"):
        clone(ESTIMATOR).fit(X, y, resume_from=path)


def refuse(model, table, target, path, message):
    """Neither resumed from nor written over; one sentence that begins with the file's name; the model as it was."""
    before, fitted = path.read_bytes(), dict(vars(model))
    with pytest.raises(ValueError, match=message) as refusal:
        model.set_callbacks(Checkpoint(path)).fit(table, target, resume_from=path)
    sentence = str(refusal.value)
    assert sentence.startswith(str(path))
    assert sentence.endswith(".")
    assert "\n" not in sentence
    with pytest.raises(ValueError, match="run"):
        model.fit(table, target)
    model.set_callbacks()
    assert vars(model) == fitted
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["run"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_damaged_or_foreign_file_is_refused(kind, good, tmp_path, monkeypatch):
    n, message = KINDS[kind]
    data, content, model = good
    path, bomb = tmp_path / "run", str(tmp_path.parent / "bomb")
    seen = set()
    for i in range(n):
        bad = kind(data, content, i, bomb)
        seen.add(bad)
        path.write_bytes(bad)
        refuse(model, X, y, path, message)
    assert len(seen - {data}) == n
    assert not Path(bomb).exists(), "code was run"


@pytest.mark.parametrize("message", OTHERS)
def test_a_checkpoint_of_another_training_is_refused(message, good, tmp_path):
    other, table, target = OTHERS[message]
    path = tmp_path / "run"
    if isinstance(other, dict):
        path.write_bytes(good[0])
        refuse(clone(ESTIMATOR).set_params(**other), table, target, path, message)
    else:
        path.write_bytes(checkpoint_of(other, table, target, path))
        refuse(clone(ESTIMATOR), X, y, path, message)


def test_the_bomb_works(tmp_path):
    """So that its silence means something."""
    pickle.loads(a_pickle(b"", None, 0, str(tmp_path / "bomb"))).clear()
    assert (tmp_path / "bomb").exists()


def test_a_good_file_is_read_without_pickle(good, monkeypatch):
    monkeypatch.setitem(sys.modules, "pickle", None)
    path = good[1]
    assert set(path.vectors) == {"values", "fallback", "kept.m", "kept.v"}
