"""Make the pictures of docs/watching.md: python docs/images/watching.py [browser]

The browser, such as chromium, is run without a window; without one the page is written, and not the picture of it.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import rich
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier
from sklearn_dl.displays import TrainingCurveDisplay

HERE = Path(__file__).parent
SCHEMES = {"dark": 0, "light": 1}  # preferredColorScheme in Chromium's settings


def progress_bar() -> None:
    rich.reconfigure(record=True, width=100, file=io.StringIO())
    X, y = load_digits(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), DLClassifier(max_iter=30, random_state=0))
    search = GridSearchCV(pipe, {"dlclassifier__dropout": [0.0, 0.2]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    svg = rich.get_console().export_svg(title="A grid search over a pipeline", unique_id="bar")
    svg = re.sub(r"\s*@font-face {[^}]*}", "", svg)  # fetched from elsewhere
    (HERE / "progress_bar.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", "utf-8")


def training_curve(model: DLClassifier) -> None:
    mpl.use("agg")
    display = TrainingCurveDisplay.from_estimator(model)
    display.figure_.set_size_inches(6, 3.6)
    display.figure_.savefig(HERE / "training_curve.png", dpi=110, bbox_inches="tight")


def network(model: Pipeline, browser: str | None) -> None:
    """The pipeline's HTML with the network unfolded, under each scheme."""
    unfolded = model._repr_html_().replace('type="checkbox" >', 'type="checkbox" checked>')
    style = "<style>:root { color-scheme: light dark }</style>"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "network.html")
        page.write_text(f'<!doctype html><meta charset="utf-8">{style}{unfolded}', encoding="utf-8")
        if browser is None:
            (HERE / "network.html").write_bytes(page.read_bytes())
            return
        for scheme, number in SCHEMES.items():
            options = (
                "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
                "--disable-component-update --disable-sync --hide-scrollbars --window-size=520,780 "
                f"--blink-settings=preferredColorScheme={number} --screenshot={HERE / f'network_{scheme}.png'} "
                f"--user-data-dir={folder}/{scheme}"
            )
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run([browser, *options.split(), str(page)], check=True, timeout=120, **silent)


if __name__ == "__main__":
    X, y = load_digits(return_X_y=True)
    net = DLClassifier(early_stopping=True, scoring="accuracy", dropout=0.2, max_iter=60, random_state=0)
    training_curve(net.fit(X, y))
    network(make_pipeline(StandardScaler(), net).fit(X, y), sys.argv[1] if len(sys.argv) > 1 else None)
    progress_bar()
