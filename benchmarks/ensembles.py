"""The default ensemble's training as a work: tables, our fit, the same network in torch, and its matrix products.

Four networks side by side, one a fold, each of two members that share a body. Three epochs, in each of which a network
learns from the rows of the other folds and then judges its own, and one epoch in which all of them learn from all rows:
the default in small. Ours also encodes the table and settles the spread or the temperature; the others get it encoded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from .works import F32, Library

# the defaults of sklearn_dl, for up to 30 000 rows; a test compares
PARTS, MEMBERS, HIDDEN, DROPOUT = 4, 2, (128, 128), 0.1
WAVES, RAMPS, WIDTH = 16, 32, 3  # of a number: waves and intervals, and columns made of them
MOST_ONE_HOT, EMBEDDED = 8, 8  # levels at most that become indicators; length of the vector of other levels
EPOCHS, LAST = 4, 1  # of which the last ones learn from all rows


@dataclass(frozen=True)
class Ensemble:
    """A table and a training; 0 classes is regression.

    Its columns are numbers, then categories with so many levels each.
    """

    name: str
    rows: int
    numbers: int
    levels: tuple[int, ...] = ()
    classes: int = 0
    batch: int = 256

    @property
    def indicators(self) -> int:
        """Columns that stand for the levels of categories with few."""
        return sum(n for n in self.levels if n <= MOST_ONE_HOT)

    @property
    def cardinalities(self) -> list[int]:
        """Codes of each other category; one more than levels, for rare ones."""
        return [n + 1 for n in self.levels if n > MOST_ONE_HOT]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths of the signal from the members' inputs on."""
        width = self.numbers * (1 + WIDTH) + self.indicators + len(self.cardinalities) * EMBEDDED
        return (width, *HIDDEN, 1)

    @property
    def learnt(self) -> list[int]:
        """Rows that each network learns from, epoch by epoch."""
        return [self.rows * (PARTS - 1) // PARTS] * (EPOCHS - LAST) + [self.rows] * LAST

    def n_batches(self, rows: int) -> int:
        return -(-rows // self.batch)

    @property
    def n_steps(self) -> int:
        return PARTS * sum(map(self.n_batches, self.learnt))

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers, and levels as numbers."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=(self.rows, self.numbers + len(self.levels))).astype(F32)
        for i, n in enumerate(self.levels, self.numbers):
            x[:, i] = rng.integers(n, size=self.rows)
        y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=self.rows)
        y += sum(x[:, i] % 2 for i in range(self.numbers, x.shape[1]))
        return x, (y > np.median(y)).astype(int) if self.classes else y.astype(F32)

    def encoded(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers and indicators; codes."""
        dense, codes = [x[:, : self.numbers]], [np.empty((len(x), 0), int)]
        for i, n in enumerate(self.levels, self.numbers):
            column = x[:, i : i + 1].astype(int)
            if n <= MOST_ONE_HOT:
                dense.append((column == np.arange(n)).astype(F32))
            else:
                codes.append(column + 1)
        return np.hstack(dense), np.hstack(codes)

    def shrunk(self) -> Ensemble:
        """The same in a moment, to see that it runs; fewer rows than 320 would not be an ensemble."""
        return replace(self, rows=400, numbers=3, levels=(3, 12) if self.levels else (), batch=64)


NUMBERS, MIXED = (10, ()), (6, (3, 4, 6, 8, 12, 20, 60, 200))
ENSEMBLES = {
    work.name: work
    for work in (
        Ensemble(f"ensemble-{table}-{task}", 10_000, *columns, classes=classes)
        for table, columns in (("numbers", NUMBERS), ("mixed", MIXED))
        for task, classes in (("regression", 0), ("classification", 2))
    )
}


def ours(work: Ensemble, x: np.ndarray, y: np.ndarray, threads: int, dtype: str = "float32") -> Any:
    """The default; what is set here are epochs, precision (as for many rows) and which columns are categories."""
    from sklearn_dl import DLClassifier, DLRegressor
    from sklearn_dl.encoding import TableEncoder

    categories = list(range(work.numbers, x.shape[1]))
    encoder = TableEncoder(categorical_features=categories) if categories else "auto"
    model = (DLClassifier if work.classes else DLRegressor)(
        max_iter=EPOCHS, encoder=encoder, dtype=dtype, random_state=0, n_jobs=threads
    )
    return model.fit(x, y)


def torch_network(work: Ensemble) -> Any:
    """The four networks as one, with an axis for them: (networks, rows, columns) to (networks, members, rows, 1).

    In torch this is faster than one network after the other, in single precision a little and with bfloat16 by a third.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    d, cards = work.numbers, work.cardinalities
    edges = torch.linspace(-3, 3, RAMPS + 1)

    class Networks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.frequency = nn.Parameter(2 * torch.randn(PARTS, 1, d, WAVES))
            self.phase = nn.Parameter(np.pi * (2 * torch.rand(PARTS, 1, d, WAVES) - 1))
            self.mix_waves = nn.Parameter(torch.randn(PARTS, d, WAVES, WIDTH) / 4)
            self.mix_ramps = nn.Parameter(torch.randn(PARTS, d, RAMPS, WIDTH) / 8)
            self.shift = nn.Parameter(torch.zeros(PARTS, 1, d, WIDTH))
            self.levels = nn.Parameter(torch.randn(PARTS * sum(cards), EMBEDDED) / 2)
            self.factor = nn.Parameter(torch.randn(PARTS, 1, MEMBERS, work.sizes[0]).sign() / 6)
            shapes = list(itertools.pairwise(work.sizes[:-1]))
            self.weights = nn.ParameterList([torch.randn(PARTS, a, b) * (2 / a) ** 0.5 for a, b in shapes])
            self.biases = nn.ParameterList([torch.zeros(PARTS, 1, b) for _, b in shapes])
            self.head = nn.Parameter(torch.randn(PARTS * MEMBERS, work.sizes[-2], 1) / 11)
            self.head_bias = nn.Parameter(torch.zeros(PARTS * MEMBERS, 1, 1))
            firsts = torch.tensor([0, *itertools.accumulate(cards)])[:-1]
            self.register_buffer("starts", firsts + torch.arange(PARTS)[:, None, None] * sum(cards))

        def forward(self, x: Any, codes: Any) -> Any:
            n, number = x.shape[1], x[..., :d, None]
            waves = torch.cos(number * self.frequency + self.phase)
            ramps = torch.clamp((number - edges[:-1]) * (RAMPS / 6), 0, 1) - 0.5
            made = torch.einsum("gndf,gdfw->gndw", waves, self.mix_waves)
            made = made + torch.einsum("gndf,gdfw->gndw", ramps, self.mix_ramps) + self.shift
            columns = [torch.cat((number, made.to(number.dtype)), -1).flatten(2), x[..., d:]]
            if cards:
                columns.append(functional.embedding(codes + self.starts, self.levels).flatten(2))
            signal = (torch.cat(columns, -1)[:, :, None] * (6 * self.factor)).flatten(1, 2)  # rows and members
            for weight, bias in zip(self.weights, self.biases, strict=True):
                signal = functional.relu(torch.baddbmm(bias, signal, weight))
                signal = functional.dropout(signal, DROPOUT, self.training)
            signal = signal.view(PARTS, n, MEMBERS, -1).transpose(1, 2).reshape(PARTS * MEMBERS, n, -1)
            return torch.baddbmm(self.head_bias, signal, self.head).view(PARTS, MEMBERS, n, 1)

    return Networks()


def torch(work: Ensemble, x: np.ndarray, y: np.ndarray, threads: int, *, half: bool = False) -> Any:
    """Eager, with the fused AdamW; `half` with autocast to bfloat16."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    networks = torch_network(work)
    weights = [*networks.weights, networks.head]
    others = [p for p in networks.parameters() if all(p is not w for w in weights)]
    groups = [{"params": weights, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    solver = torch.optim.AdamW(groups, lr=2e-3, betas=(0.9, 0.95), fused=True)
    loss_of = functional.binary_cross_entropy_with_logits if work.classes else functional.mse_loss
    inputs, codes = map(torch.from_numpy, work.encoded(x))
    targets = torch.from_numpy(y.astype(F32))

    def loss(rows: Any) -> Any:
        raw = networks(inputs[rows], codes[rows]).float()
        return loss_of(raw, targets[rows][:, None, :, None].expand_as(raw))

    left_out = torch.randperm(work.rows)[: work.rows // PARTS * PARTS].view(PARTS, -1)
    learnt = torch.stack([torch.cat([*left_out[:i], *left_out[i + 1 :]]) for i in range(PARTS)])
    everything = torch.arange(work.rows).expand(PARTS, -1)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        for epoch in range(EPOCHS):
            judged = epoch < EPOCHS - LAST
            rows = torch.stack([some[torch.randperm(len(some))] for some in (learnt if judged else everything)])
            networks.train()
            for batch in rows.tensor_split(work.n_batches(rows.shape[1]), 1):
                solver.zero_grad()
                (PARTS * loss(batch)).backward()  # each network has a mean of its own
                solver.step()
            if judged:
                networks.eval()
                with torch.no_grad():
                    loss(left_out).item()
    return networks


def _numbers(work: Ensemble, n: int) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Products of a network's embedding of numbers, for n rows: two factors, and whether the forward pass has it."""
    d = work.numbers
    made = np.full((d, n, WIDTH), 1e-3, F32)
    for k, learnt_inside in ((WAVES, True), (RAMPS, False)):
        inner, mix = np.full((d, n, k), 1e-3, F32), np.full((d, k, WIDTH), 1e-3, F32)
        yield inner, mix, True
        yield inner.swapaxes(1, 2), made, False
        if learnt_inside:
            yield made, mix.swapaxes(1, 2), False
            yield np.full((d, 1, n), 1e-3, F32), inner, False


def _body(work: Ensemble, n: int) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Those of its members."""
    for a, b in itertools.pairwise(work.sizes[:-1]):
        x, dy, weight = (np.full(shape, 1e-3, F32) for shape in ((n * MEMBERS, a), (n * MEMBERS, b), (a, b)))
        yield x, weight, True
        yield x.T, dy, False
        yield dy, weight.T, False  # of the first layer too: what is before it is learnt
    x, dy, weight = (np.full((MEMBERS, *s), 1e-3, F32) for s in ((n, work.sizes[-2]), (n, 1), (work.sizes[-2], 1)))
    yield x, weight, True
    yield x.swapaxes(1, 2), dy, False


def products(work: Ensemble, x: np.ndarray, y: np.ndarray, threads: int) -> None:
    """The matrix products of that and nothing else, into arrays that are there: the floor for NumPy.

    Only a network's own rows are multiplied; what is judged is multiplied forward, in blocks of the size of a batch.
    """
    judged = work.rows // PARTS
    for epoch, rows in enumerate(work.learnt):
        steps, looks = work.n_batches(rows), work.n_batches(judged) if epoch < EPOCHS - LAST else 0
        _multiply(work, rows // steps, PARTS * steps, forward_alone=False)
        if looks:
            _multiply(work, judged // looks, PARTS * looks, forward_alone=True)


def _multiply(work: Ensemble, n: int, times: int, *, forward_alone: bool) -> None:
    pairs = [(a, b) for a, b, forward in (*_numbers(work, n), *_body(work, n)) if forward or not forward_alone]
    outs = [np.matmul(a, b) for a, b in pairs]
    for _ in range(times):
        for (a, b), out in zip(pairs, outs, strict=True):
            np.matmul(a, b, out=out)


OURS = Library("ours", ("sklearn_dl",), ours)
PEERS = (
    Library("torch", ("torch",), torch),
    Library("torch, bfloat16", ("torch",), partial(torch, half=True)),
    Library("products", ("numpy",), products),
)
