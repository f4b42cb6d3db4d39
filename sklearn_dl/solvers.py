"""Solvers: one step of gradient descent, in place, on a vector of parameters.

Knows nothing about layers: parameters and gradients are vectors, and what a solver remembers are vectors as long.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, final

import numpy as np

from ._numerics import Rules, Settings, adam, axpy, boolean, either, integer, interval, not_negative, positive

__all__ = ["LBFGS", "SGD", "Adam", "AdamW", "RMSprop", "Solver"]

SPAN = 128  # steps
SMALLEST = 2.0**-20  # powers of β that moments are divided by: far from where floats end


class Solver(Settings, ABC):
    """A rule for one step of stochastic gradient descent.

    To write a solver, inherit `Solver`, store the settings in `__init__`, name in `keeps` the vectors that it keeps
    from step to step (they begin as zeros), and write `step`. A solver holds no state of its own. `check`, which is
    called before each training, may be overridden to refuse settings.

    Attributes
    ----------
    keeps : tuple of str
        Names of the kept vectors.
    learning_rate_init, learning_rate_linear : float
        What ``learning_rate_init="auto"`` stands for, with and without hidden layers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.solvers import Solver
    >>> class SignMomentum(Solver):
    ...     keeps = ("m",)
    ...     def step(self, params, grads, s, t, rate, decayed):
    ...         s.m *= 0.9
    ...         s.m += 0.1 * grads
    ...         params -= rate * np.sign(s.m)
    """

    keeps: ClassVar[tuple[str, ...]] = ()
    learning_rate_init: ClassVar[float] = 0.002
    learning_rate_linear: ClassVar[float] = 0.02
    decays: ClassVar[bool] = False  # whether `decayed` matters to `step`

    @property
    def span(self) -> int:
        """Steps after which `settle` is due, and a look for vanishing moments: β₁ = 0.9 takes them down by 10⁻⁶."""
        return SPAN

    @abstractmethod
    def step(self, params: np.ndarray, grads: np.ndarray, s: Any, t: int, rate: float, decayed: bool) -> None:
        """Move `params`, in place; `grads` may be overwritten.

        Parameters
        ----------
        params, grads : ndarray of shape (k,)
            A stretch of the parameters and of the gradient.
        s : namespace
            ``s.<name>`` for each name of `keeps`, the same stretch; ``s.scratch``, as long, to write into; ``s.age``,
            the number of steps since `settle`; ``s.compiled``, whether the step may be a compiled one.
        t : int
            Number of the step: 1, 2, ...
        rate : float
            The learning rate now.
        decayed : bool
            Whether these parameters are weights, subject to weight decay.
        """

    def settle(self, s: Any) -> None:
        """Write out the kept vectors, where `step` keeps them in a form that depends on ``s.age``.

        Called after `span` steps at most and at the end of each epoch, so that checkpoints hold what the names say.

        Parameters
        ----------
        s : namespace
            As for `step`.
        """


@final
class SGD(Solver):
    """Gradient descent with momentum.

    v ← μ v - η g;  θ ← θ + v, or with Nesterov's look-ahead θ ← θ + μ v - η g (Sutskever et al. 2013, eq. 1-4, in the
    form of scikit-learn's MLP).

    Parameters
    ----------
    momentum : float in [0, 1), default=0.9
        μ.
    nesterov : bool, default=True
        Whether to look ahead.
    """

    keeps: ClassVar[tuple[str, ...]] = ("velocity",)
    learning_rate_init: ClassVar[float] = 0.01
    learning_rate_linear: ClassVar[float] = 0.01
    rules: ClassVar[Rules] = {"momentum": interval(0, 1, "[)"), "nesterov": boolean()}

    def __init__(self, momentum: float = 0.9, nesterov: bool = True):
        self.momentum = momentum
        self.nesterov = nesterov

    def step(self, params: np.ndarray, grads: np.ndarray, s: Any, t: int, rate: float, decayed: bool) -> None:
        if not self.momentum:
            axpy(-rate, grads, params)  # θ <- θ - η g
            return
        v = s.velocity
        v *= self.momentum
        axpy(-rate, grads, v)  # v <- μ v - η g
        if self.nesterov:
            axpy(self.momentum, v, params)
            axpy(-rate, grads, params)  # θ <- θ + μ v - η g
        else:
            params += v  # θ <- θ + v


@final
class RMSprop(Solver):
    """v ← ρ v + (1-ρ) g²;  θ ← θ - η g / (√v + ε) (Tieleman & Hinton 2012, lecture 6.5).

    Parameters
    ----------
    rho : float in [0, 1), default=0.99
        ρ.
    epsilon : float > 0, default=1e-8
        ε.
    """

    keeps: ClassVar[tuple[str, ...]] = ("v",)
    rules: ClassVar[Rules] = {"rho": interval(0, 1, "[)"), "epsilon": positive()}

    def __init__(self, rho: float = 0.99, epsilon: float = 1e-8):
        self.rho = rho
        self.epsilon = epsilon

    def step(self, params: np.ndarray, grads: np.ndarray, s: Any, t: int, rate: float, decayed: bool) -> None:
        v, a = s.v, s.scratch
        np.multiply(grads, grads, out=a)
        v *= self.rho
        axpy(1 - self.rho, a, v)  # v <- ρ v + (1-ρ) g²
        np.sqrt(v, out=a)
        a += self.epsilon
        np.divide(grads, a, out=a)
        axpy(-rate, a, params)  # θ <- θ - η g / (√v + ε)


class _AdamStep(Solver):
    """The step that Adam and AdamW share (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980, section 2, last form).

    A step k steps after `settle` leaves M = m / β1ᵏ in ``s.m`` and V = v / β2ᵏ in ``s.v``: the moments' decay, which
    would be two of nine passes over memory, is in the scalars.
    """

    keeps: ClassVar[tuple[str, ...]] = ("m", "v")
    rules: ClassVar[Rules] = {
        "beta_1": interval(0, 1, "[)"),
        "beta_2": interval(0, 1, "[)"),
        "epsilon": positive(),
    }
    auto: ClassVar[Mapping[str, float]] = {"beta_2": 0.999, "weight_decay": 0.5}  # outside an ensemble
    beta_1: float
    beta_2: float | Literal["auto"]
    epsilon: float

    def _value(self, name: str) -> float:
        value = getattr(self, name)
        return self.auto[name] if isinstance(value, str) else value

    @property
    def span(self) -> int:
        least = min(self.beta_1, self._value("beta_2"))
        return min(SPAN, 1 + int(math.log(SMALLEST) / math.log(least))) if least > SMALLEST else 1

    def step(self, params: np.ndarray, grads: np.ndarray, s: Any, t: int, rate: float, decayed: bool) -> None:
        self._step(params, grads, s, t, rate, 1.0)

    def _step(self, params: np.ndarray, grads: np.ndarray, s: Any, t: int, rate: float, shrink: float) -> None:
        """The step after θ ← θ `shrink`."""
        m, v, a, beta_2 = s.m, s.v, s.scratch, self._value("beta_2")
        decay_1, decay_2 = self.beta_1**s.age, beta_2**s.age  # β1ᵏ, β2ᵏ
        first, second, epsilon = (1 - self.beta_1) / decay_1, (1 - beta_2) / decay_2, self.epsilon / math.sqrt(decay_2)
        bias_corrected = rate * math.sqrt(1 - beta_2**t) / (1 - self.beta_1**t)
        rate = bias_corrected * decay_1 / math.sqrt(decay_2)
        if getattr(s, "compiled", False):
            decays = (1.0, 1.0) if s.age else (self.beta_1, beta_2)
            return adam(params, grads, m, v, (*decays, first, second, epsilon, shrink, rate))
        if shrink != 1:
            params *= shrink
        if s.age == 0:
            m *= self.beta_1
            v *= beta_2
        np.multiply(grads, grads, out=a)
        axpy(second, a, v)  # β2ᵏ V = v <- β2 v + (1-β2) g²
        axpy(first, grads, m)  # β1ᵏ M = m <- β1 m + (1-β1) g
        np.sqrt(v, out=a)
        a += epsilon
        np.divide(m, a, out=a)  # M / (√V + ε / √β2ᵏ)
        axpy(-rate, a, params)  # θ <- θ - η √(1-β2ᵗ) / (1-β1ᵗ) m / (√v + ε)
        return None

    def settle(self, s: Any) -> None:
        if s.age > 1:
            s.m *= self.beta_1 ** (s.age - 1)
            s.v *= self._value("beta_2") ** (s.age - 1)


@final
class Adam(_AdamStep):
    """Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980), as in scikit-learn's MLP.

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay of the first and the second moment.
    epsilon : float > 0, default=1e-8
        ε.
    """

    def __init__(self, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon


@final
class AdamW(_AdamStep):
    """Adam with decoupled weight decay, θ ← θ - η λ θ before the step, on weights, not on biases.

    (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101, algorithm 2.)

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1), or for beta_2 "auto"; default=0.9 and "auto"
        Decay of the first and the second moment; "auto" is 0.95 with several members, 0.999 with one.
    epsilon : float > 0, default=1e-8
        ε.
    weight_decay : float ≥ 0 or "auto", default="auto"
        λ; "auto" is 0.5, but 0.1 for classification with several members. With the cosine schedule and 200 epochs 0.5
        is mild: the weights of an unused input fall to a few percent.
    """

    decays: ClassVar[bool] = True
    rules: ClassVar[Rules] = {
        **_AdamStep.rules,
        "beta_2": either("auto", _AdamStep.rules["beta_2"]),
        "weight_decay": either("auto", not_negative()),
    }

    def __init__(
        self,
        beta_1: float = 0.9,
        beta_2: float | Literal["auto"] = "auto",
        epsilon: float = 1e-8,
        weight_decay: float | Literal["auto"] = "auto",
    ):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay

    def step(self, params: np.ndarray, grads: np.ndarray, s: Any, t: int, rate: float, decayed: bool) -> None:
        decay = self._value("weight_decay")
        self._step(params, grads, s, t, rate, 1 - rate * decay if decayed else 1.0)  # θ <- θ - η λ θ before it


@final
class LBFGS(Settings):
    """Limited-memory BFGS with all rows at each iteration, by `scipy.optimize.minimize`.

    Parameters
    ----------
    max_fun : int ≥ 1, default=15000
        Number of function evaluations at most.
    history : int ≥ 1, default=10
        Number of past steps that approximate the Hessian.
    """

    rules: ClassVar[Rules] = {"max_fun": integer(1), "history": integer(1)}

    def __init__(self, max_fun: int = 15_000, history: int = 10):
        self.max_fun = max_fun
        self.history = history
