"""
Biology: what kind of cell is it?
=================================

Biologists count the molecules of each gene in single cells, and name the kind of each cell by them: hundreds of
columns, most of them zero, and far from any line.
"""

# %%
# 2500 cells of six kinds, made as such counts come about: each kind reads some genes more than others, a programme that
# all kinds share (the cell's cycle) reads others, one cell yields three times as many molecules as another, and what is
# counted is a Poisson draw. One kind is rare, a cell in 40.

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_dl import DLClassifier

KINDS = np.array(["T helper", "T killer", "B", "natural killer", "monocyte", "dendritic"])
rng = np.random.default_rng(0)
n, n_genes = 2500, 300
kind = rng.choice(6, n, p=[0.34, 0.2, 0.16, 0.155, 0.12, 0.025])
base = rng.normal(-1.7, 1.3, n_genes)
marks = rng.normal(0, 1, (6, n_genes)) * (rng.random((6, n_genes)) < 0.08)
marks[1] = marks[0] + rng.normal(0, 1, n_genes) * (rng.random(n_genes) < 0.04)  # two kinds that are much alike
phase = rng.uniform(0, 2 * np.pi, n)
cycle = np.outer(np.cos(phase), rng.normal(0, 0.8, n_genes) * (rng.random(n_genes) < 0.1))
depth = np.exp(rng.normal(0, 0.5, n))
counts = sparse.csr_array(rng.poisson(depth[:, None] * np.exp(base + marks[kind] + cycle)))
zero = 1 - counts.nnz / np.prod(counts.shape)
print(f"{n} cells, {n_genes} genes, {zero:.0%} of the counts are zero")

# %%
# The network takes the sparse counts as they are; what biologists do first, shares of a cell's molecules and their
# logarithm, is one step of a pipeline.


def log_shares(counts):
    return (sparse.diags_array(1e3 / counts.sum(axis=1)) @ counts).tocsr().log1p()


cells, cells_new, is_, is_new = train_test_split(counts, KINDS[kind], test_size=0.4, stratify=kind, random_state=0)
models = {
    "network": make_pipeline(FunctionTransformer(log_shares), DLClassifier(random_state=0)),
    "linear": make_pipeline(FunctionTransformer(log_shares), LogisticRegression(max_iter=2000)),
}
for name, model in models.items():
    found = model.fit(cells, is_).predict(cells_new)
    balanced = balanced_accuracy_score(is_new, found)
    print(f"{name:8} {np.mean(found == is_new):.1%} of the cells, {balanced:.1%} in the mean of the kinds")

# %%
# The cells in two directions of all those genes, and what is taken for what.

_, (left, right) = plt.subplots(1, 2, figsize=(12, 5.2), layout="constrained")
at = PCA(2, random_state=0).fit_transform(log_shares(cells_new).toarray())
for k, name in enumerate(KINDS):
    left.scatter(*at[is_new == name].T, s=9, color=plt.get_cmap("tab10")(k), label=name)
left.set(xlabel="first principal component", ylabel="second principal component", title="new cells")
left.legend()
ConfusionMatrixDisplay.from_estimator(
    models["network"], cells_new, is_new, ax=right, colorbar=False, cmap="Blues", xticks_rotation=45
)
right.set(xlabel="found", ylabel="is")
plt.show()
