"""
Gradient descent by hand
========================

Linear regression by gradient descent: `DLRegressor` beside the formula, step by step. Without a hidden layer, with all
rows in each step and without scaling, the network is a straight line y = w x + b, and each epoch is one step of ::

    w <- w - α (1/N) Xᵀ(X w + b - y),    b <- b - α mean(X w + b - y),

which lowers L = 1/(2N) Σ (y - ŷ)².
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LinearRegression

from sklearn_dl import DLRegressor
from sklearn_dl.solvers import SGD

RATE, STEPS = 0.01, 1000


def table() -> tuple[np.ndarray, np.ndarray]:
    """100 rows of y = 2 x + 1 with noise."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, (100, 1))
    return X, 2 * X[:, 0] + 1 + 0.33 * rng.normal(size=100)


def by_hand(X: np.ndarray, y: np.ndarray, w: np.ndarray, b: float) -> list[tuple[float, float, float]]:
    """Weight, bias and the loss before the step, for each step of the formula."""
    steps = []
    for _ in range(STEPS):
        residual = X @ w + b - y
        loss = 0.5 * float(np.mean(residual**2))
        w = w - RATE * (X.T @ residual) / len(y)
        b = b - RATE * float(residual.mean())
        steps.append((float(w[0]), b, loss))
    return steps


def by_network(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float, list[tuple[float, float, float]]]:
    """The initial weight and bias, then the same figures from `DLRegressor`, one epoch at a time."""
    model = DLRegressor(
        hidden_layer_sizes=(),
        loss="squared_error",
        solver=SGD(momentum=0.0),
        learning_rate="constant",
        learning_rate_init=RATE,
        batch_size=None,
        max_iter=STEPS,
        encoder=None,
        scale_target=False,
        early_stopping=False,
        alpha=0.0,
        n_members=1,
        dropout=0.0,
        normalization=None,
        dtype="float64",
        random_state=0,
    )
    model.partial_fit(X, y)  # makes the network; the weights of the start are set next
    start = np.array([0.5]), -0.5
    model.coefs_, model.intercepts_ = (start[0][:, None],), (np.array([start[1]]),)
    steps = []
    for _ in range(STEPS):
        model.partial_fit(X, y)
        steps.append((float(model.coefs_[0][0, 0]), float(model.intercepts_[0][0]), model.loss_))
    return *start, steps


def main() -> None:
    """Print both side by side, and how far they are apart."""
    X, y = table()
    w, b, network = by_network(X, y)
    formula = by_hand(X, y, w, b)
    difference = np.abs(np.array(network) - np.array(formula))

    print(f"{'':>5}  {'the formula':^28}  {'DLRegressor':^28}  largest")
    heading = f"{'w':>8}{'b':>9}{'loss':>11}"
    print(f"{'step':>5}  {heading}  {heading}  difference")
    for step in (1, 2, 3, 10, 30, 100, 300, 1000):
        hand, net = (f"{v[0]:8.5f}{v[1]:9.5f}{v[2]:11.7f}" for v in (formula[step - 1], network[step - 1]))
        print(f"{step:>5}  {hand}  {net}  {difference[step - 1].max():.1e}")
    print(f"\nlargest difference over all {STEPS} steps: {difference.max():.1e}")

    exact = LinearRegression().fit(X, y)
    print(f"where gradient descent is heading (LinearRegression): w = {exact.coef_[0]:.5f}, b = {exact.intercept_:.5f}")
    assert difference.max() < 1e-12

    _, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    left.plot(X[:, 0], y, ".", color="0.7")
    for step in (1, 30, 100, 1000):
        w, b, _ = formula[step - 1]
        left.plot([0, 1], [b, w + b], label=f"after {step} steps")
    left.set(xlabel="x", ylabel="y", title="the line")
    left.legend(frameon=False, fontsize="small")
    right.plot(np.arange(1, STEPS + 1), [loss for _, _, loss in network])
    right.set(xlabel="step", ylabel="L = 1/(2N) Σ (y - ŷ)²", xscale="log", yscale="log", title="the loss")
    plt.show()


if __name__ == "__main__":
    main()
