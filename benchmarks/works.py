"""What is measured: tables of random numbers, the network for each, and the same training by every library.

Every function ``fit(work, x, y, threads)`` trains a ReLU network with Adam at a rate of 0.001 in float32, from new
weights, in a new order each epoch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

F32 = np.float32


@dataclass(frozen=True)
class Work:
    """A table and a training; 0 classes is regression."""

    name: str
    rows: int
    columns: int
    hidden: tuple[int, ...]
    batch: int
    epochs: int
    classes: int = 0

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.columns, *self.hidden, self.outputs)

    @property
    def outputs(self) -> int:
        return self.classes or 1

    @property
    def batches(self) -> list[int]:
        """Rows of each batch of an epoch."""
        whole, rest = divmod(self.rows, self.batch)
        return [self.batch] * whole + [rest] * (rest > 0)

    @property
    def n_steps(self) -> int:
        return self.epochs * len(self.batches)

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(self.rows, self.columns)).astype(F32)
        if self.classes:
            return x, rng.integers(0, self.classes, self.rows)
        return x, (x[:, 0] - x[:, 1] + rng.normal(size=self.rows)).astype(F32)

    def shrunk(self) -> Work:
        """The same in milliseconds, to see that it runs."""
        return replace(self, rows=90, columns=5, hidden=(8,) * len(self.hidden), batch=40, epochs=1)


WORKS = {
    work.name: work
    for work in (
        Work("tiny", 1000, 20, (100,), 32, 10, classes=3),
        Work("small", 1000, 20, (100,), 200, 60),
        Work("medium", 10_000, 50, (256, 256, 256), 256, 3),
        Work("wide", 10_000, 784, (512, 512), 128, 1, classes=10),
        Work("bigbatch", 20_000, 100, (512, 512), 1024, 2, classes=10),
    )
}
PREDICT = Work("predict", 20_000, 50, (256, 256), 256, 1, classes=2)


class Library(NamedTuple):
    """A way to do the work."""

    label: str
    modules: tuple[str, ...]
    fit: Callable[[Any, np.ndarray, np.ndarray, int], Any]

    @property
    def installed(self) -> bool:
        return all(find_spec(module) is not None for module in self.modules)


def ours(work: Work, x: np.ndarray, y: np.ndarray, threads: int, dtype: str = "float32") -> Any:
    """Without what the others have not: encoder, scaled target, weight decay, falling rate."""
    from sklearn_dl import DLClassifier, DLRegressor

    parameters = {
        "hidden_layer_sizes": work.hidden,
        "activation": "relu",
        "loss": "log_loss" if work.classes else "squared_error",
        "solver": "adam",
        "alpha": 0.0,
        "learning_rate": "constant",
        "learning_rate_init": 1e-3,
        "batch_size": work.batch,
        "max_iter": work.epochs,
        "dropout": 0.0,
        "normalization": None,
        "architecture": "mlp",
        "numeric_embedding": None,
        "n_members": 1,
        "encoder": None,
        "scale_target": False,
        "early_stopping": False,
        "dtype": dtype,
        "random_state": 0,
        "n_jobs": threads,
    }
    estimator = DLClassifier if work.classes else DLRegressor
    known = estimator().get_params(deep=False)  # another commit may have fewer
    return estimator(**{name: value for name, value in parameters.items() if name in known}).fit(x, y)


def mlp(work: Work, x: np.ndarray, y: np.ndarray, threads: int) -> Any:
    """scikit-learn's own, which never stops before the last epoch."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    model = (MLPClassifier if work.classes else MLPRegressor)(
        hidden_layer_sizes=work.hidden,
        batch_size=work.batch,
        max_iter=work.epochs,
        alpha=0.0,
        tol=0.0,
        n_iter_no_change=10**6,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y)


def torch(work: Work, x: np.ndarray, y: np.ndarray, threads: int, *, half: bool = False) -> Any:
    """Eager, with the fused Adam: the loop that everybody writes; `half` with autocast to bfloat16."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    layers = [m for a, b in itertools.pairwise(work.sizes) for m in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(*layers[:-1])
    solver = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss = nn.CrossEntropyLoss() if work.classes else nn.MSELoss()
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y if work.classes else y[:, None])
    for _ in range(work.epochs):
        for rows in torch.randperm(work.rows).split(work.batch):
            solver.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                value = loss(model(inputs[rows]).float(), targets[rows])
            value.backward()
            solver.step()
    return model


@cache
def _compiled(work: Work) -> tuple[Any, Any, Any]:
    """JAX's steps over all whole batches of an epoch, as one program; a step over the last batch; Adam."""
    import jax
    import jax.numpy as jnp
    import optax

    adam = optax.adam(1e-3)

    def objective(params: Any, x: Any, y: Any) -> Any:
        for i, (weight, bias) in enumerate(params):
            x = (jax.nn.relu(x) if i else x) @ weight + bias
        if work.classes:
            return optax.softmax_cross_entropy_with_integer_labels(x, y).mean()
        return jnp.square(x[:, 0] - y).mean()

    def step(params: Any, state: Any, x: Any, y: Any) -> Any:
        updates, state = adam.update(jax.grad(objective)(params, x, y), state, params)
        return optax.apply_updates(params, updates), state

    def epoch(params: Any, state: Any, x: Any, y: Any, batches: Any) -> Any:
        return jax.lax.scan(lambda at, rows: (step(*at, x[rows], y[rows]), None), (params, state), batches)[0]

    return jax.jit(epoch), jax.jit(lambda params, state, x, y, rows: step(params, state, x[rows], y[rows])), adam


def jax(work: Work, x: np.ndarray, y: np.ndarray, threads: int) -> Any:
    """A whole epoch compiled as one scan; the compilation is not measured, as the first run is not."""
    import jax
    import jax.numpy as jnp

    epoch, step, adam = _compiled(work)
    rng, whole = np.random.default_rng(0), work.rows // work.batch * work.batch
    params = [
        (jnp.asarray(rng.normal(0, (2 / a) ** 0.5, (a, b)), F32), jnp.zeros(b, F32))
        for a, b in itertools.pairwise(work.sizes)
    ]
    state, inputs, targets = adam.init(params), jnp.asarray(x), jnp.asarray(y)
    for _ in range(work.epochs):
        order = rng.permutation(work.rows)
        params, state = epoch(params, state, inputs, targets, order[:whole].reshape(-1, work.batch))
        if whole < work.rows:
            params, state = step(params, state, inputs, targets, order[whole:])
    return jax.block_until_ready(params)


def products(work: Work, x: np.ndarray, y: np.ndarray, threads: int) -> None:
    """The matrix products of the training and nothing else, into arrays that are there: the floor for NumPy."""
    shapes = list(itertools.pairwise(work.sizes))
    signals, gradients = ([np.full((work.batch, k), 1e-3, F32) for k in work.sizes] for _ in range(2))
    weights, d_weights = ([np.full(shape, 1e-3, F32) for shape in shapes] for _ in range(2))
    for n in work.batches * work.epochs:
        a, d = [s[:n] for s in signals], [g[:n] for g in gradients]
        for i, weight in enumerate(weights):
            np.matmul(a[i], weight, out=a[i + 1])
        for i in reversed(range(len(weights))):
            np.matmul(a[i].T, d[i + 1], out=d_weights[i])
            if i:  # nobody needs the gradient of the input
                np.matmul(d[i + 1], weights[i].T, out=d[i])


OURS = Library("ours", ("sklearn_dl",), ours)
PEERS = (
    Library("scikit-learn", ("sklearn",), mlp),
    Library("torch", ("torch",), torch),
    Library("torch, bfloat16", ("torch",), partial(torch, half=True)),
    Library("JAX", ("jax", "optax"), jax),
    Library("products", ("numpy",), products),
)


def onnx_predictor(model: Any, threads: int) -> Callable[[np.ndarray], Any] | None:
    """A fitted `MLPClassifier` for two classes as an ONNX graph, run by onnxruntime; None where that is missing."""
    if find_spec("onnx") is None or find_spec("onnxruntime") is None:
        return None
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    arrays, nodes, name = [], [], "x"
    last = len(model.coefs_) - 1
    for i, (weight, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        arrays += [numpy_helper.from_array(a.astype(F32), f"{n}{i}") for n, a in (("w", weight), ("b", bias))]
        nodes.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], [f"z{i}"]))
        name = "out" if i == last else f"a{i}"
        nodes.append(helper.make_node("Sigmoid" if i == last else "Relu", [f"z{i}"], [name]))

    def value(name: str, width: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])

    graph = helper.make_graph(nodes, "mlp", [value("x", len(model.coefs_[0]))], [value("out", 1)], arrays)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda rows: session.run(None, {"x": rows})
