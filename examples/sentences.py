"""
Language: sentences as they are, and through tf-idf
===================================================

What is an advertisement worth, by its words alone? A column of text goes into the network as it is; the usual way
through ``TfidfVectorizer`` works too, as a sparse table.
"""

# %%
# 1500 short descriptions of flats, and what their remarks are worth, with noise: the truth is known, see ``flats.py``.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from flats import REMARKS, descriptions
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_dl import DLRegressor

rng = np.random.default_rng(0)
texts, worth = descriptions(1500, rng)
y = 100 * worth + rng.normal(0, 1, len(texts))  # per cent of the rent
train, test, y_train, y_test = train_test_split(pd.Series(texts), y, random_state=0)
print(train.iloc[0], f"{y_train[0]:+.1f} %", sep="\n")

# %%
# Three readers of the same sentences. Each remark adds what it adds: this is a world for the line.

models = {
    "text column": DLRegressor(max_iter=30, random_state=0),
    "tf-idf, network": make_pipeline(TfidfVectorizer(), DLRegressor(n_members=1, random_state=0)),
    "tf-idf, line": make_pipeline(TfidfVectorizer(), RidgeCV(np.logspace(-3, 2, 11))),
}
for name, model in models.items():
    whole = name == "text column"
    model.fit(train.to_frame("text") if whole else train, y_train)
    print(f"{name:18} R² {model.score(test.to_frame('text') if whole else test, y_test):.3f}")

# %%
# What has it learnt of each remark? A sentence of this remark alone, beside the truth.

remarks = [(value, text) for value, wordings in REMARKS.items() for text in wordings[:2]]
alone = pd.DataFrame({"text": [f"We offer {text}." for _, text in remarks]})
learnt = models["text column"].predict(alone)
_, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
places = np.arange(len(remarks))
ax.barh(places, learnt, height=0.5, label="learnt")
ax.plot([100 * value for value, _ in remarks], places, "k|", markersize=12, label="true")
ax.set_yticks(places, [text for _, text in remarks])
ax.set_xlabel("per cent of the rent")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
