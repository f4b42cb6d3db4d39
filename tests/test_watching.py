"""What one sees of a training: a line an epoch, records, curves, HTML, scikit-learn's progress bar and monitor."""

from __future__ import annotations

import html.parser
import re
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LinearRegression
from sklearn.metrics import brier_score_loss, make_scorer
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._engine.network import Network
from sklearn_dl._estimators.html import MAX_LAYERS, MAX_POINTS, network_html
from sklearn_dl._training.printing import duration, epoch_line
from sklearn_dl.displays import TrainingCurveDisplay
from sklearn_dl.layers import Dense, Layer, Residual, Sequential

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=60)
c = np.digitize(y, [-1.0, 1.0])
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}
HELD = {"X_val": X[40:], "y_val": y[40:]}
TARGET = {DLRegressor: y, DLClassifier: c}
both = pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])


# ---------------------------------------------------------------- a line an epoch

NUMBER = r"-?\d[\d.e+-]*"
TIME = r"(?:[\d.]+ (?:s|ms)|\d+ min \d\d s|\d+ h \d\d min)"
LINE = re.compile(
    rf"epoch +(\d+)/(\d+)  loss ({NUMBER}) *(?:  validation ({NUMBER}) *)?(?:  score ({NUMBER}) *)?"
    rf"  rate ({NUMBER}) *  ({TIME}) an epoch  ({TIME}) left"
)
WATCHED = {
    "training only": ({}, {}),
    "validation": ({}, HELD),
    "score": ({"scoring": "r2"}, HELD),
    "lbfgs": ({"solver": "lbfgs"}, HELD),
}


def test_nothing_is_printed_unasked(capsys):
    DLRegressor(**SMALL).fit(X, y, **HELD)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", WATCHED)
def test_verbose_tells_what_history_holds(name, capsys):
    params, keywords = WATCHED[name]
    model = DLRegressor(**SMALL | {"max_iter": 12}, **params, verbose=1).fit(X, y, **keywords)
    *lines, closing = capsys.readouterr().out.splitlines()
    assert len(lines) == len(model.history_) == 12
    assert closing.startswith(f"kept epoch {model.best_epoch_ or 12} of 12  loss ")
    assert len({line.index("rate") for line in lines}) == 1, "the columns do not stand below each other"
    for line, record in zip(lines, model.history_, strict=True):
        number, last, loss, validation, score, rate, _, _ = LINE.fullmatch(line).groups()
        assert (int(number), int(last)) == (record["epoch"], 12)
        for shown, key in ((loss, "loss"), (validation, "validation_loss"), (score, "validation_score")):
            assert (shown is None) == (key not in record)
            assert shown is None or float(shown) == pytest.approx(record[key], rel=1e-4)
        assert float(rate) == pytest.approx(record["learning_rate"], rel=1e-2)
    assert lines[-1].endswith("  0 s left")


def test_the_seconds_left_go_down_and_know_of_max_time(capsys, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr("sklearn_dl._training.monitor.time.perf_counter", lambda: float(next(clock)))

    def left(**params):
        DLRegressor(**SMALL | params, verbose=1).fit(X, y)
        return [LINE.fullmatch(line)[8] for line in capsys.readouterr().out.splitlines()[:-1]]

    plain = left()
    assert plain[-1] == "0 s"
    seconds = [float(text.split()[0]) for text in plain]
    assert seconds == sorted(seconds, reverse=True)
    assert len(set(seconds)) == 5
    bounded = left(max_time=6)
    assert all(float(text.split()[0]) <= 6 for text in bounded)


def test_verbose_goes_on_counting_in_a_warm_start(capsys):
    model = DLRegressor(**SMALL, warm_start=True, verbose=1).fit(X, y).fit(X, y)
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("kept")]
    numbers = [LINE.fullmatch(line).groups()[:2] for line in lines]
    assert numbers == [(str(i), "5") for i in range(1, 6)] + [(str(i), "10") for i in range(6, 11)]
    model.partial_fit(X, y)
    assert LINE.fullmatch(capsys.readouterr().out.strip()).groups()[:2] == ("11", "11")


KEPT = re.compile(
    rf"kept epoch (\d+) of (\d+)(?: and (\d+) more on all rows)?"
    rf"  loss ({NUMBER}) *(?:  validation ({NUMBER}) *)?(?:  score ({NUMBER}) *)?"
    rf"  {TIME} in all"
)
KEEPING = {
    "nothing is judged": ({}, {}),
    "held out": ({"learning_rate_init": 0.3, "learning_rate": "constant"}, HELD),
    "score": ({"scoring": "r2", "learning_rate_init": 0.3}, HELD),
    "folds": ({"n_members": 4, "n_folds": 2, "learning_rate_init": 0.3, "max_iter": 70}, {}),
    "lbfgs": ({"solver": "lbfgs"}, HELD),
    "stops early": ({"n_iter_no_change": 1, "tol": 0.1}, HELD),
    "target loss": ({"target_loss": 1e9}, {}),
}


@pytest.mark.parametrize("verbose", [1, 3, 10, 1000])
@pytest.mark.parametrize("name", KEEPING)
def test_the_last_line_says_which_epoch_was_kept(name, verbose, capsys):
    params, keywords = KEEPING[name]
    model = DLRegressor(**SMALL | {"max_iter": 25} | params, verbose=verbose).fit(X, y, **keywords)
    *lines, closing = capsys.readouterr().out.splitlines()
    numbers = [int(LINE.fullmatch(line)[1]) for line in lines]
    assert numbers == [r["epoch"] for r in model.history_ if r["epoch"] % verbose == 0]
    kept, reached, more, loss, validation, score = KEPT.fullmatch(closing).groups()
    assert int(reached) + int(more or 0) == len(model.history_)
    assert (more is not None) == (name == "folds")
    assert int(kept) == (model.best_epoch_ or len(model.history_))
    record = model.history_[int(kept) - 1]
    for shown, key in ((loss, "loss"), (validation, "validation_loss"), (score, "validation_score")):
        assert (shown is None) == (key not in record)
        assert shown is None or float(shown) == pytest.approx(record[key], rel=1e-4)


def test_the_last_line_of_a_warm_start_is_about_that_fit(capsys):
    model = DLRegressor(**SMALL, warm_start=True, verbose=10).fit(X, y, **HELD)
    first = capsys.readouterr().out.splitlines()[-1]
    model.fit(X, y)
    assert KEPT.fullmatch(first)[1] == "5"
    assert capsys.readouterr().out.splitlines()[-1].startswith("kept epoch 10 of 10  loss ")


def test_a_stream_prints_no_last_line(capsys):
    DLRegressor(**SMALL, verbose=1).partial_fit(X, y)
    assert "kept" not in capsys.readouterr().out


@pytest.mark.parametrize("value", [1.0, 1.2345678, 1e-12, 123456.0, -0.5, 1e99])
def test_a_loss_of_any_size_takes_the_same_room(value):
    record = {"epoch": 1, "loss": value, "learning_rate": 1e-3, "seconds": 1.0}
    line = epoch_line(record, 10, 1.0, 9.0)
    assert float(LINE.fullmatch(line)[3]) == pytest.approx(value, rel=1e-4)
    assert line.index("rate") == epoch_line(record | {"loss": 0.1}, 10, 1.0, 9.0).index("rate")


def test_durations_have_no_gaps_between_units():
    for seconds in np.geomspace(1e-6, 1e5, 500):
        assert re.fullmatch(TIME, duration(seconds).replace("e-0", "")), duration(seconds)
    assert duration(59.6) == "1 min 00 s"
    assert duration(3599.6) == "1 h 00 min"
    assert duration(0.9996) == "1.0 s"


# ---------------------------------------------------------------- records


@both
def test_history_is_ready_for_a_data_frame(estimator):
    target = TARGET[estimator]
    model = estimator(**SMALL, scoring="r2" if estimator is DLRegressor else "accuracy")
    model.fit(X, target, X_val=X[40:], y_val=target[40:])
    frame = pd.DataFrame(model.history_).set_index("epoch")
    assert frame.index.tolist() == [1, 2, 3, 4, 5]
    assert frame.columns.tolist() == ["loss", "learning_rate", "seconds", "validation_loss", "validation_score"]
    assert set(frame.dtypes.astype(str)) == {"float64"}
    assert frame.notna().all(axis=None)
    assert frame["loss"].tolist() == model.loss_curve_
    assert frame["validation_score"].tolist() == model.validation_scores_
    assert frame["validation_loss"][model.best_epoch_] == model.best_loss_


def test_the_record_of_a_fit_is_told_in_a_line():
    model = DLRegressor(**SMALL).fit(X, y)
    assert repr(model.fitted_) == "<Fitted: 31 values after 5 epochs>"


# ---------------------------------------------------------------- curves


@pytest.fixture(autouse=True)
def no_windows():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    yield
    plt.close("all")


LABELS = ["training loss", "validation loss", "validation R²"]
CURVES = {"training only": 1, "validation": 2, "score": 3, "lbfgs": 2}


@pytest.mark.parametrize("name", CURVES)
def test_the_curves_are_those_of_the_model(name):
    params, keywords = WATCHED[name]
    model = DLRegressor(**SMALL, **params).fit(X, y, **keywords)
    display = TrainingCurveDisplay.from_estimator(model)
    assert [line.get_label() for line in display.lines_] == LABELS[: CURVES[name]]
    curves = [model.loss_curve_, model.validation_loss_curve_, model.validation_scores_]
    for line, curve in zip(display.lines_, curves, strict=False):
        assert list(line.get_xdata()) == [1, 2, 3, 4, 5]
        np.testing.assert_array_equal(line.get_ydata(), curve)
    assert display.figure_ is display.ax_.figure
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("Epoch", "Loss")
    assert (display.score_ax_ is not None) == (name == "score")
    display.figure_.canvas.draw()


def test_the_best_epoch_is_the_one_whose_weights_were_kept():
    model = DLRegressor(**SMALL | {"max_iter": 60, "hidden_layer_sizes": (50,)}, learning_rate_init=0.2)
    model.set_params(learning_rate="constant", n_iter_no_change=np.inf).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    display = TrainingCurveDisplay.from_estimator(model)
    best = display.best_epoch
    assert best == 1 + int(np.argmin(model.validation_loss_curve_)) < 60
    assert set(display.best_line_.get_xdata()) == {best}
    assert f"best epoch: {best}" in [text.get_text() for text in display.ax_.get_legend().get_texts()]
    reference = DLRegressor(**model.get_params() | {"max_iter": best}).fit(X[:30], y[:30])  # ends there
    np.testing.assert_array_equal(model.predict(X), reference.predict(X))


def test_scores_decide_on_the_best_epoch_where_they_are_watched():
    given = iter([0.2, 0.9, 0.9, np.nan, 0.1])
    with pytest.warns(UserWarning, match="gives nan on the validation set"):
        model = DLRegressor(**SMALL, scoring=lambda *_: next(given)).fit(X, y, **HELD)
    assert TrainingCurveDisplay.from_estimator(model).best_epoch == model.best_epoch_ == 2  # the first of equals
    assert model.best_loss_ == model.validation_loss_curve_[1]
    assert "best epoch: 2" in shown(model._repr_html_())
    model = DLRegressor(**SMALL).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(model)
    assert (model.best_epoch_, display.best_epoch, display.best_line_) == (None, None, None)
    assert "best epoch" not in shown(model._repr_html_())


def test_epochs_without_validation_leave_a_gap():
    model = DLRegressor(**SMALL, warm_start=True).fit(X, y).fit(X, y, **HELD).fit(X, y).fit(X, y, **HELD)
    line = TrainingCurveDisplay.from_estimator(model).lines_[1]
    at, height = line.get_data()
    assert at[np.isfinite(height)].tolist() == [6, 7, 8, 9, 10, 16, 17, 18, 19, 20]
    assert np.flatnonzero(np.isnan(height)).tolist() == [5]


def validation_paths(document):
    return re.findall(r'<path d="([^"]*)"', document)[2:]


@pytest.mark.parametrize("max_iter", [32, 40, 70, 2000])
def test_epochs_between_two_looks_at_the_folds_leave_none(max_iter):
    model = DLRegressor(**SMALL | {"hidden_layer_sizes": (2,)}, n_members=2, n_folds=2).set_params(max_iter=max_iter)
    model.fit(X, y)
    line = TrainingCurveDisplay.from_estimator(model).lines_[1]
    judged = [record["epoch"] for record in model.history_ if "validation_loss" in record]
    assert line.get_xdata().tolist() == judged
    assert len(judged) < model.n_iter_
    assert line.get_ydata().tolist() == model.validation_loss_curve_
    assert len(model.validation_loss_curve_) == len(judged)
    (path,) = validation_paths(network_html(model.network_, model.history_, None))
    assert (path.count("M"), path.count("L")) == (1, len(judged) - 1)


def test_a_lone_epoch_is_a_dot():
    model = DLRegressor(**SMALL | {"max_iter": 1}).fit(X, y, **HELD)
    for line in TrainingCurveDisplay.from_estimator(model).lines_:
        assert (line.get_marker(), line.get_markevery()) == ("o", [0])
    two = TrainingCurveDisplay(epochs=[1, 2, 3], losses=[3.0, 2.0, 1.0], validation_losses=[1.0, np.nan, np.nan]).plot()
    assert [line.get_marker() for line in two.lines_] == ["None", "o"]


SCORERS = {"roc_auc": "roc_auc", None: "accuracy", make_scorer(brier_score_loss): "brier_score_loss"}


@pytest.mark.parametrize("scoring", SCORERS, ids=str)
def test_the_axis_names_the_scorer(scoring):
    model = DLClassifier(**SMALL, scoring=scoring).fit(X, y > 0, X_val=X, y_val=y > 0)
    display = TrainingCurveDisplay.from_estimator(model)
    assert display.score_ax_.get_ylabel() == f"Validation {SCORERS[scoring]}"
    assert display.lines_[2].get_label() == f"validation {SCORERS[scoring]}"


@pytest.mark.parametrize("name", CURVES)
def test_the_legend_covers_no_curve(name):
    params, keywords = WATCHED[name]
    display = TrainingCurveDisplay.from_estimator(DLRegressor(**SMALL, **params).fit(X, y, **keywords))
    display.figure_.canvas.draw()
    legend, inside = display.ax_.get_legend().get_window_extent(), display.ax_.get_window_extent()
    assert legend.y0 >= inside.y1
    assert display.figure_.bbox.y1 >= legend.y1


def test_axes_and_style_are_the_users():
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2)
    model = DLRegressor(**SMALL).fit(X, y, **HELD)
    display = TrainingCurveDisplay.from_estimator(model, ax=right, line_kw={"linewidth": 7})
    assert (display.ax_, display.figure_) == (right, figure)
    assert not left.lines
    assert {line.get_linewidth() for line in display.lines_} == {7}
    again = display.plot(left)
    assert again is display
    assert display.ax_ is left
    assert len(left.lines) == 3  # two curves and the mark


AROUND = {
    "pipeline": make_pipeline(StandardScaler(), DLRegressor(**SMALL)),
    "search": GridSearchCV(make_pipeline(StandardScaler(), DLRegressor(**SMALL)), {"dlregressor__alpha": [0, 1]}, cv=2),
    "transformed target": TransformedTargetRegressor(DLRegressor(**SMALL), func=np.arcsinh, inverse_func=np.sinh),
}


@pytest.mark.parametrize("name", AROUND)
def test_the_network_is_found_within(name):
    model = AROUND[name]
    with pytest.raises(NotFittedError, match="not fitted yet"):
        TrainingCurveDisplay.from_estimator(model)
    display = TrainingCurveDisplay.from_estimator(model.fit(X, y))
    assert len(display.lines_[0].get_xdata()) == 5


def test_what_has_no_network_is_refused():
    for other in (LinearRegression().fit(X, y), 3):
        with pytest.raises(TypeError, match=f"such as a Pipeline or a search; got {type(other).__name__}"):
            TrainingCurveDisplay.from_estimator(other)
    bagging = BaggingRegressor(DLRegressor(**SMALL), n_estimators=2).fit(X, y)
    with pytest.raises(TypeError, match="must hold one network, and BaggingRegressor holds a list"):
        TrainingCurveDisplay.from_estimator(bagging)
    with pytest.raises(NotFittedError, match="DLRegressor instance is not fitted yet"):
        TrainingCurveDisplay.from_estimator(DLRegressor())


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    model = DLRegressor(**SMALL).fit(X, y)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"matplotlib, which is not installed: python -m pip install matplotlib\.$"):
        TrainingCurveDisplay.from_estimator(model)


# ---------------------------------------------------------------- in a notebook


class Outline(html.parser.HTMLParser):
    """Checks that tags close in order; keeps the text, the tags and their attributes."""

    VOID = frozenset({"input", "br", "meta"})

    def __init__(self, document):
        super().__init__()
        self.open, self.tags, self.text, self.attributes = [], [], [], []
        self.feed(document)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def shown(document):
    return " ".join(" ".join(Outline(document).text).split())


@both
def test_the_notebook_shows_the_network(estimator):
    target = TARGET[estimator]
    n_out = 1 if estimator is DLRegressor else 3
    model = estimator(**SMALL).fit(X, target, X_val=X[40:], y_val=target[40:])
    text = shown(model._repr_html_())
    n_params = 3 * 6 + 6 + 6 * n_out + n_out
    assert f"Network: {n_params} parameters in float64, 5 epochs" in text
    assert "Layer Arrays Parameters Dense weight 3 × 6, bias 6 24 ReLU Dense" in text
    assert f"Dense weight 6 × {n_out}, bias {n_out} {7 * n_out}" in text
    assert "training and validation loss" in text
    assert "Fitted attributes" in text
    assert "hidden_layer_sizes" in text
    assert model._repr_mimebundle_()["text/html"].count("<svg") == 1


def test_an_unfitted_estimator_is_shown_as_scikit_learn_does():
    text = shown(DLRegressor(dropout=0.5)._repr_html_())
    assert "dropout" in text
    assert "Network:" not in text


def test_the_parameters_are_those_of_any_estimator():
    """The hook is that of fitted attributes; parameters and their marks are left to scikit-learn."""
    model = DLRegressor(**SMALL).fit(X, y)
    own, plain = (m._get_params_html(False)._repr_html_inner() for m in (model, DLRegressor(**SMALL)))
    assert own == plain
    assert own in model._repr_html_()
    assert plain in DLRegressor(**SMALL)._repr_html_()


def test_the_notebook_within_other_estimators():
    pipe = make_pipeline(StandardScaler(), DLRegressor(**SMALL))
    assert "Network:" not in shown(estimator_html_repr(pipe))
    assert shown(estimator_html_repr(pipe.fit(X, y))).count("Network: 31 parameters") == 1
    search = GridSearchCV(pipe, {"dlregressor__alpha": [0.0, 1.0]}, cv=2)
    assert "Network:" not in shown(estimator_html_repr(search))
    assert shown(estimator_html_repr(search.fit(X, y))).count("Network: 31 parameters") == 1
    bagging = BaggingRegressor(DLRegressor(**SMALL), n_estimators=2).fit(X, y)
    assert "Network:" not in shown(estimator_html_repr(bagging))  # what it shows is the unfitted template


def test_the_table_of_attributes_stays():
    attributes = DLRegressor(**SMALL).fit(X, y)._get_fitted_attr_html()
    assert {"network_", "history_", "n_features_in_"} <= set(attributes)
    assert "n_features_in_" in shown(attributes._repr_html_inner())


class Evil(Dense):
    """A layer whose names are HTML."""

    def param_shapes(self):
        return {"<b>weight</b>": (self.n_in, self.n_out), "bias": (self.n_out,)}


def test_names_are_escaped():
    Evil.__name__ = "<script>alert(1)</script>"
    document = network_html(Network(Sequential((Evil(2, 1),)), np.zeros(3)), [], None)
    outline = Outline(document)
    assert not {"script", "b", "svg"} & set(outline.tags)
    assert "<script>alert(1)</script> <b>weight</b> 2 × 1, bias 1 3" in shown(document)


def test_there_is_no_script_nor_anything_from_elsewhere():
    model = DLRegressor(**SMALL).fit(X, y, **HELD)
    outline = Outline(network_html(model.network_, model.history_, 3))
    assert "script" not in outline.tags
    assert not [name for name in outline.attributes if name.startswith("on") or name in ("href", "src")]


@dataclass(frozen=True)
class Half(Layer):
    """x / 2"""

    note: str = ""

    def forward(self, x, p, m):
        return x / 2

    def backward(self, dy, p, m):
        return dy / 2


LAYERS = {
    "a lone layer": (Dense(2, 3), ["Dense weight 2 × 3, bias 3 9"]),
    "without parameters": (Half(), ["0 parameters", "Half(note='')"]),
    "nested": (Sequential((Residual(Dense(2, 2)), Half())), ["Residual Dense weight 2 × 2, bias 2 6 Half(note='')"]),
    "a long setting": (Half("x" * 1000), ["Half(note='xx...xx"]),
    "many": (Sequential((Half(),) * 1000), ["..."]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_any_network_can_be_shown(name):
    layer, texts = LAYERS[name]
    document = network_html(Network(layer, np.zeros(Network.count(layer))), [], None)
    for text in texts:
        assert text in shown(document)
    assert len(document) < 300 * MAX_LAYERS
    assert "<svg" not in document


nan, inf = np.nan, np.inf
LOSSES = {
    "one epoch": ([1.0], [], 1),
    "constant": ([0.5] * 5, [], 1),
    "zero": ([0.0] * 5, [], 1),
    "negative": ([-1.0, -2.0], [-0.5, -3.0], 2),
    "huge span": ([1e300, 1e-300], [], 1),
    "gaps": ([1.0, 0.9, 0.8, 0.7], [nan, 1.0, inf, 0.9], 2),
    "nothing finite": ([nan, inf], [], 0),
    "many epochs": (np.linspace(2, 1, 20_000).tolist(), [], 1),
}


@pytest.mark.parametrize("name", LOSSES)
def test_any_history_can_be_drawn(name):
    losses, validation, n_curves = LOSSES[name]
    history = [{"epoch": i, "loss": loss} for i, loss in enumerate(losses, 1)]
    for record, value in zip(history, validation, strict=False):
        record["validation_loss"] = value
    layer = Dense(1, 1)
    document = network_html(Network(layer, np.zeros(2)), history, 2)
    Outline(document)
    assert ("<svg" in document) == bool(n_curves)
    paths = re.findall(r'<path d="([^"]*)"', document)[1:]
    assert len(paths) == n_curves
    for path in paths:
        points = re.findall(r"[ML]([-\d.naif]+) ([-\d.naif]+)", path)
        assert 0 < len(points) <= MAX_POINTS
        assert all(60 <= float(x) <= 390 and 12 <= float(y) <= 112 for x, y in points)
    assert document.count("<circle") == (1 if n_curves == 2 else 0)
    if name == "gaps":
        assert paths[1].count("M") == 2  # what is not finite breaks the line


# ---------------------------------------------------------------- scikit-learn's progress bar and monitor


PLACES = {
    "alone": lambda net: net,
    "pipeline": lambda net: Pipeline([("scale", StandardScaler()), ("net", net)]),
    "grid": lambda net: GridSearchCV(net, {"alpha": [0.0, 1.0]}, cv=2),
    "halving": lambda net: HalvingGridSearchCV(
        net, {"alpha": [0.0, 1.0]}, resource="max_iter", min_resources=2, max_resources=4, cv=2
    ),
    "grid of pipelines": lambda net: GridSearchCV(make_pipeline(StandardScaler(), net), {}, cv=2),
}


@both
@pytest.mark.parametrize("place", PLACES)
def test_a_progress_bar(estimator, place, capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("rich._console", None)  # its width is that of its first day
    model = PLACES[place](estimator(**SMALL)).set_callbacks(ProgressBar(max_propagation_depth=None))
    model.fit(X, TARGET[estimator])
    printed = capsys.readouterr().out
    bars = [line for line in printed.splitlines() if "fit" in line]
    assert any(estimator.__name__ in line for line in bars)
    assert all("100%" in line for line in bars), printed


def test_a_progress_bar_of_a_training_that_stops_early_is_full(capsys):
    pytest.importorskip("rich")
    model = DLRegressor(**SMALL | {"max_iter": 50, "n_iter_no_change": 3, "tol": 1e9}).set_callbacks(ProgressBar())
    model.fit(X, y, **HELD)
    assert model.n_iter_ == 4
    assert "100%" in capsys.readouterr().out


@both
@pytest.mark.parametrize("place", PLACES)
def test_a_monitor_of_scores_in_each_place(estimator, place):
    """On the network itself, wherever it is, the monitor gets one score an epoch of each fit."""
    monitor = ScoringMonitor(scoring="r2" if estimator is DLRegressor else "accuracy")
    PLACES[place](estimator(**SMALL).set_callbacks(monitor)).fit(X, TARGET[estimator])
    logs = monitor.get_logs(select="most_recent").data
    epochs = [row for row in logs if row["task_name"] == "epoch"]
    scores = [row["r2" if estimator is DLRegressor else "accuracy"] for row in epochs]
    assert len(epochs) >= 2
    assert np.isfinite(scores).all()
    assert len(set(scores)) > 1
