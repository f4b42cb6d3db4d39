"""
A raw table beside gradient boosting and the line
=================================================

A table as it comes: dates, numbers with gaps, streets, categories and sentences. The network takes it as it is; the
others get it prepared, by a pipeline of their own and, where it is installed, by `skrub <https://skrub-data.org>`__.
"""

# %%
# The table: 1000 flats, drawn at random by ``flats.py`` beside this file. What is not known is left empty.

import time

import matplotlib.pyplot as plt
from flats import flats, gradient_boosting, show_encoder, straight_line
from sklearn.model_selection import train_test_split

from sklearn_dl import DLRegressor

table, rent = flats()
X_train, X_test, y_train, y_test = train_test_split(table, rent, random_state=0)
print(table.head(4).T.to_string(max_colwidth=40))

# %%
# A fit without preprocessing, and what the encoder made of each column.

start = time.process_time()
model = DLRegressor(random_state=0).fit(X_train, y_train)
seconds = {"DLRegressor()": time.process_time() - start}
print(f"R² on {len(X_test)} new rows: {model.score(X_test, y_test):.3f}\n")
show_encoder(model.encoder_, table)

# %%
# What training did not have is taken too: a street that is not in the table, an unknown age, nothing about the heating.

strange = X_test.iloc[:1].assign(street="Nowhere Lane", year=None, heating=None)
print(f"{model.predict(strange)[0]:.0f} a month; with what is known it is {model.predict(X_test.iloc[:1])[0]:.0f}")

# %%
# The others. ``flats.py`` writes their preparation out: codes or indicators for the categories, a calendar for the
# dates, words for the sentences, filled gaps. skrub does the same by itself.

others = {"gradient boosting, by hand": gradient_boosting(), "Ridge, by hand": straight_line()}
try:
    from skrub import tabular_pipeline
except ImportError:
    print("skrub is not installed: one rival fewer")
else:
    others["gradient boosting, skrub"] = tabular_pipeline("regressor")

for name, other in others.items():
    start = time.process_time()
    other.fit(X_train, y_train)
    seconds[name] = time.process_time() - start

models = {"DLRegressor()": model, **others}
errors = {name: abs(y_test - m.predict(X_test)) for name, m in models.items()}
print(f"{'':28}{'R²':>8}{'mean error':>13}{'CPU seconds':>13}")
for name, m in models.items():
    print(f"{name:28}{m.score(X_test, y_test):8.3f}{errors[name].mean():13.0f}{seconds[name]:13.1f}")

# %%
# How far off each of them is, over all new flats: the further to the left a line, the better.

_, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for name, error in errors.items():
    ax.ecdf(error, label=name)
ax.set(xlabel="error of the rent", ylabel="share of flats", xlim=(0, 600))
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# One split of a small table: differences of a few hundredths of R² between two models say little. How the defaults fare
# on 22 real tables stands in the :doc:`guide on defaults </defaults>`.
