"""
Counts with exposure: claims of an insurance
============================================

How many claims does a car bring in a year? Some cars were insured for a month only. What is learnt is the frequency,
claims a year, with the years as weights, under the Poisson loss: the same as counts with an offset log(years).
"""

# %%
# 4000 policies, drawn at random: young and old drivers, strong cars and large towns cost more.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_poisson_deviance
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_dl import DLRegressor

rng, n = np.random.default_rng(0), 4000
age, power = rng.integers(18, 85, n), rng.gamma(9, 8, n).round()
town, years = rng.choice(["village", "town", "city"], n), rng.uniform(0.05, 1, n)
rate = 0.1 * np.exp(1.5 * ((age - 50) / 32) ** 2 + 0.006 * (power - 70) + 0.5 * (town == "city"))
claims = rng.poisson(rate * years)
table = pd.DataFrame({"age": age, "power": power, "town": town})
print(table.assign(years=years.round(2), claims=claims).head(4).to_string())

# %%
# Frequency as the target, years as the weights, for all three models.

frequency = claims / years
split = train_test_split(table, frequency, years, rate, random_state=0)
X_train, X_test, y_train, y_test, w_train, w_test, _, rate_test = split
prepare = make_column_transformer((OneHotEncoder(), ["town"]), remainder=StandardScaler())
models = {
    "network": (DLRegressor(loss="poisson", max_iter=30, random_state=0), "sample_weight"),
    "gradient boosting": (
        HistGradientBoostingRegressor(loss="poisson", categorical_features=["town"], random_state=0),
        "sample_weight",
    ),
    "line": (make_pipeline(prepare, PoissonRegressor(alpha=1e-4)), "poissonregressor__sample_weight"),
}
for name, (model, weight) in models.items():
    model.fit(X_train, y_train, **{weight: w_train})
    deviance = mean_poisson_deviance(y_test, model.predict(X_test), sample_weight=w_test)
    print(f"{name:18} deviance {deviance:.3f}")
print(f"{'the truth':18} deviance {mean_poisson_deviance(y_test, rate_test, sample_weight=w_test):.3f}")

# %%
# The frequency by age, of a car of 70 in a town: claims are rare, so what is learnt is rough.

ages = np.arange(18, 85)
cars = pd.DataFrame({"age": ages, "power": 70.0, "town": "town"})
_, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for name, (model, _) in models.items():
    ax.plot(ages, model.predict(cars), label=name)
ax.plot(ages, 0.1 * np.exp(1.5 * ((ages - 50) / 32) ** 2), "k:", label="the truth")
ax.set(xlabel="age of the driver", ylabel="claims a year", ylim=(0, None))
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
