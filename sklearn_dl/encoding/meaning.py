"""From the words and letters of a text to a few numbers: the directions in which training texts differ most.

Knows keys of words and letters, and nothing about tables. It is latent semantic analysis: tf-idf and a truncated
singular value decomposition (Deerwester et al. 1990, Journal of the American Society for Information Science 41,
391-407) of a sample of the texts.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np
from scipy.sparse import csr_array, vstack

from .._numerics import Purpose, generator
from .tokens import WORD, blocks, keys

__all__ = ["Meaning"]

N_NUMBERS = 60  # that a text becomes, at most
LEAST = 2  # texts that a word is in
KNOWN_BITS, PLACE_BITS, COUNT_BITS = 15, 20, 22  # of a key: which of those known, where it is looked up and counted
MOST_KNOWN = 2**KNOWN_BITS  # words and n-grams that are told apart
NOISE = 2.0  # variances of a direction of one text alone; beyond them a direction says something
LARGEST = 0.5  # standard deviation of the largest number
ROUNDS, SPARE = 4, 10  # of the subspace iteration, and directions in it that are given up in the end


@final
class Meaning:
    """z = (x V - center) · scale, where x joins the tf-idf of n-grams and of words, each of length √½.

    Parameters
    ----------
    known : ndarray of uint64 of shape (n_known,)
        Keys of the words and n-grams that count, sorted.
    idf : ndarray of float32 of shape (n_known,)
        log((1 + n) / (1 + m)) + 1 for a word in m of n texts.
    vectors : ndarray of float32 of shape (n_known, d)
        V: right singular vectors, times √(1 - 2 / m λ) for those with a variance λ among m different texts.
    center, spread : ndarray of shape (d,)
        Mean of x V over training, and the standard deviations of z: all 0 where hardly any word recurs.
    scale : float
        What makes the largest of these ½.
    """

    def __init__(
        self,
        known: np.ndarray,
        idf: np.ndarray,
        vectors: np.ndarray,
        center: np.ndarray,
        spread: np.ndarray,
        scale: float,
    ):
        self.known, self.idf, self.vectors = known, idf, vectors
        self.center, self.spread, self.scale = center, spread, scale
        self._book = _Book(known, idf)

    def __getstate__(self) -> dict[str, Any]:
        """All but what follows from it."""
        return {name: value for name, value in vars(self).items() if name != "_book"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)

    @classmethod
    def learn(cls, texts: list[str], weight: np.ndarray) -> Meaning:
        """What the words of training texts mean.

        Parameters
        ----------
        texts : list of str
            None of them empty.
        weight : ndarray of shape (n_texts,)
            Weight of each, with a mean of 1 or more.
        """
        zero = np.zeros(1)
        nothing = cls(
            np.empty(0, np.uint64), zero[:0].astype(np.float32), np.zeros((0, 1), np.float32), zero, zero, 0.0
        )
        if not texts:
            return nothing
        known, counts = _count(texts, weight)
        n = weight.sum()
        idf = (np.log((1 + n) / (1 + counts)) + 1).astype(np.float32)  # idf = log((1 + n) / (1 + m)) + 1
        book = _Book(known, idf)
        x = csr_array(vstack([book.rows(block) for _, block in blocks(texts)]))
        vectors = _directions(x, weight, min(N_NUMBERS, len(known)))
        z = x @ vectors
        center = weight @ z / n
        spread = np.sqrt(weight @ np.square(z - center) / n)
        # a direction of one text alone, of m different ones, has the variance 1 / m: what it says is noise
        recurs = max(len(set(texts)), n / 3) * np.square(spread)  # where texts recur more often, that says something
        kept = np.flatnonzero(recurs > NOISE)
        if not len(kept):
            return nothing
        gain = np.sqrt(1 - NOISE / recurs[kept])
        scale = LARGEST / (gain * spread[kept]).max()
        vectors = vectors[:, kept] * gain.astype(np.float32)
        return cls(known, idf, vectors, gain * center[kept], gain * spread[kept] * scale, float(scale))

    @property
    def width(self) -> int:
        """How many numbers a text becomes."""
        return len(self.spread)

    def apply(self, texts: list[str], out: np.ndarray) -> None:
        """The numbers of each text; 0 where it has no word that is known.

        Parameters
        ----------
        texts : list of str
            Any, also empty ones.
        out : ndarray of shape (n_texts, d)
            Gets them.
        """
        for start, block in blocks(texts):
            x = self._book.rows(block)
            z = x @ self.vectors
            z -= self.center
            z *= self.scale
            z[np.diff(x.indptr) == 0] = 0
            out[start : start + len(block)] = z


@final
class _Book:
    """Finds the words that are known in texts.

    Parameters
    ----------
    known : ndarray of uint64 of shape (n_known,)
        Their keys, sorted, no two of the same leading bits.
    idf : ndarray of float32 of shape (n_known,)
        What each counts.
    """

    def __init__(self, known: np.ndarray, idf: np.ndarray):
        self._known, self._idf, self._is_word = known, idf, (known & WORD).astype(np.intp)
        self._places = np.zeros(2**PLACE_BITS, np.int32)
        self._places[_leading(known, PLACE_BITS)] = np.arange(len(known))

    def rows(self, texts: list[str]) -> csr_array:
        """The row x of each text, for texts as `blocks` gives them."""
        row, key = keys(texts)
        at = self._places[_leading(key, PLACE_BITS)]
        there = np.flatnonzero(self._known[at] == key) if len(self._known) else np.empty(0, np.intp)
        found = (row[there].astype(np.intp) << KNOWN_BITS) + at[there]
        found.sort()
        first = _firsts(found)
        count = np.diff(first, append=len(found))
        row, at = found[first] >> KNOWN_BITS, found[first] & (MOST_KNOWN - 1)
        x = (1 + np.log(count.astype(np.float32))) * self._idf[at]  # tf · idf, tf = 1 + log(count)
        group = 2 * row + self._is_word[at]
        length = np.sqrt(2 * np.bincount(group, x * x))
        x = (x / length[group]).astype(np.float32)
        starts = np.searchsorted(row, np.arange(len(texts) + 1))
        return csr_array((x, at.astype(np.int32), starts), shape=(len(texts), len(self._known)))


def _leading(key: np.ndarray, bits: int) -> np.ndarray:
    """The leading bits of keys as integers."""
    leading: np.ndarray = (key >> np.uint64(64 - bits)).astype(np.intp)
    return leading


def _firsts(x: np.ndarray) -> np.ndarray:
    """Where each value begins in a sorted array."""
    return np.flatnonzero(np.append(True, x[1:] != x[:-1])[: len(x)])


def _count(texts: list[str], weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keys of the words and n-grams that count, sorted, and the weight of the texts with each."""
    n_bins = 2**COUNT_BITS
    counts = np.zeros(n_bins)  # whatever the number of words: those that share a bin count as one
    for start, block in blocks(texts):
        row, key = keys(block)
        found = (row.astype(np.intp) << COUNT_BITS) + _leading(key, COUNT_BITS)
        found.sort()
        found = found[_firsts(found)]
        counts += np.bincount(found & (n_bins - 1), weight[start + (found >> COUNT_BITS)], minlength=n_bins)
    kept = np.flatnonzero(counts >= LEAST * (1 - 1e-9))
    place = kept >> (COUNT_BITS - PLACE_BITS)
    order = np.lexsort((-counts[kept], place))
    kept = kept[order[_firsts(place[order])]]  # of those at one place the most frequent
    kept = np.sort(kept[np.argsort(-counts[kept], kind="stable")[:MOST_KNOWN]])
    known, wanted = np.zeros(len(kept), np.uint64), np.full(n_bins, -1, np.int32)
    wanted[kept] = np.arange(len(kept))
    for _, block in blocks(texts):
        key = keys(block)[1][::-1]
        at = wanted[_leading(key, COUNT_BITS)]
        new = np.flatnonzero(at >= 0)
        known[at[new]] = key[new]  # of those in one bin the first of the block, which is the most frequent as a rule
        wanted[_leading(key[new], COUNT_BITS)] = -1
    return known, counts[kept]


def _directions(x: csr_array, weight: np.ndarray, d: int) -> np.ndarray:
    """The right singular vectors of √w x that have the largest singular values, by subspace iteration; a 0 for none."""
    if not d:
        return np.zeros((x.shape[1], 1), np.float32)
    rng = generator(0, Purpose.SAMPLE)
    w = weight.astype(np.float32)[:, None]
    xt = x.T.tocsr()
    q = rng.standard_normal((x.shape[1], min(d + SPARE, x.shape[1])), dtype=np.float32)
    for _ in range(ROUNDS):
        q = np.linalg.qr(xt @ (w * (x @ q)))[0]
    b = x @ q
    _, u = np.linalg.eigh((w * b).T @ b)
    v = q @ u[:, ::-1][:, :d]
    v *= np.where(v[np.abs(v).argmax(axis=0), np.arange(d)] < 0, -1, 1)  # a sign that does not depend on the machine
    return np.ascontiguousarray(v)
