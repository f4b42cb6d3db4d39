"""Kill trainings with SIGKILL at random moments, resume each from its checkpoint, and compare the bits.

    python benchmarks/kill_and_resume.py [kills]

Each training runs in a process of its own that writes a checkpoint after every epoch; another process resumes it. The
moments are uniform over a training's course. Needs a system with `fork`.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.solvers import SGD

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 8))
y = X @ rng.normal(size=8) + np.sin(3 * X[:, 0]) + 0.3 * rng.normal(size=300)
CASES = [
    (DLRegressor(hidden_layer_sizes=(40, 40), max_iter=25, random_state=0, dropout=0.2), y),
    (
        DLClassifier(
            hidden_layer_sizes=(60, 60),
            max_iter=25,
            random_state=0,
            normalization="batch",
            class_weight="balanced",
            early_stopping=True,
            scoring=None,
            n_iter_no_change=8,
            dtype="float32",
        ),
        (y > 1).astype(int),
    ),
    (
        DLRegressor(
            hidden_layer_sizes=(50,),
            max_iter=25,
            random_state=0,
            solver=SGD(momentum=0.5),
            learning_rate="adaptive",
            n_iter_no_change=2,
            tol=0.01,
        ),
        y,
    ),
    (DLRegressor(n_members=4, n_folds=4, hidden_layer_sizes=(20,), max_iter=16, random_state=0), y),
    (DLClassifier(n_members=4, n_folds=4, hidden_layer_sizes=(20,), max_iter=16, random_state=0), (y > 1).astype(int)),
]


def outcome(model: Any) -> str:
    """All that a training leaves, except for the seconds, as a digest."""
    state = {k: v for k, v in vars(model.fitted_.state).items() if k != "kept"}
    history = [{k: v for k, v in record.items() if k != "seconds"} for record in model.history_]
    text = json.dumps([state, history, repr(vars(model.fitted_.head.target))]).encode()
    return hashlib.sha256(text + model.network_.values.tobytes() + model.predict(X).tobytes()).hexdigest()


def in_a_child(work: Callable[[], None]) -> int:
    """The id of a new process that does the work and ends."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def main(kills: int) -> None:
    """Print what became of so many kills; an error where a resumed training differs."""
    warnings.simplefilter("ignore")
    expected, seconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        path, result = Path(folder) / "run.checkpoint", Path(folder) / "result"

        def train(case: int, resume_from: Path | None) -> None:
            model, target = CASES[case]
            model.set_callbacks(Checkpoint(path)).fit(X, target, resume_from=resume_from)
            result.write_text(outcome(model))

        for case, (model, target) in enumerate(CASES):
            expected.append(outcome(model.fit(X, target)))
            start = time.perf_counter()
            os.waitpid(in_a_child(lambda case=case: train(case, None)), 0)
            seconds.append(time.perf_counter() - start)
            assert result.read_text() == expected[case], "a checkpoint changes the training"
            path.unlink()

        resumed = killed = too_early = too_late = amid_writing = 0
        while resumed < kills:
            case = resumed % len(CASES)
            result.unlink(missing_ok=True)
            child = in_a_child(lambda case=case: train(case, None))
            time.sleep(rng.uniform(0, seconds[case]))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                too_late += 1
            elif not path.exists():
                killed, too_early = killed + 1, too_early + 1
            else:
                killed += 1
                amid_writing += any(Path(folder).glob(".*.part"))
                result.unlink(missing_ok=True)
                _, status = os.waitpid(in_a_child(lambda case=case: train(case, path)), 0)
                assert status == 0, "a training could not be resumed"
                assert result.read_text() == expected[case], "a resumed training has other bits"
                assert not any(Path(folder).glob(".*.part")), "a leftover stays"
                resumed += 1
            path.unlink(missing_ok=True)
            for part in Path(folder).glob(".*.part"):
                part.unlink()
    print(f"{killed} kills: {too_early} before the first checkpoint, {amid_writing} amid writing one")
    print(f"{resumed} resumed, each to the same bits as uninterrupted; {too_late} came after the training's end")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
