"""What people are used to from other packages, and bring along: Ctrl-C.

Each habit has its own section; where two habits contradict each other the docstring of the test says which one holds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score, learning_curve
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLRegressor
from sklearn_dl.compare import compare_with_linear

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=60)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, "learning_rate": "constant"}


# ---------------------------------------------------------------- Ctrl-C


class CtrlC:
    """A callback that interrupts one epoch, counted over all fits, and no other."""

    def __init__(self, at=3):
        self.at, self.epochs = at, 0

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.epochs += context.task_name == "epoch"
        if self.epochs == self.at and context.task_name == "epoch":
            raise KeyboardInterrupt


def interrupted(at=3, **params):
    return DLRegressor(**SMALL | params).set_callbacks(CtrlC(at))


class Twice(RegressorMixin, BaseEstimator):
    """A meta-estimator of somebody's own."""

    def __init__(self, part):
        self.part = part

    def fit(self, X, y):
        self.part_ = clone(self.part).fit(X, y)
        return self

    def predict(self, X):
        return self.part_.predict(X)


TWO = np.column_stack([y, y])
SEVERAL = {
    "grid search": lambda: GridSearchCV(interrupted(), {"alpha": [0.0, 1.0]}, cv=2).fit(X, y),
    "the last fit of a search": lambda: GridSearchCV(interrupted(23), {"alpha": [0.0, 1.0]}, cv=2).fit(X, y),
    "search over a pipeline": lambda: GridSearchCV(
        make_pipeline(StandardScaler(), interrupted()), {"dlregressor__alpha": [0.0, 1.0]}, cv=2
    ).fit(X, y),
    "pipeline of a search": lambda: make_pipeline(
        StandardScaler(), GridSearchCV(interrupted(), {"alpha": [0.0, 1.0]}, cv=2)
    ).fit(X, y),
    "cross-validation": lambda: cross_val_score(interrupted(), X, y, cv=3),
    "own meta-estimator in a search": lambda: cross_val_score(Twice(interrupted()), X, y, cv=3),
    "learning curve": lambda: learning_curve(interrupted(), X, y, cv=3),
    "bagging": lambda: BaggingRegressor(interrupted(), n_estimators=3).fit(X, y),
    "stacking": lambda: StackingRegressor([("net", interrupted()), ("line", Ridge())]).fit(X, y),
    "outputs": lambda: MultiOutputRegressor(interrupted()).fit(X, TWO),
    "chain": lambda: RegressorChain(interrupted()).fit(X, TWO),
    "comparison": lambda: compare_with_linear(interrupted(), X, y, cv=3),
    "minimiser": lambda: minimize_scalar(lambda alpha: -interrupted(alpha=alpha).fit(X, y).score(X, y), (0, 1)),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_ctrl_c_ends_what_fits_more_than_once(name):
    with pytest.raises(KeyboardInterrupt):
        SEVERAL[name]()


ONE = {
    "alone": lambda net: net,
    "pipeline": lambda net: make_pipeline(StandardScaler(), net),
    "pipeline in a pipeline": lambda net: make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), net)),
    "transformed target": lambda net: TransformedTargetRegressor(net, func=np.negative, inverse_func=np.negative),
    "own meta-estimator": Twice,
}


@pytest.mark.parametrize("name", ONE)
def test_ctrl_c_in_a_single_fit_keeps_what_was_learnt(name):
    with pytest.warns(UserWarning, match="training was interrupted"):
        model = ONE[name](interrupted()).fit(X, y)
    expected = ONE[name](DLRegressor(**SMALL | {"max_iter": 3})).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_an_own_loop_ends_by_the_warning():
    """A loop of one's own looks like a single fit, and the fit cannot know; the warning made an error ends it."""
    net = interrupted()
    with pytest.warns(UserWarning, match="interrupted"):
        net.fit(X, y)
    net = interrupted()
    with pytest.raises(UserWarning, match="interrupted"):  # warnings are errors in this suite
        net.fit(X, y)
    assert net.n_iter_ == 3  # and what was learnt is there


def test_what_ctrl_c_ends_inside_a_search_is_still_fitted():
    net = interrupted()
    chain = Chained(net)
    with pytest.raises(KeyboardInterrupt):
        cross_val_score(chain, X, y, cv=2)
    assert net.n_iter_ == 3


class Chained(Twice):
    """Fits its part itself rather than a clone."""

    def fit(self, X, y):
        self.part_ = self.part.fit(X, y)
        return self

    def __sklearn_clone__(self):
        return self


@pytest.mark.parametrize("first", [True, False])
def test_ctrl_c_in_partial_fit_ends_the_stream_and_leaves_the_network_as_it_was(first):
    net = DLRegressor(**SMALL)
    if not first:
        net.partial_fit(X, y)
        before = net.predict(X)
    net.set_callbacks(CtrlC(1))
    with pytest.raises(KeyboardInterrupt):
        net.partial_fit(X, y)
    if first:
        assert not hasattr(net, "fitted_")
    else:
        assert net.n_iter_ == 1
        np.testing.assert_array_equal(net.predict(X), before)


SEARCH = """
    import numpy as np
    from sklearn.model_selection import GridSearchCV
    from sklearn_dl import DLRegressor

    if __name__ == "__main__":
        X = np.random.default_rng(0).normal(size=(300, 3))
        y = X[:, 0]
        net = DLRegressor(n_members=1, max_iter=100_000, random_state=0, max_time=60)
        print("begun", flush=True)
        GridSearchCV(net, {"alpha": [0, 1e-3, 1e-2]}, cv=3, n_jobs=N_JOBS).fit(X, y)
        print("went on to its end", flush=True)
"""


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_ctrl_c_at_the_terminal_ends_a_search(n_jobs):
    """The signal goes to all processes of the group, as from a terminal."""
    code = textwrap.dedent(SEARCH).replace("N_JOBS", str(n_jobs))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline() == "begun\n"
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    try:
        out, err = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert "went on" not in out
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err
