"""A saved estimator predicts the same bits in a fresh interpreter; the page on saving runs."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.convert import to_sklearn
from sklearn_dl.losses import Quantile
from sklearn_dl.onnx import register_converters, to_onnx

ROOT = Path(__file__).resolve().parents[1]
N = 120
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 3))
Y = np.column_stack((X[:, 0], X[:, 0] * X[:, 1]))
THREE = np.digitize(Y[:, 0], [-0.5, 0.5])
TABLE = pd.DataFrame(
    {
        "area": X[:, 0],
        "year": np.where(RNG.random(N) < 0.2, np.nan, RNG.integers(1900, 2025, N)),
        "heating": RNG.choice(["gas", "oil", None], N),
        "street": RNG.choice([f"street {i}" for i in range(12)], N),
    }
)

CASES: dict[str, tuple[Any, Any, Any]] = {
    "table": (DLRegressor(n_members=1), TABLE, Y),
    "an ensemble": (DLRegressor(), TABLE, Y),
    "single precision": (DLRegressor(dtype="float32", normalization="batch"), X, Y[:, 0]),
    "quantiles": (DLRegressor(loss=Quantile((0.1, 0.9)), solver="lbfgs"), X, Y),
    "sparse": (DLRegressor(), sparse.csr_array(np.where(X > 0, X, 0)), Y),
    "classes": (DLClassifier(architecture="resnet"), TABLE, np.array(["low", "mid", "high"])[THREE]),
    "two targets": (DLClassifier(), X, np.column_stack((THREE, THREE > 1))),
    "to go on": (DLClassifier(warm_start=True), TABLE, THREE),
}

READER = """
import pickle, sys
import joblib
read = {"pickle": lambda path: pickle.load(open(path, "rb")), "joblib": joblib.load}[sys.argv[1]]
answers = {}
for name, (model, X, y) in read(sys.argv[2]).items():
    answers[name] = [model.predict(X)]
    if hasattr(model, "predict_proba"):
        answers[name].append(model.predict_proba(X))
    if getattr(model, "warm_start", False):
        answers[name].append(model.fit(X, y).predict_proba(X))
pickle.dump(answers, open(sys.argv[3], "wb"))
"""


@pytest.mark.parametrize("how", ["pickle", "joblib"])
def test_a_fresh_interpreter_predicts_the_same_bits(how, tmp_path):
    cases = {}
    for name, (estimator, X, y) in CASES.items():
        cases[name] = (estimator.set_params(max_iter=3, random_state=0).fit(X, y), X, y)
    cases["to_sklearn"] = (to_sklearn(cases["table"][0]), TABLE, Y)
    path, answers = tmp_path / "models", tmp_path / "answers"
    if how == "pickle":
        path.write_bytes(pickle.dumps(cases))
    else:
        joblib.dump(cases, path, compress=3)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", READER, how, str(path), str(answers)]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    read = pickle.loads(answers.read_bytes())
    for name, (model, X, y) in cases.items():
        expected = [model.predict(X)]
        if hasattr(model, "predict_proba"):
            expected.append(model.predict_proba(X))
        if getattr(model, "warm_start", False):
            expected.append(model.fit(X, y).predict_proba(X))
        assert len(read[name]) == len(expected)
        for a, b in zip(read[name], expected, strict=True):
            for p, q in zip(*(([a], [b]) if isinstance(a, np.ndarray) else (a, b)), strict=True):
                assert p.dtype == q.dtype
                np.testing.assert_array_equal(p, q, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_weights_may_stay_on_the_disk(name, tmp_path):
    estimator, X, y = CASES[name]
    model = estimator.set_params(max_iter=3, random_state=0).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    read = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(read.network_.values, np.memmap)
    np.testing.assert_array_equal(read.predict(X), model.predict(X))
    if model.warm_start:
        np.testing.assert_array_equal(read.fit(X, y).predict_proba(X), model.fit(X, y).predict_proba(X))


def test_the_page_on_saving_runs(tmp_path, monkeypatch):
    """The blocks that need no other packages; those that do run among the integration tests."""
    text = (ROOT / "docs" / "saving.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    here = [block for block in blocks if not re.search("skops|onnx", block)]
    assert len(blocks) == len(here) + 5
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    for block in here:
        exec(compile(block, "saving.md", "exec"), namespace)


@pytest.mark.parametrize("package", ["onnx", "skl2onnx"])
def test_onnx_without_its_extra_says_what_to_install(package, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", type(sys)("onnx"))
    monkeypatch.setitem(sys.modules, "skl2onnx", type(sys)("skl2onnx"))
    monkeypatch.setitem(sys.modules, package, None)  # an import of it fails
    model = DLRegressor(max_iter=1).fit([[0.0], [1.0]], [0.0, 1.0])
    for call in (register_converters, lambda: to_onnx(model, [[0.0]])):
        with pytest.raises(ImportError, match=rf"needs the packages onnx and skl2onnx \(.*{package}.*\); install them"):
            call()
