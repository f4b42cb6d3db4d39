"""What earlier versions saved, and this one, is read: pickles predict what they did, a checkpoint goes on.

`tests/data/make.py` wrote the files; numbers agree to what another processor's last bits make of them.
"""

from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import InconsistentVersionWarning

from sklearn_dl import __version__

DATA = Path(__file__).parent / "data"
VERSIONS = sorted(path.name for path in DATA.iterdir() if (path / "told.json").exists())

spec = importlib.util.spec_from_file_location("make_data", DATA / "make.py")
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)


def told(version: str) -> dict[str, Any]:
    return json.loads((DATA / version / "told.json").read_text(encoding="utf-8"))


def pickled(version: str, name: str) -> Any:
    """An estimator; of another version it says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)  # of scikit-learn: it is another one each time
        if version != __version__:
            with pytest.warns(UserWarning, match=f"was pickled with sklearn_dl {version}"):
                return pickle.loads((DATA / version / f"{name}.pickle").read_bytes())
        return pickle.loads((DATA / version / f"{name}.pickle").read_bytes())


def test_this_version_is_kept():
    assert __version__ in VERSIONS, "python tests/data/make.py"


def test_they_are_small():
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.suffix != ".pyc") < 200_000 * len(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_pickles_predict_what_they_did(version):
    kept = told(version)
    table = make.flats(kept["flats"]).drop(columns="rent")[: len(kept["rents"])]
    regressor, classifier = pickled(version, "regressor"), pickled(version, "classifier")
    np.testing.assert_allclose(regressor.predict(table), kept["rents"], rtol=1e-5)
    np.testing.assert_allclose(regressor.predict_interval(table), kept["intervals"], rtol=1e-5)
    np.testing.assert_allclose(classifier.predict_proba(table), kept["probabilities"], rtol=1e-4)
    assert classifier.classes_.tolist() == ["cheap", "dear"]


@pytest.mark.parametrize("version", VERSIONS)
def test_pickles_go_on_learning(version):
    kept = told(version)
    table = make.flats(kept["flats"])
    rent = table.pop("rent")
    model = pickled(version, "regressor")
    before = model.score(table, rent)
    assert before > 0.5
    assert model.partial_fit(table, rent).score(table, rent) > before - 0.2
    assert model.fit(table, rent).score(table, rent) > 0.5


@pytest.mark.parametrize("version", VERSIONS)
def test_checkpoint_goes_on_or_says_why_not(version, tmp_path):
    kept = told(version)
    X, y = make.numbers(kept["numbers"])
    path = shutil.copy(DATA / version / "training.checkpoint", tmp_path)
    if version != __version__:  # bits are promised by a version to itself
        with pytest.raises(ValueError, match=f"is a checkpoint of sklearn_dl {version}, which promises no bits"):
            make.training().fit(X, y, resume_from=path)
        return
    resumed = make.training().fit(X, y, resume_from=path)
    assert resumed.n_iter_ == 12
    np.testing.assert_allclose(resumed.predict(X[: make.SHOWN]), kept["resumed"], rtol=1e-6)
    from_start = make.training().set_params(max_iter=6).fit(X, y)
    assert not np.allclose(from_start.predict(X[: make.SHOWN]), kept["resumed"], rtol=1e-3)
