"""
Finance: whom to lend to
========================

One loan in fifteen is not paid back. A bank does not ask for labels but for a decision: where does what a loss costs
outweigh what interest brings?
"""

# %%
# 6000 loans, drawn at random, so that the truth is known. Income is unknown for some; a debt hurts the more the less
# one earns, and the young and the old pay less reliably than those between.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_dl import DLClassifier

rng = np.random.default_rng(0)
n = 6000
income, age = np.exp(rng.normal(10.6, 0.5, n)), rng.uniform(20, 75, n)
amount = income * np.exp(rng.normal(-1.2, 0.8, n))
purpose = rng.choice(["car", "house", "study", "debts"], n, p=[0.4, 0.25, 0.15, 0.2])
late = rng.poisson(0.4, n)
X = pd.DataFrame({"income": income, "age": age, "amount": amount, "purpose": pd.Categorical(purpose), "late": late})
score = -4.9 + 2.6 * (amount / income) + ((age - 46) / 16) ** 2 * 0.6 + 0.7 * late * (purpose == "debts") + 0.3 * late
risk = 1 / (1 + np.exp(-score))
y = rng.random(n) < risk
X["income"] = X["income"].mask(rng.random(n) < 0.1)
X, X_new, y, y_new, _, risk_new = train_test_split(X, y, risk, test_size=0.5, random_state=0)
print(f"{y.mean():.1%} are not paid back")

# %%
# The network, gradient boosting and a linear model learn from the same rows.

prepare = make_column_transformer(
    (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), make_column_selector(dtype_include="number")),
    (OneHotEncoder(), ["purpose"]),
)
models = {
    "linear": make_pipeline(prepare, LogisticRegression()),
    "gradient boosting": HistGradientBoostingClassifier(random_state=0),
    "network": DLClassifier(random_state=0),
}
told = {name: model.fit(X, y).predict_proba(X_new)[:, 1] for name, model in models.items()}
told["the truth"] = risk_new
for name, p in told.items():
    print(f"{name:18} log loss {log_loss(y_new, p):.4f}")

# %%
# A loan that is paid back brings 12 % of its amount, one that is not costs 60 %. So one lends where p < 0.12 / 0.72, if
# p is what it says; the picture shows what each bank earns when it lends to those whom it trusts most.

limit = 0.12 / (0.12 + 0.6)
gain = X_new["amount"].to_numpy() * np.where(y_new, -0.6, 0.12)
_, ax = plt.subplots(figsize=(7, 4.6), layout="constrained")
for name, p in told.items():
    order, lent = np.argsort(p), np.count_nonzero(p < limit)
    earned = np.cumsum(gain[order]) / 1e6
    (line,) = ax.plot(np.arange(1, len(p) + 1) / len(p), earned, label=f"{name}: {earned[lent - 1]:.2f} million")
    ax.plot(lent / len(p), earned[lent - 1], "o", color=line.get_color())
ax.set(xlabel="share of the loans that are given, safest first", ylabel="earned, millions", xlim=(0, 1), ylim=(0, None))
ax.legend(title="dots: where p is below 1 in 6")
ax.spines[["top", "right"]].set_visible(False)
plt.show()
