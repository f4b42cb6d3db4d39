"""
From how many rows on does the network beat the line?
=====================================================

A line needs few rows and soon learns nothing more; a network goes on. Where the line is better, the default network
starts above it, and should not lose much.
"""

# %%
# Ten columns, of which five matter, four of them not by a line (Friedman 1991). scikit-learn's learning curve, three
# draws of 40 to 1280 rows.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import ShuffleSplit, learning_curve

from sklearn_dl import DLRegressor

X, y = make_friedman1(3000, noise=1.0, random_state=0)
models = {
    "linear": RidgeCV(),
    "gradient boosting": HistGradientBoostingRegressor(random_state=0),
    "network": DLRegressor(random_state=0),
}
splits = ShuffleSplit(3, test_size=1000, random_state=0)
sizes = [40, 80, 160, 320, 640, 1280]
scores = {name: learning_curve(model, X, y, train_sizes=sizes, cv=splits)[2] for name, model in models.items()}
print("rows              " + "".join(f"{size:7}" for size in sizes))
for name, found in scores.items():
    print(f"{name:18}" + "".join(f"{score:7.3f}" for score in found.mean(axis=1)))

# %%
# R² of new rows; the noise leaves 0.96 at most. The same picture for your own table tells whether more rows would help.

_, ax = plt.subplots(figsize=(7, 4.6), layout="constrained")
for name, found in scores.items():
    ax.errorbar(sizes, found.mean(axis=1), found.std(axis=1), marker="o", capsize=3, label=name)
best = 1 - 1 / np.var(y)
ax.axhline(best, color="0.5", linestyle=":")
ax.set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="rows to learn from", ylabel="R² of new rows", ylim=(0, 1))
ax.minorticks_off()
ax.legend(loc="lower right")
ax.spines[["top", "right"]].set_visible(False)
plt.show()
