"""
Medicine: which tumours should a doctor look at again?
======================================================

A classifier that is wrong once in forty cases helps little where nobody knows which. One that knows when it is not
sure can leave those to a doctor.
"""

# %%
# 569 tumours of the breast, each with thirty measures of its cells' nuclei (Street, Wolberg & Mangasarian 1993), as
# scikit-learn brings them. Five folds, so that each case is judged by a model that has not seen it.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
models = {
    "linear": make_pipeline(StandardScaler(), LogisticRegression()),
    "gradient boosting": HistGradientBoostingClassifier(random_state=0),
    "network": DLClassifier(random_state=0),
}
folds = StratifiedKFold(5, shuffle=True, random_state=0)
told = {name: cross_val_predict(model, X, y, cv=folds, method="predict_proba") for name, model in models.items()}
for name, p in told.items():
    print(f"{name:18} {np.mean(p.argmax(axis=1) != y):.1%} wrong, log loss {log_loss(y, p):.3f}")

# %%
# The least sure cases go to a doctor first: how many of the others are wrong then?

_, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
share = np.arange(len(y)) / len(y)
for name, p in told.items():
    wrong = (p.argmax(axis=1) != y).to_numpy()[np.argsort(p.max(axis=1))]
    ax.plot(share, wrong[::-1].cumsum()[::-1] / np.arange(len(y), 0, -1), label=name)
    print(f"{name:18} of the surest 90 % {np.mean(wrong[len(y) // 10 :]):.2%} are wrong")
ax.set(
    xlabel="share of the cases that a doctor looks at, least sure first", ylabel="wrong among the others", xlim=(0, 0.4)
)
ax.yaxis.set_major_formatter("{x:.1%}")
ax.legend()
ax.spines[["top", "right"]].set_visible(False)
plt.show()
