"""The words and letters of texts as 64-bit keys: no list of words, any language and script.

Knows nothing about tables, nor about what becomes of the keys.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import numpy as np

__all__ = ["WORD", "blocks", "keys"]

LETTERS = (3, 4)  # lengths of the n-grams within a word, of whose ends each counts as a letter
LONGEST = 2**14  # characters of a text that are read
BLOCK = 2**17  # characters that are read at once: temporaries stay small whatever the number of texts
SPACE = ord(" ")
WORD = np.uint64(1)  # the bit of a key that tells words from n-grams

BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2⁶⁴
INVERSE = pow(BASE, -1, 2**64)
FACTOR = 0xBF58476D1CE4E5B9


def blocks(texts: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Texts that are read together, with a space on both sides of each word, and where the first of them stands.

    Parameters
    ----------
    texts : list of str
        Any.
    """
    start, size, block = 0, 0, list[str]()
    for i, text in enumerate(texts):
        spaced = f" {' '.join(text[:LONGEST].split())} "
        if block and size + len(spaced) > BLOCK:
            yield start, block
            start, size, block = i, 0, []
        block.append(spaced)
        size += len(spaced)
    if block:
        yield start, block


def keys(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """A key for each n-gram of letters, whatever their case, and for each word and sign, as they are written.

    Parameters
    ----------
    texts : list of str
        As `blocks` gives them.

    Returns
    -------
    rows : ndarray of int of shape (n_keys,)
        Position of the text that each comes from.
    keys : ndarray of uint64 of shape (n_keys,)
        Those of words are odd. Different n-grams and words share one as good as never.
    """
    found = [*_grams([text.lower() for text in texts]), _words(texts)]
    return np.concatenate([rows for rows, _ in found]), np.concatenate([made for _, made in found])


def _grams(texts: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Runs of so many letters that no space lies inside of."""
    _, codes, row = _characters(texts)
    letters, space = codes.astype(np.uint64), codes == SPACE
    hashed, crosses = letters, np.zeros(len(codes), bool)
    for n in range(2, max(LETTERS) + 1):
        hashed = hashed[:-1] * np.uint64(BASE) + letters[n - 1 :]  # Σ cᵢ Bⁿ⁻ⁱ
        crosses = crosses[:-1] | space[n - 2 : -1] if n > 2 else space[:-1] & space[1:]
        if n in LETTERS:
            at = np.flatnonzero(~crosses)
            yield row[at], _mixed(hashed[at]) & ~WORD


def _words(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Runs of letters, marks and digits, and each other sign."""
    joined, codes, row = _characters(texts)
    signs, solid = set(joined), codes != SPACE
    is_letter = np.zeros(ord(max(signs)) + 1, bool)
    is_letter[[ord(sign) for sign in signs if unicodedata.category(sign)[0] in "LMN"]] = True
    inside = is_letter[codes]
    goes_on = inside[1:] & inside[:-1]
    starts = np.flatnonzero(solid & ~np.append(False, goes_on))
    stops = np.flatnonzero(solid & ~np.append(goes_on, False)) + 1
    reach = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * _powers(BASE, len(codes)), out=reach[1:])
    hashed = (reach[stops] - reach[starts]) * _powers(INVERSE, len(codes))[starts]  # Σ cᵢ Bⁱ, i from 0 in each word
    return row[starts], _mixed(hashed) | WORD


def _characters(texts: list[str]) -> tuple[str, np.ndarray, np.ndarray]:
    """All texts as one, its characters as numbers, and the position of the text that each is of."""
    joined = "".join(texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")
    return joined, codes, np.repeat(np.arange(len(texts), dtype=np.int32), [len(text) for text in texts])


def _powers(base: int, n: int) -> np.ndarray:
    """1, b, b², ... modulo 2⁶⁴."""
    powers = np.full(n, base, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


def _mixed(hashed: np.ndarray) -> np.ndarray:
    """Hashes each bit of which depends on all of theirs."""
    hashed = (hashed ^ (hashed >> np.uint64(31))) * np.uint64(FACTOR)
    hashed = (hashed ^ (hashed >> np.uint64(29))) * np.uint64(BASE)
    return hashed ^ (hashed >> np.uint64(32))
