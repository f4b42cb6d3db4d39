"""Dask: the same bits on any number of workers and partitions, whatever is killed; what is fitted is ordinary."""

from __future__ import annotations

import inspect
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import dask.array as da
import dask.bag
import dask.dataframe as dd
import joblib
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from scipy import sparse
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_dl
import sklearn_dl.dask as on_dask
from benchmarks import VARIABLES, scale
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.dask import fitting
from sklearn_dl.dask.positions import Deal
from sklearn_dl.dask.rounds import Course
from sklearn_dl.inspection import integrated_gradients
from sklearn_dl.search import EpochHalvingSearchCV

# what other packages and interpreters warn of when processes come and go
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Port 8787 is already in use:UserWarning"),  # by the cluster of another test
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

rng = np.random.default_rng(0)
N = 1200
X = pd.DataFrame(
    {
        "size": rng.normal(size=N),
        "price": np.where(rng.random(N) < 0.1, np.nan, 100 * rng.normal(size=N)),
        "kind": rng.choice(["bread", "cake", "pie"], N),
        "shop": rng.choice([f"s{i}" for i in range(30)], N),
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 600, N), unit="D"),
    }
)
y = X["size"] + (X["kind"] == "pie") + 0.1 * rng.normal(size=N)
c = pd.Series(np.where(y > 0.5, "much", "little"))
w = pd.Series(rng.integers(0, 3, N).astype(float))
SETTINGS = {"hidden_layer_sizes": (8,), "n_members": 2, "max_iter": 3, "random_state": 0, "n_shards": 4, "n_rounds": 2}


def parts(table, n=3):
    return dd.from_pandas(table, npartitions=n, sort=False)


@pytest.fixture(scope="module")
def client():
    config = {"distributed.worker.memory.terminate": False, "distributed.admin.log-format": "%(message)s"}
    with (
        dask.config.set(config),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def fitted(estimator, table, target, n=3, **keywords):
    return estimator.fit(parts(table, n), parts(target, n), **keywords)


def values(model):
    return model.fitted_.network.values


# ---------------------------------------------------------------- the same bits


def test_partitions_do_not_matter(client):
    first, *others = (fitted(on_dask.DLRegressor(**SETTINGS), X, y, n) for n in (1, 2, 7, 20))
    for other in others:
        np.testing.assert_array_equal(values(first), values(other))
        assert [r["loss"] for r in first.history_] == [r["loss"] for r in other.history_]
        np.testing.assert_array_equal(first.predict(X), other.predict(X))


@pytest.mark.parametrize(("n_workers", "threads"), [(1, 1), (4, 1), (1, 3)])
def test_numbers_of_workers_and_threads_do_not_matter(client, n_workers, threads):
    here = values(fitted(on_dask.DLRegressor(**SETTINGS), X, y))
    with (
        LocalCluster(n_workers, threads_per_worker=threads, processes=False, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as other,
        other.as_current(),
    ):
        there = values(fitted(on_dask.DLRegressor(**SETTINGS), X, y))
    np.testing.assert_array_equal(here, there)


def test_empty_partitions_and_unknown_divisions_do_not_matter(client):
    once = fitted(on_dask.DLClassifier(**SETTINGS), X, c)
    table, target = parts(X, 4), parts(c, 4)
    table = dd.concat([table.partitions[0], table.partitions[0].query("size > 99"), *table.partitions[1:].partitions])
    target = dd.concat([target.partitions[0], target.partitions[0].loc[[]], *target.partitions[1:].partitions])
    assert table.npartitions == 5
    again = on_dask.DLClassifier(**SETTINGS).fit(table.clear_divisions(), target.clear_divisions())
    np.testing.assert_array_equal(values(once), values(again))


def in_processes(n_workers, kills=0, **settings):
    """The values after a fit on workers that are processes, some of which are killed amid training, and how many."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 100}),
        LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        over, killed = threading.Event(), []

        def kill():
            """Kill a worker, again and again, once steps are taken; its nanny starts it anew."""
            while not over.is_set() and len(killed) < kills:
                pids = [nanny.pid for nanny in cluster.workers.values() if nanny.pid]
                if pids and any("epoch" in str(key) for key in client.who_has()):
                    os.kill(pids[len(killed) % len(pids)], signal.SIGKILL)
                    killed.append(pids)
                over.wait(0.5)

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            model = fitted(on_dask.DLRegressor(**SETTINGS | settings), X, y)
        finally:
            over.set()
            thread.join()
        return values(model), len(killed)


@pytest.mark.filterwarnings("ignore")
def test_processes_do_not_matter_nor_that_one_is_killed(client):
    here = values(fitted(on_dask.DLRegressor(**SETTINGS | {"max_iter": 30}), X, y))
    shot_at, killed = in_processes(2, kills=1, max_iter=30)
    assert killed == 1, "the fit was over before a worker was killed"
    np.testing.assert_array_equal(here, shot_at)


# ---------------------------------------------------------------- what is fitted


def test_one_shard_in_one_round_is_nearly_what_one_machine_does(client):
    settings = SETTINGS | {"n_shards": 1, "n_rounds": 1, "max_iter": 20, "early_stopping": False}
    far = fitted(on_dask.DLRegressor(**settings), X, y)
    own = {name: value for name, value in settings.items() if name not in ("n_shards", "n_rounds")}
    near = sklearn_dl.DLRegressor(**own, n_folds=1).fit(X, y)
    encoded = [model.encoder_.transform(X) for model in (far.estimator_, near)]  # learnt from all rows, here and there
    np.testing.assert_array_equal(*encoded)
    np.testing.assert_array_equal(far.fitted_.head.target.scale, near.fitted_.head.target.scale)
    assert far.score(parts(X), parts(y)) == pytest.approx(near.score(X, y), abs=0.05)


@pytest.mark.parametrize(("batch_size", "n_steps"), [(None, 1), (1000, 1), (50, 6)])
def test_batches_that_are_said_are_of_so_many_rows(client, batch_size, n_steps, monkeypatch):
    seen = []
    monkeypatch.setattr(fitting, "Course", lambda **said: seen.append(said["n_steps"]) or Course(**said))
    fitted(on_dask.DLRegressor(**SETTINGS | {"n_rounds": 1}, batch_size=batch_size, early_stopping=False), X, y)
    assert seen == [n_steps]


@pytest.mark.parametrize("n_members", [1, 2])
def test_what_was_auto_is_told_and_passed_back_gives_the_same_bits(client, n_members):
    model = on_dask.DLRegressor(**SETTINGS | {"n_members": n_members})
    settled = fitted(model, X, y).estimator_.settings_
    assert settled["batch_size"] == 64  # of a table of 135 rows, not of 1080
    again = fitted(clone(model).set_params(**settled), X, y)
    np.testing.assert_array_equal(values(again), values(fitted(model, X, y)))


def test_more_rows_than_are_looked_at_give_nearly_the_same_scales_and_exactly_the_same_levels(client, monkeypatch):
    whole = fitted(on_dask.DLRegressor(**SETTINGS, early_stopping=False), X, y).estimator_.encoder_
    monkeypatch.setattr("sklearn_dl.dask.positions.LOOKED_AT", 500)
    part = fitted(on_dask.DLRegressor(**SETTINGS, early_stopping=False), X, y).estimator_.encoder_
    assert part.levels_ == whole.levels_
    assert (part.center_ != whole.center_).all()
    np.testing.assert_allclose(part.scale_, whole.scale_, rtol=0.3)


def test_what_is_fitted_is_an_ordinary_estimator(client):
    model = fitted(on_dask.DLClassifier(**SETTINGS), X, c)
    ordinary = pickle.loads(pickle.dumps(model.estimator_))
    assert type(ordinary) is sklearn_dl.DLClassifier
    np.testing.assert_array_equal(ordinary.predict_proba(X), model.predict_proba(X))
    shares = integrated_gradients(ordinary, X.iloc[:5])
    assert np.isfinite(shares.values).all()
    assert ordinary.best_epoch_ in (1, 2, 3)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert not hasattr(clone(model), "estimator_")


def test_predictions_are_lazy_and_keep_the_form(client):
    model = fitted(on_dask.DLClassifier(**SETTINGS), X, c)
    table = parts(X, 4)
    labels, proba = model.predict(table), model.predict_proba(table)
    assert labels.npartitions == proba.npartitions == 4
    assert list(proba.columns) == ["little", "much"]
    np.testing.assert_array_equal(labels.compute(), model.predict(X))
    np.testing.assert_array_equal(proba.compute(), model.predict_proba(X))
    assert (labels.compute().index == X.index).all()
    assert model.score(table, parts(c, 4)) == pytest.approx(model.score(X, c))
    assert model.score(table, parts(c, 4), parts(w, 4)) == pytest.approx(model.score(X, c, w))


def test_arrays_and_several_targets(client):
    A, Y = X[["size", "price"]].to_numpy(), np.column_stack([y, -y])
    model = on_dask.DLRegressor(**SETTINGS).fit(da.from_array(A, (300, 1)), da.from_array(Y, (200, 2)))
    predicted = model.predict(da.from_array(A, (300, 2)))
    assert predicted.shape == (N, 2)
    assert predicted.chunks[0] == (300,) * 4
    np.testing.assert_array_equal(predicted.compute(), model.predict(A))
    score = model.score(da.from_array(A, (300, 2)), da.from_array(Y, (200, 2)))
    assert score == pytest.approx(model.score(A, Y))


def test_weights_and_classes(client):
    weighted = fitted(on_dask.DLClassifier(**SETTINGS), X, c, sample_weight=parts(w))
    there = (w > 0).to_numpy()
    assert weighted.fitted_.state.n_rows < there.sum()  # and some are held out
    balanced = fitted(on_dask.DLClassifier(**SETTINGS, class_weight="balanced"), X, c)
    assert balanced.get_params()["class_weight"] == balanced.estimator_.class_weight == "balanced"
    rare = pd.Series(np.where(np.arange(N) % 20 == 0, "rare", "common"))
    plain, even = (
        fitted(on_dask.DLClassifier(**SETTINGS, learning_rate_init=0.05, class_weight=weight), X, rare)
        .predict_proba(X)[:, 1]
        .mean()
        for weight in (None, "balanced")
    )
    assert plain < 0.25 < 0.35 < even
    given = fitted(on_dask.DLClassifier(**SETTINGS), X, c, classes=["little", "more", "much"])
    assert given.predict_proba(parts(X)).compute().shape == (N, 3)


def test_a_validation_set_of_either_kind(client):
    held = X.iloc[:200], y.iloc[:200]
    local = fitted(on_dask.DLRegressor(**SETTINGS), X, y, X_val=held[0], y_val=held[1])
    far = fitted(on_dask.DLRegressor(**SETTINGS), X, y, X_val=parts(held[0]), y_val=parts(held[1]))
    np.testing.assert_array_equal(values(local), values(far))
    assert local.fitted_.state.n_rows == N
    assert [r["validation_loss"] for r in local.history_] == [r["validation_loss"] for r in far.history_]


def test_checkpoints_callbacks_and_stopping(client, tmp_path):
    path = tmp_path / "far.checkpoint"

    class StopAt:
        def __init__(self, epoch):
            self.epoch = epoch

        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            return context.task_name == "epoch" and fitted_estimator.n_iter_ == self.epoch

    settings = SETTINGS | {"max_iter": 5, "momentum": 0.5}
    whole = fitted(on_dask.DLRegressor(**settings), X, y)
    stopped = fitted(on_dask.DLRegressor(**settings).set_callbacks(Checkpoint(path), StopAt(2)), X, y)
    assert stopped.n_iter_ == 2
    resumed = fitted(on_dask.DLRegressor(**settings), X, y, resume_from=path)
    np.testing.assert_array_equal(values(whole), values(resumed))
    with pytest.raises(ValueError, match=r"checkpoint of DLRegressor with momentum=0\.5; this estimator has 0\.2"):
        fitted(on_dask.DLRegressor(**settings | {"momentum": 0.2}), X, y, resume_from=path)
    assert fitted(on_dask.DLRegressor(**settings | {"max_time": 1e-6}), X, y).estimator_.ended_by_ == "max_time"


# ---------------------------------------------------------------- the client's memory


def test_nothing_gathers_the_table_on_the_client(client, monkeypatch):
    """What comes to the client, counted: the held-out rows, some to look at, and the vectors."""
    monkeypatch.setattr("sklearn_dl.dask.positions.HELD_OUT", 2000)
    monkeypatch.setattr("sklearn_dl.dask.settings.HELD_OUT", 2000)
    monkeypatch.setattr("sklearn_dl.dask.positions.LOOKED_AT", 2000)
    n, seen = 200_000, []
    gather = Client.gather
    monkeypatch.setattr(Client, "gather", lambda self, *a, **k: seen.append(gather(self, *a, **k)) or seen[-1])
    A = da.random.default_rng(0).normal(size=(n, 10), chunks=(20_000, 10))
    settings = SETTINGS | {"max_iter": 2, "n_shards": 8, "n_rounds": 2}
    on_dask.DLRegressor(**settings).fit(A, A[:, 0] + A[:, 1])
    came = sum(len(pickle.dumps(answer)) for answer in seen)
    assert 0 < came < 0.1 * n * 10 * 4


# ---------------------------------------------------------------- searches, and the guide


@pytest.mark.parametrize(
    "kind",
    [
        lambda net: GridSearchCV(net, {"alpha": [0.0, 1.0]}, cv=2),
        lambda net: RandomizedSearchCV(net, {"alpha": [0.0, 1.0, 9.0]}, n_iter=2, cv=2, random_state=0),
        lambda net: HalvingGridSearchCV(
            net, {"alpha": [0.0, 1.0, 9.0]}, cv=2, resource="max_iter", max_resources=6, random_state=0
        ),
        lambda net: EpochHalvingSearchCV(net, {"alpha": [0.0, 1.0, 9.0]}, cv=2),
    ],
    ids=["grid", "random", "halving", "epochs"],
)
def test_searches_on_the_cluster_find_what_they_find_here(kind, client):
    network = sklearn_dl.DLRegressor(hidden_layer_sizes=(4,), n_members=1, max_iter=6, random_state=0)
    table, target = X[["size", "price"]], y
    here = kind(network).fit(table, target)
    with joblib.parallel_config(backend="dask"):
        there = kind(network).fit(table, target)
    assert here.best_params_ == there.best_params_
    np.testing.assert_array_equal(here.cv_results_["mean_test_score"], there.cv_results_["mean_test_score"])


@pytest.mark.filterwarnings("ignore")
def test_a_search_in_processes_of_a_cluster():
    network = sklearn_dl.DLRegressor(hidden_layer_sizes=(4,), n_members=1, max_iter=6, random_state=0)
    grid = {"dlregressor__alpha": [0.0, 9.0, 99.0]}
    search = EpochHalvingSearchCV(make_pipeline(StandardScaler(), network), grid, cv=2)
    here = clone(search).fit(X[["size"]], y)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        search.fit(X[["size"]], y)
    np.testing.assert_array_equal(here.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(here.predict(X[["size"]]), search.predict(X[["size"]]))


def test_the_guide(client, monkeypatch, tmp_path):
    text = (Path(__file__).resolve().parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")
    namespace = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, "scaling.md", "exec"), namespace)
    assert namespace["search"].n_candidates_ == [9, 3, 1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("what", "told"), [("accuracy", r"Dask {}: \d"), ("speed", r"\| 1 workers"), ("memory", "peaks")]
)
def test_the_benchmark(what, told, capsys, monkeypatch):
    for name in VARIABLES:
        monkeypatch.setenv(name, os.environ.get(name, "1"))  # so that they are as before afterwards
    scale.main([what, "--smoke", "--repeat", "1"])
    assert re.search(told, capsys.readouterr().out)


# ---------------------------------------------------------------- positions


@pytest.mark.parametrize("n_rows", [10, 1000, 400_000])
def test_each_row_goes_to_one_cell_and_cells_are_of_one_size(n_rows):
    deal = Deal(n_rows, 0.1, 8, 3)
    at = np.arange(n_rows)
    sizes = np.bincount(deal.cells()[at // deal.stretch], minlength=8)
    assert sizes.sum() == n_rows
    assert np.ptp(sizes) <= 2 * deal.stretch
    if n_rows > 10:
        assert deal.is_held_out(at).mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / n_rows))
        assert np.corrcoef(deal.is_held_out(at)[1:], deal.is_held_out(at)[:-1])[0, 1] < 4 / np.sqrt(n_rows)
    looked_at = deal.is_looked_at(at).mean() * n_rows
    assert looked_at == pytest.approx(min(n_rows, 2**17), rel=0.02)


# ---------------------------------------------------------------- what is wrong


def renamed(table):
    return dd.concat([parts(table, 2), parts(table.rename(columns={"size": "length"}), 2)])


WRONG = {
    "in memory": (X, y, {}, TypeError, "X must be a Dask DataFrame, Series or array; got DataFrame"),
    "y in memory": (parts(X), y, {}, TypeError, "y must be a Dask DataFrame, Series or array; got Series"),
    "cut differently": (parts(X, 3), parts(y, 2), {}, ValueError, "partitions alike; got X 3, y 2 partitions"),
    "other lengths": (
        parts(X, 2), dd.concat([parts(y.iloc[:700], 1), parts(y.iloc[700:], 1)]), {}, ValueError,
        "partition 0 has X 600, y 700 rows",
    ),
    "a bag": (dask.bag.from_sequence(range(4)), parts(y), {}, TypeError, "X must be a Dask .* or array; got Bag"),
    "delayed": (dask.delayed(X), parts(y), {}, TypeError, "X must be a Dask .* or array; got Delayed"),
    "one column": (parts(X["size"]), parts(y), {}, ValueError, "rows and columns; got Series of 1 dimensions"),
    "no dimensions": (da.ones(()), parts(y), {}, ValueError, "rows and columns; got Array of 0 dimensions"),
    "no rows": (parts(X).query("size > 99"), parts(y)[parts(y) > 99], {}, ValueError, "partitions are empty"),
    "sparse blocks": (
        da.ones((100, 3), chunks=(50, 3)).map_blocks(sparse.csr_array), da.ones(100, chunks=50), {}, ValueError,
        "partition . holds a sparse matrix, which is not taken on Dask",
    ),
    "missing targets": (parts(X), parts(y.where(y > 0)), {}, ValueError, "y contains NaN"),
    "folds": (parts(X), parts(y), {"n_folds": 4}, ValueError, "n_folds must be 'auto' or 1 on Dask"),
    "warm start": (parts(X), parts(y), {"warm_start": True}, ValueError, "warm_start must be False on Dask"),
    "scoring": (parts(X), parts(y), {"scoring": "r2"}, ValueError, "scoring must be 'loss' on Dask"),
    "lbfgs": (parts(X), parts(y), {"solver": "lbfgs"}, ValueError, "solver 'lbfgs' needs all rows"),
    "shards": (parts(X), parts(y), {"n_shards": 0}, ValueError, "n_shards must be 'auto' or an int >= 1; got 0"),
    "too many shards": (parts(X), parts(y), {"n_shards": 9999}, ValueError, "n_shards times n_rounds must be so many"),
    "a parameter": (parts(X), parts(y), {"dropout": 2.0}, ValueError, "dropout must be"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_in_a_sentence_and_nothing_is_left_running(case, client):
    table, target, settings, kind, words = WRONG[case]
    with pytest.raises(kind, match=words) as caught:
        on_dask.DLRegressor(**SETTINGS | settings).fit(table, target)
    assert "\n" not in str(caught.value)
    deadline = time.monotonic() + 10
    while (left := [key for key in client.who_has() if "sklearn_dl" in str(key)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def test_partitions_of_other_columns_or_types_are_named(client):
    frames = [dask.delayed(X.iloc[:600]), dask.delayed(X.iloc[600:].rename(columns={"size": "length"}))]
    table = dd.from_delayed(frames, meta=X.iloc[:0], verify_meta=False)
    with pytest.raises(ValueError, match=r"partition 1 of X has the columns .'length', .* the first one has .'size'"):
        on_dask.DLRegressor(**SETTINGS).fit(table, parts(y, 2))
    frames = [dask.delayed(X.iloc[:600]), dask.delayed(X.iloc[600:].assign(kind=1.5))]
    table = dd.from_delayed(frames, meta=X.iloc[:0], verify_meta=False)
    with pytest.raises(ValueError, match="column 'kind' of X"):
        on_dask.DLRegressor(**SETTINGS).fit(table, parts(y, 2))


def test_labels_of_other_types_in_a_partition_are_told(client):
    several = [dask.delayed(c.iloc[:600]), dask.delayed(pd.Series(1.0, c.index[600:]))]
    target = dd.from_delayed(several, meta=c.iloc[:0], verify_meta=False)
    with pytest.raises(ValueError, match=r"labels of y must be of one type in all partitions; got float and str\.$"):
        on_dask.DLClassifier(**SETTINGS).fit(parts(X, 2), target)


def test_without_a_client(monkeypatch):
    def none():
        raise ValueError("No global client found")

    monkeypatch.setattr("distributed.get_client", none)
    with pytest.raises(ValueError, match="fit needs a Dask client that is connected"):
        fitted(on_dask.DLRegressor(**SETTINGS), X, y)


def test_a_closed_client(client):
    with Client(client.cluster, set_as_default=False) as other:
        pass
    with other.as_current(), pytest.raises(ValueError, match="fit needs a Dask client that is connected"):
        fitted(on_dask.DLRegressor(**SETTINGS), X, y)


@pytest.mark.parametrize("which", ["client", "cluster"])
def test_what_is_closed_amid_a_fit_is_told(which):
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        closes = {"client": client.close, "cluster": cluster.close}[which]

        class Close:
            def setup(self, estimator, context): ...
            def teardown(self, estimator, context): ...
            def on_fit_task_begin(self, estimator, context): ...

            def on_fit_task_end(self, estimator, context):
                if context.task_name == "epoch":
                    closes()

        model = on_dask.DLRegressor(**SETTINGS).set_callbacks(Close())
        with pytest.raises(ConnectionError, match=r"client was closed, or lost its scheduler, before the work was"):
            fitted(model, X, y)


def test_without_dask():
    code = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(('dask', 'distributed'))\n"
        "import sklearn_dl.dask as far\n"
        "try: far.DLRegressor().fit(0, 0)\n"
        "except ImportError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r'sklearn_dl\.dask needs dask .*: pip install "sklearn-dl\[dask\]" .*\n', told)


def test_parameters_are_those_of_the_ordinary_estimators():
    for name in ("DLClassifier", "DLRegressor"):
        far, near = (inspect.signature(getattr(module, name)).parameters for module in (on_dask, sklearn_dl))
        assert {k: v.default for k, v in far.items() if k in near} == {k: v.default for k, v in near.items()}
        assert list(far)[len(near) :] == ["n_shards", "n_rounds", "momentum"]
