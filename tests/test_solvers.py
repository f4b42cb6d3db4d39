"""Every solver against its textbook, written here in a few lines, step by step and inside the training loop.

Also a solver as a user writes one, and a quadratic that every solver minimises with every schedule.
"""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_dl._data.batches import Batches
from sklearn_dl._engine.network import Network
from sklearn_dl._training.descent import STRETCH, State, descents
from sklearn_dl._training.loop import End, Span, train
from sklearn_dl._training.steps import Recipe
from sklearn_dl._training.stopping import EarlyStopping
from sklearn_dl.layers import Dense
from sklearn_dl.losses import SquaredError
from sklearn_dl.schedules import Adaptive, Constant, Cosine, CosLog, InvScaling, OneCycle
from sklearn_dl.solvers import LBFGS, SGD, SPAN, Adam, AdamW, RMSprop, Solver

RATE = 0.03


class SignMomentum(Solver):
    """A solver as a user writes one."""

    keeps = ("m",)

    def __init__(self, momentum=0.9):
        self.momentum = momentum

    def step(self, params, grads, s, t, rate, decayed):
        s.m *= self.momentum
        s.m += (1 - self.momentum) * grads
        params -= rate * np.sign(s.m)


# ---- the textbooks: from θ and the gradient's function to θ after each of n steps


def descent(theta, gradient, rates):
    for rate in rates:
        theta = theta - rate * gradient(theta)
        yield theta


def momentum(theta, gradient, rates, mu=0.9):
    v = 0 * theta
    for rate in rates:
        v = mu * v - rate * gradient(theta)
        theta = theta + v
        yield theta


def nesterov(theta, gradient, rates, mu=0.9):
    """Sutskever's form: the gradient is taken at ψ = θ + μ v; what the solver keeps is ψ."""
    v, psi = 0 * theta, theta
    for rate in rates:
        bare = psi - mu * v
        v = mu * v - rate * gradient(psi)
        psi = bare + v + mu * v
        yield psi


def rmsprop(theta, gradient, rates, rho=0.99, epsilon=1e-8):
    v = 0 * theta
    for rate in rates:
        g = gradient(theta)
        v = rho * v + (1 - rho) * g**2
        theta = theta - rate * g / (np.sqrt(v) + epsilon)
        yield theta


def adam(theta, gradient, rates, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=0.0):
    """Algorithm 1 of Kingma & Ba with ε̂ = ε √(1 - β2ᵗ), the form of their section 2; algorithm 2 of AdamW."""
    m = v = 0 * theta
    for t, rate in enumerate(rates, start=1):
        g = gradient(theta)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        theta = theta - rate * decay * theta
        theta = theta - rate * m_hat / (np.sqrt(v_hat) + epsilon / math.sqrt(1 - beta_2**t))
        yield theta


def sign_momentum(theta, gradient, rates):
    m = 0 * theta
    for rate in rates:
        m = 0.9 * m + (1 - 0.9) * gradient(theta)
        theta = theta - rate * np.sign(m)
        yield theta


TABLE = [
    ("descent", SGD(momentum=0.0), descent),
    ("momentum", SGD(nesterov=False), momentum),
    ("momentum-0.5", SGD(momentum=0.5, nesterov=False), lambda *a: momentum(*a, mu=0.5)),
    ("nesterov", SGD(), nesterov),
    ("rmsprop", RMSprop(), rmsprop),
    ("rmsprop-set", RMSprop(rho=0.5, epsilon=0.1), lambda *a: rmsprop(*a, rho=0.5, epsilon=0.1)),
    ("adam", Adam(), adam),
    ("adam-set", Adam(0.5, 0.9, 0.1), lambda *a: adam(*a, beta_1=0.5, beta_2=0.9, epsilon=0.1)),
    ("adamw", AdamW(weight_decay=0.1), lambda *a: adam(*a, decay=0.1)),
    ("adamw-zero", AdamW(weight_decay=0.0), adam),
    ("user", SignMomentum(), sign_momentum),
]
each_solver = pytest.mark.parametrize(("solver", "textbook"), [t[1:] for t in TABLE], ids=[t[0] for t in TABLE])


def quadratic(k, dtype=np.float64):
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.1, 3, k).astype(dtype), rng.normal(size=k).astype(dtype)
    return rng.normal(size=k).astype(dtype), lambda theta: a * theta - b


@each_solver
def test_twenty_steps_are_the_textbooks(solver, textbook):
    theta, gradient = quadratic(7)
    rates = RATE * np.linspace(1, 0.2, 20)
    params = theta.copy()
    s = SimpleNamespace(**{name: np.zeros(7) for name in solver.keeps}, scratch=np.full(7, np.nan), age=0)
    for t, (rate, expected) in enumerate(zip(rates, textbook(theta, gradient, rates), strict=True), start=1):
        place = params.__array_interface__["data"]
        assert solver.step(params, gradient(params), s, t, rate, True) is None
        s.age += 1
        if t in (1, 2, 9) or s.age == solver.span:
            solver.settle(s)
            s.age = 0
        assert params.__array_interface__["data"] == place
        np.testing.assert_allclose(params, expected, rtol=1e-11, atol=1e-13)
    assert np.abs(params - theta).max() > 0.01


@each_solver
def test_float32_stays_float32(solver, textbook):
    theta, gradient = quadratic(7, np.float32)
    s = SimpleNamespace(**{name: np.zeros(7, np.float32) for name in solver.keeps}, scratch=np.empty(7, np.float32))
    params, rates = theta.copy(), [RATE] * 20
    for t in range(1, 21):
        s.age = t - 1
        solver.step(params, gradient(params), s, t, RATE, True)
    solver.settle(s)
    *_, expected = textbook(theta.astype(float), gradient, rates)
    assert params.dtype == np.float32
    assert all(getattr(s, name).dtype == np.float32 for name in solver.keeps)
    np.testing.assert_allclose(params, expected, rtol=1e-4, atol=1e-5)


@each_solver
def test_only_decayed_parameters_decay(solver, textbook):
    """With a gradient of 0 nothing moves but the weights under AdamW."""
    for decayed in (True, False):
        params = np.array([2.0, -3.0])
        s = SimpleNamespace(**{name: np.zeros(2) for name in solver.keeps}, scratch=np.zeros(2), age=0)
        solver.step(params, np.zeros(2), s, 1, 0.5, decayed)
        factor = 1 - 0.5 * 0.1 if decayed and isinstance(solver, AdamW) and solver.weight_decay else 1.0
        np.testing.assert_array_equal(params, np.array([2.0, -3.0]) * factor)


@each_solver
def test_a_solver_is_a_settings_object_without_state(solver, textbook):
    before = vars(solver).copy()
    test_twenty_steps_are_the_textbooks(solver, textbook)
    assert vars(solver) == before == clone(solver).get_params()
    solver.check()


# ---- inside the loop


def least_squares(n_in, n_out, n=40):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, n_in))
    y = x @ rng.normal(size=(n_in, n_out)) + rng.normal(size=n_out)
    return x, y


@each_solver
@pytest.mark.parametrize(("n_in", "n_out"), [(3, 2), (200, 170)])
def test_training_is_the_textbook_on_the_whole_vector(solver, textbook, n_in, n_out):
    """AdamW apart, weights and biases follow one rule; the larger network has more than one stretch."""
    x, y = least_squares(n_in, n_out)
    network = Network.build(Dense(n_in, n_out), 0, np.float64)
    k = network.n_weights
    assert (network.n_params > STRETCH) == (n_in == 200)

    def gradient(theta):
        w, b = theta[:k].reshape(n_in, n_out), theta[k:]
        r = (x @ w + b - y) / len(x)
        return np.concatenate([(x.T @ r).ravel(), r.sum(axis=0)])

    start, state = network.values.copy(), State(seed=0)
    end = train(
        network, [Batches(x, y, None, size=len(x), shuffle=True, seed=0)],
        Recipe(SquaredError(), solver, Constant(), RATE), state, lambda e: False,
        Span(20, 20),
        )  # fmt: skip
    *_, expected = textbook(start, gradient, [RATE] * 20)
    if solver.decays and solver.weight_decay:
        free = next(t[2] for t in TABLE if t[0] == "adam")
        # decay couples weights and biases through the residual, so the textbook runs with decay on the weights alone
        lam = np.where(np.arange(network.n_params) < k, solver.weight_decay, 0.0)
        *_, expected = adam(start, gradient, [RATE] * 20, decay=lam)
        *_, undecayed = free(start, gradient, [RATE] * 20)
        assert np.abs(expected - undecayed).max() > 1e-4
    assert end is End.MAX_ITER
    assert state.step == 20
    assert set(state.kept) == set(solver.keeps)
    assert all(v.shape == start.shape for v in state.kept.values())
    np.testing.assert_allclose(network.values, expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("beta_1", [0.0, 1e-9, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("beta_2", [0.0, 0.3, 0.95, 0.9999])
def test_moments_are_what_their_names_say_at_the_end_of_an_epoch(beta_1, beta_2):
    """In between they are kept divided by powers of β, which must not leave the floats, in single precision either."""
    for dtype, rtol in ((np.float64, 1e-9), (np.float32, 2e-4)):
        network = Network.build(Dense(3, 2), 0, dtype)
        start, grads, state = network.values.copy(), np.zeros(network.n_params, dtype), State(seed=0)
        (work,), rng = descents(Adam(beta_1, beta_2, 0.01), network, [grads], state), np.random.default_rng(0)
        drawn = rng.normal(size=(300, network.n_params)).astype(dtype)
        m, v, theta = np.zeros(network.n_params), np.zeros(network.n_params), start.astype(float)
        for t, g in enumerate(drawn, start=1):
            grads[...] = g
            work.step(RATE)
            m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g.astype(float) ** 2
            theta -= RATE * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + 0.01)
            if t in (5, 250, 300):
                work.settle()
                np.testing.assert_allclose(state.kept["m"], m, rtol=rtol, atol=10 * rtol)
                np.testing.assert_allclose(state.kept["v"], v, rtol=rtol, atol=rtol)
                np.testing.assert_allclose(network.values, theta, rtol=10 * rtol, atol=10 * rtol)


def test_adamw_decays_weights_and_not_biases():
    network = Network.build(Dense(4, 3), 0, np.float64)
    p = network.views()
    p.bias[...] = [1, 2, 3]
    start, y = p.weight.copy(), np.tile(p.bias, (5, 1))  # on a row of zeros, the bias is right
    batches = [Batches(np.zeros((5, 4)), y, None, size=5, shuffle=False, seed=0)]
    for solver, factor in ((AdamW(weight_decay=0.2), (1 - 0.1 * 0.2) ** 6), (Adam(), 1.0)):
        p.weight[...] = start
        train(
            network, batches, Recipe(SquaredError(), solver, Constant(), 0.1), State(seed=0), lambda e: False,
            Span(6, 6),
        )  # fmt: skip
        np.testing.assert_allclose(p.weight, start * factor, rtol=1e-13)
        np.testing.assert_array_equal(p.bias, [1, 2, 3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "solver",
    [SGD(), SGD(momentum=0.9, nesterov=False), RMSprop(rho=0.9), Adam(beta_2=0.9), AdamW(beta_2=0.9)],
    ids=repr,
)
def test_moments_never_reach_the_denormal_numbers(solver, dtype):
    """Where a gradient stays 0, as for the weights of a dead unit: a step with denormal moments is far slower."""
    network = Network.build(Dense(30, 2), 0, dtype)
    grads, state, tiny = np.zeros(network.n_params, dtype), State(seed=0), np.finfo(dtype).tiny
    (work,), dead = descents(solver, network, [grads], state), np.arange(network.n_params) % 2 == 0
    steps = 1000 if dtype == np.float32 else 8000
    for t in range(steps):
        grads[...] = np.where(dead & (t > 3), 0, 0.1)  # a solver may overwrite it
        work.step(1e-6)
        for name, vector in state.kept.items():
            assert not ((vector != 0) & (np.abs(vector) < tiny)).any(), f"{name} in step {t + 1}"
            assert vector.all() or t > SPAN
    for vector in state.kept.values():
        np.testing.assert_array_equal(vector == 0, dead)
    assert np.isfinite(network.values).all()


def test_a_change_of_solver_begins_with_a_new_memory():
    x, y = least_squares(3, 2)
    network, state = Network.build(Dense(3, 2), 0, np.float64), State(seed=0)
    batches = [Batches(x, y, None, size=40, shuffle=False, seed=0)]

    def go(solver):
        train(
            network, batches, Recipe(SquaredError(), solver, Constant(), 0.01), state, lambda e: False,
            Span(3, 3),
        )  # fmt: skip
        return {name: v.copy() for name, v in state.kept.items()}

    first = go(Adam())
    again = go(Adam())
    assert set(first) == {"m", "v"}
    assert (again["v"] > first["v"]).all()
    assert set(go(SGD())) == {"velocity"}
    assert (go(Adam())["v"] < again["v"]).all()  # from zeros


@pytest.mark.parametrize(
    "schedule", [Constant(), InvScaling(0.2), Adaptive(), Cosine(0.1), OneCycle(), CosLog()], ids=str
)
@pytest.mark.parametrize(
    "solver", [SGD(momentum=0.0), SGD(), RMSprop(), Adam(), AdamW(weight_decay=1e-4), SignMomentum()], ids=str
)
def test_every_solver_minimises_a_quadratic_with_every_schedule(solver, schedule):
    x, y = least_squares(3, 2)
    network, state, losses = Network.build(Dense(3, 2), 0, np.float64), State(seed=0), []
    stopping = EarlyStopping(patience=10, tol=1e-4, keep_best=False)

    def listener(epoch):
        losses.append(epoch.loss)
        if stopping.plateau(epoch.loss, network):
            state.rate_factor *= schedule.on_plateau(epoch.learning_rate) or 1.0
        return False

    batches = [Batches(x, y, None, size=20, shuffle=True, seed=0)]
    end = train(
        network, batches, Recipe(SquaredError(), solver, schedule, 0.1), state, listener,
        Span(150, 150),
        )  # fmt: skip
    assert end is End.MAX_ITER
    assert len(losses) == 150
    assert min(losses[-5:]) < 1e-2 * losses[0]


# ---- settings


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (SGD(momentum=1), "SGD: momentum must be a number in [0, 1); got 1."),
        (SGD(momentum=-0.1), "SGD: momentum must be a number in [0, 1); got -0.1."),
        (SGD(momentum=math.nan), "SGD: momentum must be a number in [0, 1); got nan."),
        (RMSprop(rho=1.5), "RMSprop: rho must be a number in [0, 1); got 1.5."),
        (RMSprop(epsilon=0), "RMSprop: epsilon must be a finite number > 0; got 0."),
        (Adam(beta_1=1), "Adam: beta_1 must be a number in [0, 1); got 1."),
        (Adam(beta_2=-1), "Adam: beta_2 must be a number in [0, 1); got -1."),
        (AdamW(epsilon=-1), "AdamW: epsilon must be a finite number > 0; got -1."),
        (AdamW(weight_decay=-1), "AdamW: weight_decay must be 'auto' or a finite number >= 0; got -1."),
        (LBFGS(max_fun=0), "LBFGS: max_fun must be an int >= 1; got 0."),
        (LBFGS(history=0), "LBFGS: history must be an int >= 1; got 0."),
    ],
    ids=str,
)
def test_settings_out_of_range_are_told_in_one_sentence(solver, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        solver.check()


def test_a_solver_without_a_step_is_told_so():
    class Nothing(Solver):
        pass

    with pytest.raises(TypeError, match="step"):
        Nothing()
