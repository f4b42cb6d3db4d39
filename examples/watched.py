"""
A training watched, stopped and resumed
=======================================

Long trainings are watched while they run, are ended when they have learnt enough, and go on after a power cut, to the
same bits.
"""

# %%
# Watched: the loss of the training rows and of the rows that are held out, and the epoch that is kept.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sklearn_dl import DLClassifier
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.displays import TrainingCurveDisplay

X, y = load_digits(return_X_y=True)
settings = {"n_members": 1, "learning_rate": "constant", "max_iter": 60, "random_state": 0}
model = DLClassifier(early_stopping=True, scoring=["loss", "accuracy"], **settings).fit(X, y)
print(f"{model.n_iter_} epochs, the best is {model.best_epoch_}; ended by {model.ended_by_}")
print({name: round(value, 3) for name, value in model.history_[-1].items() if isinstance(value, float)})
_, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
TrainingCurveDisplay.from_estimator(model, ax=ax)
plt.show()

# %%
# Stopped, by a callback of one's own: here a power cut in the twentieth epoch. ``Checkpoint`` has written what was
# there.


class PowerCut:
    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 19:
            raise RuntimeError("power cut")


path = Path(tempfile.mkdtemp()) / "digits.checkpoint"
cut = DLClassifier(**settings).set_callbacks(Checkpoint(path), PowerCut())
try:
    cut.fit(X, y)
except RuntimeError as error:
    print(error, f"- the file has {path.stat().st_size / 1000:.0f} kB")

# %%
# Resumed: the same call with ``resume_from`` goes on where it was, and ends where an undisturbed training ends.

resumed = DLClassifier(**settings).set_callbacks(Checkpoint(path)).fit(X, y, resume_from=path)
whole = DLClassifier(**settings).fit(X, y)
print(f"{resumed.n_iter_} epochs; the same bits: {(resumed.predict_proba(X) == whole.predict_proba(X)).all()}")
assert (resumed.predict_proba(X) == whole.predict_proba(X)).all()
