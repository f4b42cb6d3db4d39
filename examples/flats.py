"""Flats to let, as an agency might have them, and two rivals that know how to read them: what the examples share.

No row is real: the table is drawn at random. What a rent depends on is written down in `flats`; it was written once,
and not changed after any model had seen it. ``python examples/flats.py`` prints some rows. It needs pandas; the package
does not.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from sklearn_dl.encoding import TableEncoder

STREETS = (
    "Mill",
    "Church",
    "Station",
    "Park",
    "Castle",
    "School",
    "River",
    "Market",
    "Garden",
    "Bridge",
    "Abbey",
    "Hill",
)
KINDS = ("Street", "Lane", "Road", "Square", "Row")

# what an advertisement may say, in several wordings, and by how much the logarithm of the rent differs
REMARKS = {
    0.06: ("a new fitted kitchen", "modern kitchen with dishwasher", "kitchen renewed last year"),
    0.05: ("sunny balcony", "a balcony to the south", "large terrace"),
    0.04: ("quiet courtyard", "very quiet at night", "looks on a quiet garden"),
    0.02: ("oak parquet", "wooden floors throughout"),
    -0.03: ("small windows", "rather dark rooms"),
    -0.06: ("on a busy road", "the tram stops in front of the house", "some noise from the street"),
    -0.12: ("needs renovating", "in need of repair", "to be done up by the tenant"),
    0.0: ("free at once", "no pets please", "cellar included", "viewing by appointment", "bicycle shed", "bus nearby"),
}
OPENINGS = ("Flat with", "To let:", "Nice flat,", "For people who like it here:", "From the owner:", "We offer")


def descriptions(n: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """A sentence for each flat, and what it is worth."""
    worths, texts, worth = list(REMARKS), [], np.zeros(n)
    for i in range(n):
        chosen = rng.choice(worths, size=rng.integers(1, 5), replace=False)
        remarks = [rng.choice(REMARKS[w]) for w in chosen]
        texts.append(f"{rng.choice(OPENINGS)} {', '.join(remarks)}.")
        worth[i] = chosen.sum()
    return texts, worth


def flats(n: int = 1000, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Draw `n` flats, and the rent of each in euros a month."""
    rng = np.random.default_rng(seed)
    streets = np.array([f"{name} {kind}" for name in STREETS for kind in KINDS])
    distance, charm = rng.gamma(3, 1.2, len(streets)), rng.normal(0, 0.12, len(streets))
    street = rng.integers(0, len(streets), n)
    listed = np.datetime64("2022-01-01") + rng.integers(0, 3 * 365, n)
    area = rng.gamma(9, 8, n).clip(15)
    year, floor = rng.integers(1900, 2025, n), rng.integers(0, 7, n)
    lift = rng.random(n) < 0.1 + 0.1 * floor
    heating = rng.choice(["gas", "oil", "district heat", "heat pump"], n, p=[0.5, 0.2, 0.2, 0.1])
    condition = rng.choice(["poor", "fair", "good", "as new"], n, p=[0.1, 0.4, 0.35, 0.15])
    description, worth = descriptions(n, rng)

    years = (listed - np.datetime64("2022-01-01")).astype(float) / 365.25
    log_rent = 3.3 + 0.85 * np.log(area)  # large flats cost less a square metre
    log_rent += charm[street] + 0.25 * np.exp(-distance[street] / 2)  # the centre is dear
    log_rent += 0.35 * ((year - 1965) / 60) ** 2 - 0.05  # old houses and new ones are liked
    log_rent += np.where(lift, 0.015, -0.025) * floor
    log_rent += 0.04 * years + 0.03 * np.cos(2 * np.pi * (years - 0.7))  # a trend, and students in September
    log_rent += 0.08 * (heating == "heat pump") - 0.04 * (heating == "oil")
    log_rent += 0.06 * np.select([condition == "poor", condition == "as new", condition == "good"], [-2, 2, 1], 0)
    log_rent += worth + 0.07 * rng.normal(size=n)

    def known(share: float) -> np.ndarray:
        return rng.random(n) < share

    table = pd.DataFrame(
        {
            "listed": pd.Series(listed.astype("datetime64[s]")).where(known(0.97)),
            "area": pd.Series(area.round(1)).where(known(0.95)),
            "year": pd.Series(year.astype(float)).where(known(0.8)),
            "floor": floor,
            "lift": lift,
            "street": streets[street],
            "km": distance[street].round(1),  # to the centre
            "heating": pd.Series(heating).where(known(0.85)),
            "condition": pd.Series(condition).where(known(0.9)),
            "description": pd.Series(description).where(known(0.95)),
        }
    )
    return table, pd.Series(np.exp(log_rent).round(), name="rent")


NUMBERS, CATEGORIES = ["area", "year", "floor", "lift", "km"], ["street", "heating", "condition"]


def calendar(column: pd.DataFrame) -> pd.DataFrame:
    """A column of dates as three numbers: days, month and weekday."""
    date = column.iloc[:, 0]
    days = (date - pd.Timestamp(2022, 1, 1)).dt.days
    return pd.DataFrame({"day": days, "month": date.dt.month, "weekday": date.dt.day_of_week})


def without_gaps(column: pd.Series) -> pd.Series:
    return column.fillna("")


def words(seed: int) -> Pipeline:
    """A column of sentences as 30 numbers."""
    return make_pipeline(FunctionTransformer(without_gaps), TfidfVectorizer(), TruncatedSVD(30, random_state=seed))


def gradient_boosting(seed: int = 0) -> Pipeline:
    """scikit-learn's gradient boosting, behind what it needs to read the table."""
    code = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    prepare = make_column_transformer(
        (code, CATEGORIES),
        (FunctionTransformer(calendar), ["listed"]),
        ("passthrough", NUMBERS),
        (words(seed), "description"),
    )
    boosting = HistGradientBoostingRegressor(categorical_features=range(len(CATEGORIES)), random_state=seed)
    return make_pipeline(prepare, boosting)


def straight_line(seed: int = 0) -> Pipeline:
    """Ridge regression, behind what it needs."""
    prepare = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
        (make_pipeline(FunctionTransformer(calendar), SimpleImputer(), StandardScaler()), ["listed"]),
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), NUMBERS),
        (words(seed), "description"),
    )
    return make_pipeline(prepare, RidgeCV(np.logspace(-2, 3, 11)))


def show_encoder(encoder: TableEncoder, table: pd.DataFrame) -> None:
    """Print which columns of the table became which columns of the network."""
    made = [str(name) for name in encoder.get_feature_names_out()]
    categories = list(encoder.categorical_features_)
    for i, column in enumerate(table.columns):
        mine = [name for name in made if name == column or name.startswith(f"{column}_")]
        if encoder.kinds_[i] == "number":
            what = "a number, scaled" + (", and where it was missing" if len(mine) > 1 else "")
        elif encoder.kinds_[i] == "category" and mine == [column]:
            levels = encoder.levels_[categories.index(i)]
            what = f"a code for each of {len(levels)} levels, with a learnt vector of {encoder.embedding_size} numbers"
        elif encoder.kinds_[i] == "category":
            what = "one column a level"
        else:
            what = f"a {encoder.kinds_[i]}, told by {len(mine)} numbers"
        shown = mine if len(mine) < 7 else [*mine[:4], "...", mine[-1]]
        print(f"{column:12} {table[column].dtype!s:14} -> {what}: {', '.join(shown)}")


if __name__ == "__main__":
    table, rent = flats()
    print(table.assign(rent=rent).head(8).to_string())
