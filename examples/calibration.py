"""
Probabilities that mean what they say
=====================================

Of all rows to which a model gives 80 %, eight in ten should be of that class. A single network that is trained for long
is too sure; the default, several networks whose temperature is set by rows they have not learnt, is not.
"""

# %%
# Two classes that overlap, so that nobody can be sure.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss

from sklearn_dl import DLClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(4000, 6))
truth = 1 / (1 + np.exp(-1.5 * X[:, 0] * X[:, 1] - X[:, 2]))
y = rng.random(4000) < truth
X_train, X_test, y_train, y_test = X[:800], X[800:], y[:800], y[800:]

# %%
# Log loss on new rows; the smallest that anybody can reach is that of the true probabilities.

models = {
    "one network, Adam": DLClassifier(n_members=1, solver="adam", learning_rate_init=0.01, random_state=0),
    "gradient boosting": HistGradientBoostingClassifier(random_state=0),
    "default": DLClassifier(random_state=0),
}
for name, model in models.items():
    print(f"{name:18} log loss {log_loss(y_test, model.fit(X_train, y_train).predict_proba(X_test)):.3f}")
print(f"{'the truth':18} log loss {log_loss(y_test, truth[800:]):.3f}")

# %%
# On the diagonal probabilities are what they say; a flat line is too sure of itself.

_, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
for name, model in models.items():
    CalibrationDisplay.from_estimator(model, X_test, y_test, n_bins=10, strategy="quantile", name=name, ax=ax)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
