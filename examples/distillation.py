"""
A forest, distilled into a network
==================================

A forest of 500 trees is large and slow. A network that learns what the forest *says*, on as many made-up rows as one
likes, keeps it, in a hundredth of the space and of the time. It learns probabilities: rows of y that add up to
one.
"""

# %%
# The teacher.

import pickle
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sklearn_dl import DLClassifier

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
forest = ExtraTreesClassifier(500, random_state=0).fit(X_train, y_train)

# %%
# Made-up rows: the mean of two real ones, with a little noise. The forest says what it thinks of them.

rng = np.random.default_rng(0)
first, second = rng.integers(0, len(X_train), (2, 4000))
share = rng.beta(0.5, 0.5, (4000, 1))
made = share * X_train[first] + (1 - share) * X_train[second] + 0.05 * X_train.std(axis=0) * rng.normal(size=(4000, 30))
rows = np.vstack([X_train, made])
student = DLClassifier(n_members=1, hidden_layer_sizes=(32,), max_iter=60, random_state=0)
student.fit(rows, forest.predict_proba(rows))
alone = DLClassifier(n_members=1, hidden_layer_sizes=(32,), max_iter=60, random_state=0).fit(X_train, y_train)


def second_column(model, X):
    return model.predict_proba(X)[:, 1]


print(f"{'':28}{'log loss':>10}{'accuracy':>10}{'kB':>10}{'ms a row':>10}")
for name, model in {"the forest": forest, "the network it taught": student, "a network, labels alone": alone}.items():
    p, start = second_column(model, X_test), time.perf_counter()
    for row in X_test[:50]:
        model.predict_proba(row[None])
    seconds = (time.perf_counter() - start) / 50
    size = len(pickle.dumps(model)) / 1000
    print(f"{name:28}{log_loss(y_test, p):10.3f}{np.mean((p > 0.5) == y_test):10.3f}{size:10.0f}{1000 * seconds:10.2f}")

# %%
# Row by row the student says what its teacher says.

_, ax = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
ax.plot([0, 1], [0, 1], color="0.7")
ax.plot(second_column(forest, X_test), second_column(student, X_test), ".", label="taught by the forest")
ax.plot(second_column(forest, X_test), second_column(alone, X_test), "x", markersize=4, label="labels alone", alpha=0.6)
ax.set(xlabel="the forest's probability", ylabel="the network's")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
