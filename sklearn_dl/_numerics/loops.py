"""Passes over float32 arrays as loops, for numba to compile; each does at once what NumPy does in several passes.

Knows what is computed, as equations, and nothing about layers. Rows come in blocks of `ROWS`: sums over rows are
given block by block, so that whoever has only some of the blocks finds the same bits.
"""

from __future__ import annotations

import numpy as np

from .compiled import compiled

__all__ = ["ROWS", "adam", "embed", "embed_back", "look_up", "look_up_back", "rectify", "rectify_back"]

ROWS = 64  # rows of a block: what a vector unit takes at a time, and what a block's sums are made of

ZERO, HALF, ONE, TWO = map(np.float32, (0, 0.5, 1, 2))
PER_PI, PI, REST_OF_PI = map(np.float32, (1 / np.pi, np.pi, np.pi - float(np.float32(np.pi))))
# sin u = u (1 + S₁ u² + ...), cos u = 1 + C₁ u² + ...: within ±π/2 exact to float32's rounding
S1, S2, S3, S4, S5 = map(np.float32, (-1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800))
C1, C2, C3, C4, C5, C6 = map(np.float32, (-1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600))

FLOAT, INT, INTS = "float32", "int64", "int64[::1]"
IN1, IN2, IN3 = (f"Array(float32, {n}, 'C', readonly=True)" for n in (1, 2, 3))  # mutable or not
OUT1, OUT2, OUT3, OUT4 = (f"Array(float32, {n}, 'C')" for n in (1, 2, 3, 4))
KEPT, ROWS_OF = "Array(uint8, 1, 'C', readonly=True)", "int64[:, ::1]"
PART = f"Tuple(({IN2}, {IN2}, {IN3}))"


@compiled(OUT2, IN1, KEPT, INTS, INT, FLOAT)
def rectify(y: np.ndarray, bias: np.ndarray, kept: np.ndarray, places: np.ndarray, block: int, scale: float) -> None:
    """y <- s max(y + b, 0); s is `scale` where kept, else 0, as read from a place for each block; 1 without places"""
    n, width = y.shape
    if len(places) == 0:
        for i in range(n):
            for j in range(width):
                z = y[i, j] + bias[j]
                y[i, j] = ZERO if z <= ZERO else z  # NaN stays
    for b in range(len(places)):
        first = b * block
        rows = min(block, n - first)
        some = y[first : first + rows]
        mask = kept[places[b] : places[b] + rows * width].reshape(rows, width)
        for i in range(rows):
            for j in range(width):
                z = some[i, j] + bias[j]
                some[i, j] = (ZERO if z <= ZERO else z) * (scale * mask[i, j])


@compiled(OUT2, IN2, INT, FLOAT, OUT2)
def rectify_back(dy: np.ndarray, y: np.ndarray, block: int, scale: float, db: np.ndarray) -> None:
    """dy <- dy s where y > 0, else 0; db <- Σ dy, for each block"""
    n, width = y.shape
    for b in range(len(db)):
        db[b] = ZERO
        for i in range(b * block, min(b * block + block, n)):
            for j in range(width):
                d = dy[i, j] * (scale if y[i, j] > ZERO else ZERO)
                dy[i, j] = d
                db[b, j] += d


@compiled(IN2, PART, PART, IN2, f"UniTuple({OUT4}, 2)", OUT2)
def embed(x: np.ndarray, waves: tuple, ramps: tuple, shift: np.ndarray, kept: tuple, y: np.ndarray) -> None:
    """y <- [x₁ | cos(x₁ f₁ + φ₁) V₁ + t(x₁) M₁ + c₁ | x₂ | ...]; keeps cos and sin where there is room"""
    (frequency, phase, mix_waves), (edge, slope, mix_ramps), (cosine, sine) = waves, ramps, kept
    n, (d, width) = len(x), shift.shape
    column, t, e = np.zeros(ROWS, np.float32), np.zeros(ROWS, np.float32), np.zeros((width, ROWS), np.float32)
    for first in range(0, n, ROWS):
        b, rows = first // ROWS % len(cosine), min(ROWS, n - first)
        for c in range(d):
            for i in range(rows):
                column[i] = x[first + i, c]
            for w in range(width):
                e[w] = shift[c, w]
            for k in range(frequency.shape[1]):
                cos, sin = cosine[b, c, k], sine[b, c, k]
                for i in range(ROWS):
                    z = column[i] * frequency[c, k] + phase[c, k]
                    turns = np.floor(z * PER_PI + HALF)  # halves of a turn
                    u = (z - turns * PI) - turns * REST_OF_PI
                    sign, q = ONE - TWO * (turns - TWO * np.floor(turns * HALF)), u * u
                    cos[i] = sign * (ONE + q * (C1 + q * (C2 + q * (C3 + q * (C4 + q * (C5 + q * C6))))))
                    sin[i] = sign * u * (ONE + q * (S1 + q * (S2 + q * (S3 + q * (S4 + q * S5)))))
                for w in range(width):
                    for i in range(ROWS):
                        e[w, i] += cos[i] * mix_waves[c, k, w]
            for k in range(edge.shape[1]):
                for i in range(ROWS):
                    t[i] = min(max((column[i] - edge[c, k]) * slope[c, k] - HALF, -HALF), HALF)
                for w in range(width):
                    for i in range(ROWS):
                        e[w, i] += t[i] * mix_ramps[c, k, w]
            for i in range(rows):
                y[first + i, c * (1 + width)] = column[i]
                for w in range(width):
                    y[first + i, c * (1 + width) + 1 + w] = e[w, i]


@compiled(IN2, IN2, PART, PART, f"UniTuple({OUT4}, 2)", OUT3, OUT2, any_order=True)
def embed_back(
    dy: np.ndarray, x: np.ndarray, waves: tuple, ramps: tuple, kept: tuple, sums: np.ndarray, dx: np.ndarray
) -> None:
    """The gradients of f, φ, c, V and M, for each block and column one after the other; that of x where it has room"""
    (frequency, _, mix_waves), (edge, slope, mix_ramps), (cosine, sine) = waves, ramps, kept
    n, (d, n_waves, width), n_ramps = len(x), mix_waves.shape, edge.shape[1]
    column, t, dt = np.zeros(ROWS, np.float32), np.zeros(ROWS, np.float32), np.zeros(ROWS, np.float32)
    e, d_column = np.zeros((width, ROWS), np.float32), np.zeros(ROWS, np.float32)
    for first in range(0, n, ROWS):
        rows = min(ROWS, n - first)
        e[:, rows:] = ZERO
        for c in range(d):
            out, o = sums[first // ROWS, c], c * (1 + width)
            for i in range(rows):
                column[i], d_column[i] = x[first + i, c], dy[first + i, o]
                for w in range(width):
                    e[w, i] = dy[first + i, o + 1 + w]
            for w in range(width):
                total = ZERO
                for i in range(ROWS):
                    total += e[w, i]
                out[2 * n_waves + w] = total  # dc = Σ de
            o = 2 * n_waves + width
            for k in range(n_waves):
                cos, sin = cosine[first // ROWS, c, k], sine[first // ROWS, c, k]
                dt[:] = ZERO
                for w in range(width):
                    total = ZERO
                    for i in range(ROWS):
                        dt[i] += e[w, i] * mix_waves[c, k, w]
                        total += e[w, i] * cos[i]
                    out[o + w] = total  # dV = cos(z)ᵀ de
                o += width
                by_x = total = ZERO
                for i in range(ROWS):
                    dz = dt[i] * sin[i]  # -dz = de Vᵀ sin z
                    total += dz
                    by_x += dz * column[i]
                    d_column[i] -= dz * frequency[c, k]
                out[k], out[n_waves + k] = -by_x, -total  # df = Σ x dz, dφ = Σ dz
            for k in range(n_ramps):
                for i in range(ROWS):
                    t[i] = min(max((column[i] - edge[c, k]) * slope[c, k] - HALF, -HALF), HALF)
                for w in range(width):
                    total = ZERO
                    for i in range(ROWS):
                        total += e[w, i] * t[i]
                    out[o + w] = total  # dM = tᵀ de
                o += width
                if len(dx):
                    dt[:] = ZERO
                    for w in range(width):
                        for i in range(ROWS):
                            dt[i] += e[w, i] * mix_ramps[c, k, w]
                    for i in range(ROWS):
                        d_column[i] += dt[i] * (slope[c, k] if abs(t[i]) < HALF else ZERO)
            for i in range(rows * (len(dx) > 0)):
                dx[first + i, c] = d_column[i]  # dx = dy₀ + Σ f dz + Σ t' dt


@compiled(ROWS_OF, IN2, INT, OUT2)
def look_up(rows: np.ndarray, table: np.ndarray, start: int, y: np.ndarray) -> None:
    """y <- [y₁ ... | table[c₁] | table[c₂] | ...], from column `start` on"""
    (n, columns), width = rows.shape, table.shape[1]
    for i in range(n):
        for c in range(columns):
            for w in range(width):
                y[i, start + c * width + w] = table[rows[i, c], w]


@compiled(ROWS_OF, IN2, INT, INT, INT, OUT2)
def look_up_back(rows: np.ndarray, dy: np.ndarray, start: int, first: int, stop: int, d_table: np.ndarray) -> None:
    """d_table[c] <- d_table[c] + Σ dy, over the rows with c in one of the columns `first` to `stop`"""
    n, width = len(rows), d_table.shape[1]
    for i in range(n):
        for c in range(first, stop):
            for w in range(width):
                d_table[rows[i, c], w] += dy[i, start + c * width + w]


@compiled(OUT1, IN1, OUT1, OUT1, f"UniTuple({FLOAT}, 7)")
def adam(params: np.ndarray, grads: np.ndarray, m: np.ndarray, v: np.ndarray, by: tuple) -> None:
    """v <- v a₂ + g² b₂; m <- m a₁ + g b₁; θ <- θ s - r m / (√v + ε)"""
    a1, a2, b1, b2, epsilon, shrink, rate = by
    for i in range(len(params)):
        g = grads[i]
        v[i] = v[i] * a2 + g * g * b2
        m[i] = m[i] * a1 + g * b1
        params[i] = params[i] * shrink - rate * (m[i] / (np.sqrt(v[i]) + epsilon))
