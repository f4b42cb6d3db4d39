"""
A game: fitted Q iteration balances a pole
==========================================

A cart is pushed to the left or to the right, so that the pole on it does not fall. Nothing is known of its physics: a
network learns from random games what each push is worth, by regression, again and again (fitted Q iteration: Ernst,
Geurts & Wehenkel 2005). It needs gymnasium, whose CartPole gives up to 500 points.
"""

# %%
# Random games: state, push, next state, and whether the pole has fallen.

from copy import deepcopy

import gymnasium
import matplotlib.pyplot as plt
import numpy as np

from sklearn_dl import DLRegressor

env = gymnasium.make("CartPole-v1")
rng = np.random.default_rng(0)


def play(choose, seed):
    """One game: its states, pushes, next states and falls."""
    state, _ = env.reset(seed=seed)
    steps, over = [], False
    while not over:
        push = choose(state)
        following, _, fallen, stopped, _ = env.step(push)
        steps.append((*state, push, *following, fallen))
        state, over = following, fallen or stopped
    return np.array(steps)


def at_random(state):
    return int(rng.integers(2))


games = [play(at_random, seed) for seed in range(150)]
steps = np.vstack(games)
print(f"{len(games)} random games, {len(steps)} pushes, {np.mean([len(game) for game in games]):.0f} points a game")

# %%
# The value of a push is 1 for the step that was survived, and γ times the value of the best push after it. The network
# predicts it from state and push; each round regresses on what the round before predicted, and ``warm_start`` goes on
# from its weights. Three games of its own, with a few random pushes, are added after each round. Learning goes up and
# down: the network of the best round is kept.

GAMMA, ROUNDS = 0.99, 40
network = DLRegressor(
    n_members=1, hidden_layer_sizes=(64, 64), max_iter=10, learning_rate="constant", warm_start=True, random_state=0
)


def values(states):
    """What each of the two pushes is worth in each state."""
    pushes = (np.column_stack([states, np.full(len(states), push)]) for push in (0, 1))
    return np.column_stack([network.predict(X) for X in pushes])


def best(state):
    return int(values(state[None])[0].argmax())


def mostly_best(state):
    return at_random(state) if rng.random() < 0.05 else best(state)


points, kept = [], None
for k in range(ROUNDS):
    after = values(steps[:, 5:9]).max(axis=1) if k else np.zeros(len(steps))
    fallen = steps[:, 9] > 0
    network.fit(steps[:, :5], np.where(fallen, 0.0, 1 + GAMMA * after))
    own = [play(mostly_best, 1000 + 3 * k + i) for i in range(3)]
    points.append(np.mean([len(game) for game in own]))
    if points[-1] == max(points):
        kept = deepcopy(network)
    steps = np.vstack([steps, *own])[-10_000:]
print("points of its games, round by round:", *(f"{p:.0f}" for p in points))

# %%
# Games of the network that was kept, without random pushes.

network = kept
final = [len(play(best, 5000 + i)) for i in range(5)]
print(f"points of five new games: {final}")
_, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
ax.plot(np.arange(1, len(points) + 1), points, "o-")
ax.axhline(np.mean([len(game) for game in games]), color="0.6", linestyle=":", label="at random")
ax.set(xlabel="round", ylabel="points a game", ylim=(0, 510))
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
