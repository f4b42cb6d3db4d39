"""
Intervals that cover
====================

Nine in ten new targets shall lie in their intervals; and where the noise is larger, the intervals shall be wider.
"""

# %%
# A curve whose noise grows from left to right.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_dl import DLRegressor
from sklearn_dl.losses import Quantile

rng = np.random.default_rng(0)


def draw(n):
    x = rng.uniform(0, 4, n)
    return x[:, None], np.sin(2 * x) + (0.05 + 0.15 * x) * rng.normal(size=n)


(X, y), (X_new, y_new) = draw(1000), draw(2000)

# %%
# The default network leaves rows out by turns, and measures on them how wide an interval must be. A network of
# quantiles learns both ends themselves; rows that were left out then move them.

models = {
    "default": DLRegressor(max_iter=40, random_state=0).fit(X, y),
    "quantiles": DLRegressor(loss=Quantile(levels=(0.05, 0.5, 0.95)), max_iter=40, random_state=0).fit(X, y),
}
for name, model in models.items():
    low, high = model.predict_interval(X_new, coverage=0.9).T
    inside = (low <= y_new) & (y_new <= high)
    left = X_new[:, 0] < 1
    width = np.mean(high - low)
    print(f"{name:10} {inside.mean():.1%} inside; on the left {inside[left].mean():.1%}, mean width {width:.2f}")

# %%
# What is promised holds on the average over all rows. For each kind of row by itself it holds the better, the better
# the spread is learnt.

grid = np.linspace(0, 4, 200)[:, None]
_, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    low, high = model.predict_interval(grid, coverage=0.9).T
    ax.plot(X_new[:400, 0], y_new[:400], ".", color="0.7", markersize=3)
    ax.fill_between(grid[:, 0], low, high, alpha=0.3)
    ax.plot(grid[:, 0], np.sin(2 * grid[:, 0]), "k:", linewidth=1)
    ax.set(title=name, xlabel="x")
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
