"""Which learning rate suits `partial_fit`, where the end is not known: schedules on streams, by their scores.

Knows nothing of time: what counts is the score at the end of a stream, and its mean over twenty looks on the way.
A stream is so many rows a call, each row once; or one chunk again and again; or one that begins after a whole `fit`;
or one whose target changes in its middle.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, final

import numpy as np

from . import parser, use_threads


class Stream(NamedTuple):
    """Rows a call, calls, rows of a `fit` before, whether the same rows come each time, whether the target changes."""

    size: int
    calls: int
    before: int = 0
    again: bool = False
    drifts: bool = False


STREAMS = {
    "32 a call": Stream(32, 600),
    "320 a call": Stream(320, 60),
    "1000 a call": Stream(1000, 40),
    "10000 a call": Stream(10_000, 6),
    "one chunk of 1000 again": Stream(1000, 60, again=True),
    "32 after a fit of 1000": Stream(32, 300, before=1000),
    "1000 after a fit of 2000": Stream(1000, 20, before=2000),
    "320 with a change": Stream(320, 60, drifts=True),
}


def rows(n: int, seed: int, *, classes: bool, changed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Friedman's first function, with noise; as classes its thirds."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(n, 10))
    a, b, c, d, e = x.T[:5][::-1] if changed else x.T[:5]
    y = 10 * np.sin(math.pi * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e + rng.normal(size=n)
    return x, np.digitize(y, [12.2, 16.6]) if classes else y


def course(model: Any, stream: Stream, seed: int, *, classes: bool, decay: float | None = None) -> tuple[float, float]:
    """The score at the end of a stream, and its mean over twenty looks on the way."""
    test = [rows(4000, 10**6, classes=classes, changed=changed) for changed in (False, True)]
    if stream.before:
        model.fit(*rows(stream.before, 10**5 + seed, classes=classes))
    scores, mean = [], None
    first: Any = {"classes": [0, 1, 2]} if classes else {}
    for call in range(stream.calls):
        changed = stream.drifts and call >= stream.calls // 2
        number = 0 if stream.again else call
        model.partial_fit(*rows(stream.size, 1000 * (seed + 1) + number, classes=classes, changed=changed), **first)
        values = model.network_.values
        if decay is not None:  # a running mean of the weights
            mean = values.copy() if mean is None else mean
            mean += max(1 - decay, 1 / (call + 1)) * (values - mean)
        if (call + 1) % max(1, stream.calls // 20) == 0:
            kept = values.copy()
            if mean is not None:
                values[...] = mean
            scores.append(model.score(*test[changed]))
            values[...] = kept
    return scores[-1], float(np.mean(scores))


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--only", default="", help="streams whose name holds this")
    options.set_defaults(repeat=3)  # seeds
    args = options.parse_args(arguments)
    use_threads(1)

    from sklearn_dl import DLClassifier, DLRegressor
    from sklearn_dl.schedules import Constant, Cosine, InvScaling, Schedule

    @final
    class Falling(Schedule):
        """max(floor, (1 + s / rows)^-power), s the rows seen."""

        follows_progress = False

        def __init__(self, rows: float = 1000.0, power: float = 0.5, floor: float = 0.0):
            self.rows, self.power, self.floor = rows, power, floor

        def factor(self, progress: float, samples_seen: int) -> float:
            return max(self.floor, (1 + samples_seen / self.rows) ** -self.power)

    ways: dict[str, tuple[Any, float | None]] = {
        "the default": ("cosine", None),
        "constant": (Constant(), None),
        "invscaling": (InvScaling(), None),
        "falls from 1000 rows": (Falling(1000), None),
        "falls from 10000 rows": (Falling(10_000), None),
        "falls from 10000, floor 0.3": (Falling(10_000, floor=0.3), None),
        "mean of weights 0.9": (Constant(), 0.9),
        "mean of weights 0.99": (Constant(), 0.99),
    }
    for name, stream in STREAMS.items():
        if args.only not in name:
            continue
        stream = stream._replace(size=20, calls=2, before=min(stream.before, 40)) if args.smoke else stream
        for classes in (False, True):
            print(f"{name}, {'accuracy' if classes else 'R²'}: end (on the way)")
            for way, (schedule, decay) in ways.items():
                found = []
                for seed in range(args.repeat):
                    estimator = DLClassifier if classes else DLRegressor
                    model = estimator(learning_rate=schedule, random_state=seed)
                    if stream.before:  # the fit by its own schedule, what follows by the one that is tried
                        model.set_params(learning_rate=Cosine())
                        begun = rows(stream.before, 10**5 + seed, classes=classes)
                        model.fit(*begun).set_params(learning_rate=schedule)
                    found.append(course(model, stream._replace(before=0), seed, classes=classes, decay=decay))
                end, way_mean = np.mean(found, axis=0)
                print(f"  {way:28} {end:.3f} ({way_mean:.3f})", flush=True)


if __name__ == "__main__":
    main()
