"""
Speech: vowels from their formants
==================================

Which vowel is spoken, by the pitch of a voice and three resonances of its mouth. Someone's vowels are alike, so what
counts is how well the network understands people that it has never heard: ``groups`` says whose each row is.
"""

# %%
# 76 people who say ten vowels twice, drawn at random around the mean pitch and formants in Hz of men, women and
# children that Peterson & Barney (1952, doi:10.1121/1.1906875, table II) measured. Each has a mouth of another size,
# and no two sounds are quite the same.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, log_loss
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier

VOWELS = ["heed", "hid", "head", "had", "hod", "hawed", "hood", "who'd", "hud", "heard"]
MEANS = {  # people, then F0, F1, F2, F3 of each vowel
    "men": (
        33,
        [136, 135, 130, 127, 124, 129, 137, 141, 130, 133],
        [270, 390, 530, 660, 730, 570, 440, 300, 640, 490],
        [2290, 1990, 1840, 1720, 1090, 840, 1020, 870, 1190, 1350],
        [3010, 2550, 2480, 2410, 2440, 2410, 2240, 2240, 2390, 1690],
    ),
    "women": (
        28,
        [235, 232, 223, 210, 212, 216, 232, 231, 221, 218],
        [310, 430, 610, 860, 850, 590, 470, 370, 760, 500],
        [2790, 2480, 2330, 2050, 1220, 920, 1160, 950, 1400, 1640],
        [3310, 3070, 2990, 2850, 2810, 2710, 2680, 2670, 2780, 1960],
    ),
    "children": (
        15,
        [272, 269, 260, 251, 256, 263, 276, 274, 261, 261],
        [370, 530, 690, 1010, 1030, 680, 560, 430, 850, 560],
        [3200, 2730, 2610, 2320, 1370, 1060, 1410, 1170, 1590, 1820],
        [3730, 3600, 3570, 3320, 3170, 3180, 3310, 3260, 3360, 2160],
    ),
}
rng = np.random.default_rng(0)
sounds, vowels, speakers = [], [], []
for people, *formants in MEANS.values():
    for _ in range(people):
        voice = np.exp(rng.normal(0, [0.15, 0.06, 0.06, 0.06]))  # of this person, beside others of the kind
        for _ in range(2):
            sounds.append(np.transpose(formants) * voice * np.exp(rng.normal(0, 0.06, (10, 4))))
            vowels += VOWELS
            speakers += [len(speakers) // 20] * 10
X, y, speakers = np.concatenate(sounds), np.array(vowels), np.array(speakers)

# %%
# A quarter of the people are left for the end. The network leaves others out by turns, to choose how long it learns
# and how sure it may be; with ``groups`` it leaves out people and not rows.

train, test = next(GroupShuffleSplit(test_size=0.25, random_state=0).split(X, y, speakers))
network = DLClassifier(random_state=0).fit(X[train], y[train], groups=speakers[train])
line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(X[train], y[train])
for name, model in {"network": network, "linear": line}.items():
    loss = log_loss(y[test], model.predict_proba(X[test]))
    print(f"{name:8} {model.score(X[test], y[test]):.1%} of the sounds, log loss {loss:.3f}")

# %%
# The two best-known formants, and what the network hears elsewhere at the mean pitch and third formant; then what it
# takes for what.

F1, F2 = np.meshgrid(np.linspace(220, 1250, 160), np.linspace(600, 3600, 160))
grid = np.column_stack([np.full(F1.size, X[:, 0].mean()), F1.ravel(), F2.ravel(), np.full(F1.size, X[:, 3].mean())])
heard = np.searchsorted(network.classes_, network.predict(grid)).reshape(F1.shape)
_, (left, right) = plt.subplots(1, 2, figsize=(12, 5.2), layout="constrained")
left.contourf(F1, F2, heard, levels=np.arange(11) - 0.5, cmap="tab10", alpha=0.35)
for k, vowel in enumerate(network.classes_):
    rows = test[y[test] == vowel]
    left.scatter(X[rows, 1], X[rows, 2], s=9, color=plt.get_cmap("tab10")(k), label=vowel)
left.set(xlabel="first formant, Hz", ylabel="second formant, Hz", title="people whom it has never heard")
left.legend(fontsize=8, ncols=2)
ConfusionMatrixDisplay.from_estimator(
    network, X[test], y[test], ax=right, colorbar=False, cmap="Blues", xticks_rotation=60
)
right.set(xlabel="heard", ylabel="said")
plt.show()
