"""One file of facts and vectors, under a checksum, that is on the disk either whole or not at all.

Knows nothing about trainings: facts are what JSON holds, vectors are arrays of floats.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import struct
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

__all__ = ["Content", "mark", "read", "refuse_foreign", "remove_leftovers", "write"]

MAGIC = b"sklearn_dl checkpoint\n"
FORMAT = 1
HEAD = struct.Struct(f"<{len(MAGIC)}sI32s")  # magic, format, SHA-256 of both and of all that follows
LENGTH = struct.Struct("<Q")  # of the JSON; then the vectors, one .npy after the other
KNOWN = {b"\x80": "a pickle", b"PK\x03\x04": "a zip or .npz file", b"\x93NUMPY": "an .npy file", b"\x89HDF": "HDF5"}


class Content(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    facts : dict
        Whatever JSON takes.
    vectors : dict of str to ndarray
        Vectors of float32 or float64.
    mark : bytes
        Identifies the file: it has another one when a bit of it is another.
    """

    facts: dict[str, Any]
    vectors: dict[str, np.ndarray]
    mark: bytes


class _Hashed:
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO):
        self._file, self._hash = file, _seal()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def head(self) -> bytes:
        return HEAD.pack(MAGIC, FORMAT, self._hash.digest())


def _seal() -> Any:
    return hashlib.sha256(MAGIC + FORMAT.to_bytes(4, "little"))


def write(path: Path, facts: dict[str, Any], vectors: dict[str, np.ndarray]) -> bytes:
    """Replace the file at `path`; whenever the process dies, the old one or the new one is there, whole.

    Parameters
    ----------
    path : Path
        Where; its folder must exist.
    facts : dict
        Whatever JSON takes; NumPy's scalars become Python's.
    vectors : dict of str to ndarray
        Vectors of float32 or float64.

    Returns
    -------
    bytes
        The mark of the file.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    text = json.dumps(facts | {"vectors": list(vectors)}, default=lambda scalar: scalar.item()).encode()
    try:
        with part.open("xb") as file:
            file.write(bytes(HEAD.size))
            hashed = _Hashed(file)
            hashed.write(LENGTH.pack(len(text)) + text)
            for vector in vectors.values():
                np.lib.format.write_array(hashed, vector, allow_pickle=False)
            head = hashed.head()
            file.seek(0)
            file.write(head)
            file.flush()
            os.fsync(file.fileno())  # the content is on the disk before the name is
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return head


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read(path: Path) -> Content:
    """What `write` wrote.

    Parameters
    ----------
    path : Path
        Where.

    Returns
    -------
    Content

    Raises
    ------
    ValueError
        Where the file is another's, of another format, or not as it was written. Nothing that it holds is run.
    OSError
        Where it cannot be read.
    """
    data = path.read_bytes()
    refuse_foreign(path, data)
    if len(data) < HEAD.size:
        raise ValueError(f"{path} is damaged: it ends after {len(data)} bytes.")
    _, version, digest = HEAD.unpack_from(data)
    if version != FORMAT:
        raise ValueError(f"{path} is a checkpoint of format {version}; this version of sklearn_dl reads {FORMAT}.")
    body = memoryview(data)[HEAD.size :]
    seal = _seal()
    seal.update(body)
    if seal.digest() != digest:
        raise ValueError(f"{path} is damaged: its content does not have the SHA-256 that is written in it.")
    try:
        (length,) = LENGTH.unpack_from(body)
        facts = json.loads(bytes(body[LENGTH.size : LENGTH.size + length]))
        stream = BytesIO(body[LENGTH.size + length :])
        vectors = {name: _read_vector(stream) for name in facts.pop("vectors")}
    except (ValueError, TypeError, LookupError, AttributeError, struct.error, MemoryError, RecursionError) as error:
        raise ValueError(f"{path} is not a checkpoint that sklearn_dl wrote: {error}.") from error
    return Content(facts, vectors, data[: HEAD.size])


def _read_vector(stream: BytesIO) -> np.ndarray:
    vector: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    if vector.ndim != 1 or vector.dtype not in (np.float32, np.float64):
        raise ValueError(f"it holds an array of shape {vector.shape} and type {vector.dtype}")
    return vector


def mark(path: Path) -> bytes | None:
    """The mark of the file at `path`, which need not be whole; None where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD.size)
    except FileNotFoundError:
        return None


def refuse_foreign(path: Path, data: bytes) -> None:
    """Raise ValueError where a file, of which `data` is the beginning, is not one that `write` wrote."""
    if not data.startswith(MAGIC):
        kind = next((f", it looks like {name}" for start, name in KNOWN.items() if data.startswith(start)), "")
        raise ValueError(f"{path} is not a checkpoint of sklearn_dl{kind}{'' if data else ', it is empty'}.")


def remove_leftovers(path: Path) -> None:
    """Remove what writers of `path` that were killed have left beside it."""
    for part in path.parent.glob(f".{_escaped(path.name)}.????????.part"):
        head = mark(part)
        if head is not None and (head.startswith(MAGIC) or not head.strip(b"\0")):  # ours, finished or not
            with contextlib.suppress(FileNotFoundError):
                part.unlink()


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
