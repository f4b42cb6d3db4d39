"""What is handed to a layer: named views of parameters, and working memory that is made once and reused.

Knows nothing about what the arrays mean, and nothing about losses, solvers or tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .._numerics import NUMPY, Products, Purpose, generator, new

__all__ = ["BLOCK_ROWS", "Memory", "Pass", "Streams", "Views"]

BLOCK_ROWS = 64  # rows that share a generator; threads share out the rows at multiples of it
SUPPLY = 2**20  # random factors to take stretches from


class Views:
    """Named arrays of one layer, `p.weight`, and those of its children, `p[0].weight`.

    Parameters
    ----------
    arrays : dict of str to ndarray
        The layer's own arrays.
    children : sequence of Views
        One for each child.
    """

    def __init__(self, arrays: dict[str, np.ndarray], children: tuple[Views, ...] = ()):
        self.__dict__.update(arrays)
        self._children = children

    def __getitem__(self, i: int) -> Views:
        return self._children[i]

    def __iter__(self) -> Iterator[Views]:
        return iter(self._children)

    def __reversed__(self) -> Iterator[Views]:
        return reversed(self._children)

    def __getattr__(self, name: str) -> np.ndarray:  # only reached where there is no such array
        raise AttributeError(f"this layer has no array {name!r}; it has {[n for n in self.__dict__ if n[0] != '_']}")


class Streams:
    """The random numbers of a training's epoch: a generator for each layer and block of rows, wherever it is drawn.

    Parameters
    ----------
    seed : int
        Decides random numbers.

    Attributes
    ----------
    epoch : int
        Number of the epoch; each has new generators.
    """

    def __init__(self, seed: int):
        self.seed = seed
        self._supplies: dict[tuple[float, int, Any], np.ndarray] = {}
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """A new epoch, or the same from its beginning.

        Parameters
        ----------
        epoch : int
            Its number.
        """
        self.epoch = epoch
        self._generators: dict[tuple[int, int], np.random.Generator] = {}

    def of(self, layer: int, block: int) -> np.random.Generator:
        """The generator of a layer and a block of rows.

        Parameters
        ----------
        layer, block : int
            Their numbers.

        Returns
        -------
        numpy.random.Generator
            The same one, further on, at each call in an epoch.
        """
        rng = self._generators.get((layer, block))
        if rng is None:
            rng = generator(self.seed, Purpose.DROPOUT, layer, self.epoch, block)
            self._generators[layer, block] = rng
        return rng

    def thinning(self, share: float, size: int, dtype: Any) -> np.ndarray:
        """A long vector of random factors: 1 / `share` with that probability and else 0; the same for a training.

        As integers they are 1 and 0.

        Parameters
        ----------
        share : float in (0, 1]
            The probability, to 16 bits.
        size : int
            Factors that are needed at a time.
        dtype : numpy.dtype
            Their type.

        Returns
        -------
        ndarray
            Several times as long as `size`; read-only.
        """
        length = max(4 * size, min(max(64 * size, SUPPLY // 16), SUPPLY))
        supply = self._supplies.get((share, length, dtype))
        if supply is None:
            words = generator(self.seed, Purpose.DROPOUT).bit_generator.random_raw(-(-length // 4))
            supply = (words.view(np.uint16)[:length] < round(share * 2**16)).astype(dtype)  # drawn as 16 bits each
            if supply.dtype.kind == "f":
                supply *= 1 / share
            supply.flags.writeable = False
            self._supplies[share, length, dtype] = supply
        return supply


class Pass:
    """What all layers share during a pass: whether it is training, the rows' weights, how products are computed.

    Parameters
    ----------
    training : bool
        Whether the network is trained, not used.
    streams : Streams
        Where random numbers come from.
    products : Products
        How matrix products are computed.

    Attributes
    ----------
    first_row : int
        Position in the batch of the first row that this pass sees: not 0 where threads share out the rows.
    weight : ndarray of shape (n,) or None
        Weight of each row; None for 1.
    """

    def __init__(self, training: bool, streams: Streams, products: Products = NUMPY):
        self.training = training
        self.streams = streams
        self.products = products
        self.first_row = 0
        self.weight: np.ndarray | None = None


class Memory:
    """Working memory of one layer, `m`, and of its children, `m[0]`.

    What `forward` leaves for `backward`, and `backward` for `gradients`, is set as an attribute: ``m.x = x``.
    Never pickled; one for each thread that runs a network.

    Parameters
    ----------
    dtype : numpy.dtype
        Precision of the network.
    run : Pass
        What all layers share.
    input_columns : slice or None
        The columns of the layer's input whose gradient somebody needs; None for none, and then ``m.input_gradient`` is
        false.
    number : int
        The layer's number, for its random numbers.
    children : tuple of Memory
        One for each child.
    may_overwrite : tuple of bool, bool
        Whether the layer may write into the `x`, and into the `dy`, that it gets.
    lender, finder : callable or None
        Hooks for passes in shares: an array from elsewhere for ``(name, shape, dtype)``, or None for one of its own;
        what was kept elsewhere under a name.
    """

    def __init__(
        self,
        dtype: np.dtype,
        run: Pass,
        input_columns: slice | None,
        number: int,
        children: tuple[Memory, ...] = (),
        may_overwrite: tuple[bool, bool] = (False, False),
        lender: Callable[[str, tuple[int, ...], Any], np.ndarray | None] | None = None,
        finder: Callable[[str], Any] | None = None,
    ):
        self.dtype = dtype
        self.run = run
        self.input_columns = input_columns
        self.input_gradient = input_columns is not None
        self._number = number
        self._children = children
        self.may_overwrite_x, self.may_overwrite_dy = may_overwrite
        self._flat: dict[str, np.ndarray] = {}
        self._arrays: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}
        self._ones: dict[int, np.ndarray] = {}
        self._lender, self._finder = lender, finder

    def __getitem__(self, i: int) -> Memory:
        return self._children[i]

    def __iter__(self) -> Iterator[Memory]:
        return iter(self._children)

    def __reversed__(self) -> Iterator[Memory]:
        return reversed(self._children)

    def __getattr__(self, name: str) -> Any:  # only reached where nothing was kept under that name
        finder = self.__dict__.get("_finder")
        if finder is not None:
            return finder(name)
        raise AttributeError(f"nothing was kept as {name!r}: is forward called before backward?")

    def peek(self, name: str) -> Any:
        """What was kept under a name, or None.

        Parameters
        ----------
        name : str
            The attribute's name.

        Returns
        -------
        object
        """
        return self.__dict__.get(name)

    @property
    def size(self) -> int:
        """Numbers in all arrays made so far, those of the children included."""
        return sum(flat.size for flat in self._flat.values()) + sum(child.size for child in self)

    if TYPE_CHECKING:  # layers keep what they like

        def __setattr__(self, name: str, value: Any) -> None: ...

    def array(self, name: str, shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:
        """An uninitialised array, the same memory each time; a smaller shape gets the beginning of a larger one's.

        Parameters
        ----------
        name : str
            Whose memory it is.
        shape : tuple of int
            Its shape.
        dtype : numpy.dtype or None, default=None
            Its type, the same at each call; None for that of the network.

        Returns
        -------
        ndarray
            Overwritten at the next call with this name.
        """
        try:
            return self._arrays[name, shape]
        except KeyError:
            lent = None if self._lender is None else self._lender(name, shape, dtype)
            if lent is not None:
                self._arrays[name, shape] = lent
                return lent
            size = math.prod(shape)
            flat = self._flat.get(name)
            if flat is None or flat.size < size:
                flat = self._flat[name] = new(size, dtype or self.dtype)
                self._arrays = {key: a for key, a in self._arrays.items() if key[0] != name}
            array = self._arrays[name, shape] = flat[:size].reshape(shape)
            return array

    def over_x(self, x: np.ndarray) -> np.ndarray:
        """Where a result of the shape of the input may go: the input itself, if nobody needs it any more, or "y".

        Parameters
        ----------
        x : ndarray
            The input.

        Returns
        -------
        ndarray
            `x`, or the array that is named "y".
        """
        return x if self.may_overwrite_x else self.array("y", x.shape)

    def over_dy(self, dy: np.ndarray) -> np.ndarray:
        """The same for the gradient that `backward` gets: itself, or "dx".

        Parameters
        ----------
        dy : ndarray
            The gradient with respect to the output.

        Returns
        -------
        ndarray
            `dy`, or the array that is named "dx".
        """
        return dy if self.may_overwrite_dy else self.array("dx", dy.shape)

    def ones(self, n: int) -> np.ndarray:
        """A vector of ones, read-only: its product with a matrix sums the rows.

        Parameters
        ----------
        n : int
            Its length.

        Returns
        -------
        ndarray of shape (n,)
        """
        found = self._ones.get(n)
        if found is None:
            found = self._ones[n] = np.ones(n, self.dtype)
        return found

    def thinning(self, shape: tuple[int, ...], share: float) -> Iterator[tuple[slice, np.ndarray]]:
        """Random factors for each block of rows, 1 / `share` with that probability and else 0.

        They are stretches of one long vector from random places, which takes next to no time: drawing a mask for each
        step takes as long as the matrix product of the layer before.

        Parameters
        ----------
        shape : tuple of int
            Of what they are for; axis 0 is rows.
        share : float in (0, 1]
            Probability, to 16 bits.

        Yields
        ------
        tuple of slice, ndarray
            Rows, and their factors, read-only.
        """
        supply, places = self.places(shape, share, self.dtype)
        for start, place in zip(range(0, shape[0], BLOCK_ROWS), places, strict=True):
            n = min(BLOCK_ROWS, shape[0] - start)
            yield slice(start, start + n), supply[place : place + n * math.prod(shape[1:])].reshape(n, *shape[1:])

    def places(self, shape: tuple[int, ...], share: float, dtype: Any, ahead: int = 0) -> tuple[np.ndarray, list[int]]:
        """What `thinning` is made of: the long vector, and a place in it for each block of rows.

        Parameters
        ----------
        shape, share : tuple of int, float
            As for `thinning`.
        dtype : numpy.dtype
            Type of the vector: factors, or as integers 1 and 0.
        ahead : int, default=0
            For which layer: the one so many numbers after this one.

        Returns
        -------
        tuple of ndarray, list of int
        """
        size, first, streams = BLOCK_ROWS * math.prod(shape[1:]), self.run.first_row // BLOCK_ROWS, self.run.streams
        supply = streams.thinning(share, size, dtype)
        blocks = range(first, first - (-shape[0] // BLOCK_ROWS))
        rngs = [streams.of(self._number + ahead, block) for block in blocks]
        return supply, [rng.bit_generator.random_raw() % (len(supply) - size) for rng in rngs]
