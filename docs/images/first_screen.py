"""Draw the README's picture: python docs/images/first_screen.py

R² on 2000 flats by the number of flats that were learnt from, for the defaults, gradient boosting and the line. It
takes some minutes on one core, prints the figures, and draws them once for light pages and once for dark ones.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
sys.path.append(str(HERE.parents[1] / "examples"))

from flats import flats, gradient_boosting, straight_line  # noqa: E402

from sklearn_dl import DLRegressor  # noqa: E402

SIZES, TEST, DRAWS = (250, 500, 1000, 2000, 4000), 2000, (0, 1)
MODELS = {
    "DLRegressor()": lambda seed: DLRegressor(random_state=seed),
    "gradient boosting": gradient_boosting,
    "straight line": straight_line,
}
SCHEMES = {  # text, grid and background; a colour for each model
    "light": ("#24292f", "#d0d7de", "#ffffff", ("#0b6bcb", "#c2410c", "#57606a")),
    "dark": ("#e6edf3", "#3d444d", "#0d1117", ("#58a6ff", "#ffa657", "#9198a1")),
}


def measure() -> dict[str, list[float]]:
    """Mean R² over the draws, for each model and size."""
    found: dict[str, list[float]] = {name: [] for name in MODELS}
    print(f"{'rows':>6}  " + "".join(f"{name:>28}" for name in MODELS))
    for size in SIZES:
        line = f"{size:>6}  "
        for name, make in MODELS.items():
            start, scores = time.process_time(), []
            for draw in DRAWS:
                table, rent = flats(size + TEST, seed=draw)
                scores.append(make(draw).fit(table[:size], rent[:size]).score(table[size:], rent[size:]))
            found[name].append(sum(scores) / len(DRAWS))
            line += f"{found[name][-1]:>15.3f}, {(time.process_time() - start) / len(DRAWS):6.1f} CPU s"
        print(line, flush=True)
    return found


def draw(found: dict[str, list[float]], scheme: str) -> None:
    """One picture, its lines named at their ends."""
    text, grid, background, colours = SCHEMES[scheme]
    style = {"text.color": text, "axes.labelcolor": text, "xtick.color": text, "ytick.color": text, "font.size": 11}
    with mpl.rc_context(style):
        figure, ax = plt.subplots(figsize=(7.2, 3.2), layout="constrained", facecolor=background)
        for (name, scores), colour in zip(found.items(), colours, strict=True):
            ax.plot(SIZES, scores, "o-", color=colour, linewidth=2, clip_on=False)
            ax.annotate(name, (SIZES[-1], scores[-1]), (10, -4), textcoords="offset points", color=colour)
        ax.set(xscale="log", xlabel="flats learnt from", ylabel="R² on 2000 others", facecolor=background)
        ax.set_xticks(SIZES, [str(size) for size in SIZES])
        ax.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        ax.spines[:].set_visible(False)
        ax.grid(axis="y", color=grid)
        ax.set_axisbelow(True)
        figure.savefig(HERE / f"first_screen_{scheme}.png", dpi=150)
        plt.close(figure)


if __name__ == "__main__":
    mpl.use("agg")
    found = measure()
    for scheme in SCHEMES:
        draw(found, scheme)
