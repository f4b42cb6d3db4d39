"""
Images: digits, and what the network looks at
=============================================

Small pictures are tables, too: 64 columns of grey. Copies of the training pictures, moved by one pixel, teach the
network what a person knows already: that a digit stays itself when it moves.
"""

# %%
# scikit-learn's digits, 8 by 8 pixels. The test pictures are moved, as pictures in real use are.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier
from sklearn_dl.inspection import integrated_gradients

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)


def moved(X, down, right):
    """The pictures, some pixels further down and to the right."""
    pictures = np.pad(X.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    return pictures[:, 1 - down : 9 - down, 1 - right : 9 - right].reshape(X.shape)


shifts = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
moved_test = np.vstack([moved(X_test, *shift) for shift in shifts])
moved_y = np.tile(y_test, len(shifts))

# %%
# Three models: the line, the network, and the network that has also seen moved copies.

network = DLClassifier(n_members=1, hidden_layer_sizes=(128, 128), max_iter=40, random_state=0)
models = {
    "the line": make_pipeline(StandardScaler(), LogisticRegression()).fit(X_train, y_train),
    "the network": network.fit(X_train, y_train),
}
copies = np.vstack([moved(X_train, *shift) for shift in shifts])
models["the network, moved copies"] = DLClassifier(
    n_members=1, hidden_layer_sizes=(128, 128), max_iter=40, random_state=0
).fit(copies, np.tile(y_train, len(shifts)))
for name, model in models.items():
    print(f"{name:26} as they are {model.score(X_test, y_test):.3f}, moved {model.score(moved_test, moved_y):.3f}")

# %%
# What made it say so? Integrated gradients share the score of the predicted class out over the pixels: blue speaks for
# the class, red against it. The baseline is the mean picture.

model = models["the network, moved copies"]
rows = np.array([np.flatnonzero(y_test == digit)[0] for digit in range(10)])
found = integrated_gradients(model, X_test[rows], background=X_train.mean(axis=0, keepdims=True))
_, axes = plt.subplots(2, 10, figsize=(10, 2.3), layout="constrained")
for i, (picture, share) in enumerate(zip(X_test[rows], found.values, strict=True)):
    top = np.abs(share).max()
    axes[0, i].imshow(picture.reshape(8, 8), cmap="gray_r")
    axes[1, i].imshow(share.reshape(8, 8), cmap="RdBu", vmin=-top, vmax=top)
for ax in axes.flat:
    ax.set_axis_off()
plt.show()
