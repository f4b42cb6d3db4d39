"""Columns of dates, times and durations: what they become, in every container, with and without a zone."""

from __future__ import annotations

import datetime
import pickle
import re
import warnings
import zoneinfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._data import date_format, date_reader, local
from sklearn_dl.encoding import ColumnWarning, TableEncoder
from sklearn_dl.inspection import attribution_importance, integrated_gradients

N = 400
HOURS = pd.Series(pd.date_range("2019-03-01", periods=N, freq="37h").astype("datetime64[us]"))
DAY = np.timedelta64(1, "D")
GAPPY = HOURS.where(np.arange(N) % 50 != 7)
BERLIN = "Europe/Berlin"
ZONED = GAPPY.dt.tz_localize("UTC").dt.tz_convert(BERLIN)
VALUES = [None if pd.isna(v) else v.to_pydatetime() for v in GAPPY]
ZONED_VALUES = [None if pd.isna(v) else v.to_pydatetime().astimezone(zoneinfo.ZoneInfo(BERLIN)) for v in ZONED]
y = np.arange(float(N)) % 7


def encoded(column, **settings):
    make = pl.DataFrame if isinstance(column, pl.Series) else pa.table if isinstance(column, pa.Array) else pd.DataFrame
    df = make({"when": column})
    return TableEncoder(**settings).fit(df).transform(df)


# ---------------------------------------------------------------- every container

SAME = {
    "datetime64[s]": GAPPY.astype("datetime64[s]"),
    "datetime64[ns]": GAPPY.astype("datetime64[ns]"),
    "objects": pd.Series(VALUES, dtype=object),
    "Timestamps": pd.Series(list(GAPPY), dtype=object),
    "numpy objects": pd.Series(list(GAPPY.to_numpy()), dtype=object),
    "pyarrow in pandas": GAPPY.astype("timestamp[us][pyarrow]"),
    "polars": pl.Series(VALUES),
    "polars ms": pl.Series(VALUES).cast(pl.Datetime("ms")),
    "pyarrow": pa.array(VALUES),
    "periods": GAPPY.dt.to_period("h"),
    "text": GAPPY.dt.strftime("%Y-%m-%d %H:%M:%S"),
    "text of polars": pl.Series([None if v is None else v.isoformat() for v in VALUES]),
}
SAME_ZONED = {
    "pandas": ZONED,
    "objects": pd.Series(ZONED_VALUES, dtype=object),
    "pyarrow in pandas": ZONED.astype(pd.ArrowDtype(pa.timestamp("us", BERLIN))),
    "polars": pl.Series(ZONED_VALUES).cast(pl.Datetime("us", BERLIN)),
    "pyarrow": pa.array(ZONED_VALUES, pa.timestamp("us", BERLIN)),
}
DAYS = GAPPY.dt.normalize()
DATES = [None if v is None else v.date() for v in VALUES]
SAME_DAYS = {
    "date": pd.Series(DATES, dtype=object),
    "date32[pyarrow]": pd.Series(DATES, dtype=pd.ArrowDtype(pa.date32())),
    "polars": pl.Series(DATES),
    "pyarrow": pa.array(DATES),
    "text": pd.Series([None if v is None else v.strftime("%d.%m.%Y") for v in DATES]),
}


@pytest.mark.filterwarnings("ignore::sklearn_dl.encoding.ColumnWarning")
@pytest.mark.parametrize(
    ("column", "like"),
    [(c, GAPPY) for c in SAME.values()]
    + [(c, ZONED) for c in SAME_ZONED.values()]
    + [(c, DAYS) for c in SAME_DAYS.values()],
    ids=[*SAME, *(f"zoned {name}" for name in SAME_ZONED), *(f"days {name}" for name in SAME_DAYS)],
)
def test_the_same_moments_become_the_same_in_every_container(column, like):
    np.testing.assert_array_equal(encoded(column), encoded(like))


def test_an_array_of_dates_is_a_table_of_dates():
    X = np.column_stack((GAPPY, HOURS))
    df = pd.DataFrame({"x0": GAPPY, "x1": HOURS})
    expected = TableEncoder().fit(df).transform(df)
    for table in (X, X.astype(object), np.ma.array(np.column_stack((HOURS, HOURS)), mask=pd.isna(X)), X.tolist()):
        encoder = TableEncoder().fit(table)
        np.testing.assert_array_equal(encoder.transform(table), expected)
        assert encoder.kinds_ == ["date", "date"]
    model = DLRegressor(max_iter=2, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X[:5]), model.predict(X)[:5], rtol=1e-6)
    with pytest.raises(ValueError, match=r"X holds numbers \(float64\) but held dates at fit\."):
        model.predict(np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"X holds dates \(datetime64\[us\]\) but held numbers at fit\."):
        DLRegressor(max_iter=2).fit(np.zeros((9, 2)), y[:9]).predict(X)
    with pytest.raises(ValueError, match="encoder=None takes finite numbers only"):
        DLRegressor(max_iter=2, encoder=None).fit(X, y)


def test_dates_and_numbers_in_one_array_are_told():
    X = np.array([[datetime.date(2020, 1, 1), 1.0]] * 9, object)
    with pytest.raises(ValueError, match=r"column 0 of X holds dates beside columns of numbers; pass them in a Data"):
        DLRegressor(max_iter=2).fit(X, y[:9])
    X[:, 1] = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    with pytest.raises(ValueError, match=r"column 1 of X holds dates with a time zone \(UTC\); pass them in a DataFr"):
        DLRegressor(max_iter=2).fit(X, y[:9])


def test_times_of_the_day_are_dates_of_one_day():
    times = [None if v is None else v.time() for v in VALUES]
    of_one_day = pd.to_datetime(pd.Series([None if t is None else f"1970-01-01 {t}" for t in times]))
    expected = encoded(of_one_day)
    assert expected.shape[1] == 1 + 1 + 4
    for column in (pd.Series(times), pl.Series(times), pa.array(times)):
        np.testing.assert_array_equal(encoded(column), expected)


def test_dates_are_no_times_and_times_are_no_dates():
    dates, times = pd.date_range("2024-01-01", periods=24, freq="D"), [datetime.time(hour) for hour in range(24)]
    for fitted, later, message in ((dates, times, "times but held dates"), (times, dates, "dates but held times")):
        encoder = TableEncoder().fit(pd.DataFrame({"when": fitted}))
        with pytest.raises(ValueError, match=f"column 'when' of X holds {message} at fit"):
            encoder.transform(pd.DataFrame({"when": later}))
        for nothing in (None, pd.NaT):
            assert np.isfinite(encoder.transform(pd.DataFrame({"when": [nothing] * 3}))).all()
    encoder = TableEncoder().fit(pd.DataFrame({"when": pd.Series([pd.NaT] * 3)}))
    for later in (dates, times):  # it was of no kind yet
        assert not encoder.transform(pd.DataFrame({"when": later})).any()


def test_durations_are_seconds():
    spans = GAPPY - GAPPY[0]
    expected = encoded(spans.dt.total_seconds())
    values = [None if pd.isna(v) else v.to_pytimedelta() for v in spans]
    arrow = spans.astype(pd.ArrowDtype(pa.duration("us")))
    for column in (spans, pd.Series(values, dtype=object), arrow, pl.Series(values), pa.array(values)):
        np.testing.assert_array_equal(encoded(column), expected)
    np.testing.assert_array_equal(TableEncoder().fit_transform(spans.to_numpy()[:, None]), expected)


# ---------------------------------------------------------------- what is read off


def test_what_a_date_becomes():
    days = pd.Series(pd.date_range("2016-01-01", periods=1461, freq="D"))
    df = pd.DataFrame({"day": days})
    encoder = TableEncoder().fit(df)
    names = list(encoder.get_feature_names_out())
    assert names[:2] == ["day", "day_year_sin1"]
    assert len(names) == 1 + 24 + 6 + 7
    leap_day = encoder.transform(pd.DataFrame({"day": [pd.Timestamp("2016-02-29"), pd.NaT]}))
    row = dict(zip(names, leap_day[0], strict=True))
    assert {name for name in names if name.endswith("day") and row[name] == 1} == {"day_monday"}
    for k in (1, 12):
        assert row[f"day_year_sin{k}"] == pytest.approx(np.sin(2 * np.pi * k * 59 / 366))
        assert row[f"day_year_cos{k}"] == pytest.approx(np.cos(2 * np.pi * k * 59 / 366))
    assert row["day_month_cos1"] == pytest.approx(np.cos(2 * np.pi * 28 / 29))
    position = encoder.transform(df)[:, 0]
    assert (np.diff(position) > 0).all()
    assert position[730] == pytest.approx(0)
    assert not leap_day[1].any()  # missing, though none was in training


def span_of(*args, **kwargs):
    return pd.Series(pd.date_range(*args, **kwargs))


ASPECTS = {
    "days of four years": (span_of("2016-01-01", periods=1461, freq="D"), {"year", "month", "weekday"}),
    "hours of two years": (span_of("2016-01-01", periods=17544, freq="h"), {"year", "month", "weekday", "time"}),
    "hours of a week": (span_of("2016-01-28", periods=168, freq="h"), {"weekday", "time"}),
    "hours of a day": (span_of("2016-01-01", periods=24, freq="h"), {"time"}),
    "months, first days": (span_of("2010-01-01", periods=120, freq="MS"), {"year"}),
    "months, last days": (span_of("2010-01-01", periods=120, freq="ME"), {"year"}),
    "quarters": (span_of("2010-01-01", periods=40, freq="QS"), {"year"}),
    "years": (span_of("1950-01-01", periods=70, freq="YS"), set()),
    "weeks": (span_of("2010-01-01", periods=700, freq="W"), {"year", "month"}),
    "one date": (pd.Series([pd.Timestamp("2016-01-01")] * 50), set()),
    "two rows": (pd.Series(pd.to_datetime(["2016-01-01", "2016-01-02"])), {"weekday"}),
    "no date": (pd.Series([pd.NaT] * 50), set()),
}


@pytest.mark.parametrize("case", ASPECTS)
def test_only_what_varies_is_read_off(case):
    column, aspects = ASPECTS[case]
    df = pd.DataFrame({"d": column.astype("datetime64[us]")})
    names = TableEncoder().fit(df).get_feature_names_out()
    told = {name.split("_")[1] for name in names if "_" in name}
    assert {"weekday" if name.endswith("day") else name for name in told} == aspects
    assert names[0] == "d"


def test_missing_dates_have_an_indicator_where_training_had_some():
    df = pd.DataFrame({"when": GAPPY})
    encoder = TableEncoder().fit(df)
    names = list(encoder.get_feature_names_out())
    rows = encoder.transform(df)
    np.testing.assert_array_equal(rows[:, names.index("when_missing")], GAPPY.isna())
    assert not np.delete(rows[GAPPY.isna()], names.index("when_missing"), axis=1).any()


def test_weights_are_rows():
    weight = np.arange(N) % 3
    df = pd.DataFrame({"when": GAPPY})
    twice = df.loc[np.repeat(np.arange(N), weight)]
    for scaling in ("robust", "standard"):
        weighted = TableEncoder(scaling=scaling).fit(df, sample_weight=weight)
        repeated = TableEncoder(scaling=scaling).fit(twice)
        assert weighted.get_feature_names_out()[0] == repeated.get_feature_names_out()[0] == "when"
        np.testing.assert_allclose(weighted.transform(df)[:, 0], repeated.transform(df)[:, 0], atol=1e-12)


# ---------------------------------------------------------------- zones


@pytest.mark.parametrize(
    "zone", ["UTC", BERLIN, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Tehran"]
)
def test_the_clock_of_a_zone_is_that_of_pandas(zone):
    at = np.arange("1975-01-01T00:10", "2030-01-01", 7_777, dtype="datetime64[m]").astype("datetime64[us]")
    expected = pd.Series(at).dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    np.testing.assert_array_equal(local(at, zone, "x"), expected.to_numpy())
    quarters = np.arange("2021-01-01", "2022-01-01", 15, dtype="datetime64[m]").astype("datetime64[us]")
    expected = pd.Series(quarters).dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    np.testing.assert_array_equal(local(quarters, zone, "x"), expected.to_numpy())


def test_offsets_and_zones_that_nobody_knows():
    at = np.array(["2020-01-01T00:00", "NaT"], "M8[us]")
    np.testing.assert_array_equal(local(at, "-03:30", "x"), np.array(["2019-12-31T20:30", "NaT"], "M8[us]"))
    with pytest.raises(ValueError, match="column 'x' of X has the time zone 'Nowhere/Else', which this machine does"):
        local(at, "Nowhere/Else", "x")


def test_the_zone_of_training_counts():
    model = DLRegressor(max_iter=3, random_state=0).fit(pd.DataFrame({"when": ZONED}), y)
    expected = model.predict(pd.DataFrame({"when": ZONED}))
    for zone in ("UTC", "Asia/Tokyo"):
        other = pd.DataFrame({"when": ZONED.dt.tz_convert(zone)})
        np.testing.assert_array_equal(model.predict(other), expected)
    with pytest.raises(ValueError, match="dates with no time zone but had the time zone 'Europe/Berlin' at fit"):
        model.predict(pd.DataFrame({"when": GAPPY}))
    naive = DLRegressor(max_iter=1).fit(pd.DataFrame({"when": GAPPY}), y)
    with pytest.raises(ValueError, match="dates with the time zone 'Europe/Berlin' but had no time zone at fit"):
        naive.predict(pd.DataFrame({"when": ZONED}))


def test_several_zones_in_one_column():
    zones = [datetime.timezone(datetime.timedelta(hours=h)) for h in (1, 2)]
    mixed = [None if v is None else v.astimezone(zones[i % 2]) for i, v in enumerate(ZONED_VALUES)]
    with pytest.warns(ColumnWarning, match=r"'when' of X has dates of several time zones \(\+01:00, \+02:00\), whose"):
        several = encoded(pd.Series(mixed, dtype=object))
    np.testing.assert_array_equal(several, encoded(ZONED.dt.tz_convert("UTC")))
    mixed[0] = datetime.datetime(2020, 1, 1)
    with pytest.raises(ValueError, match=r"'when' of X mixes dates with a time zone \(\+01:00\) and dates without"):
        encoded(pd.Series(mixed, dtype=object))


# ---------------------------------------------------------------- text

WRITTEN = {
    "YYYY-MM-DD": ("2024-02-29", datetime.date(2024, 2, 29)),
    "YYYY/MM/DD": ("2024/2/29", datetime.date(2024, 2, 29)),
    "YYYY.MM.DD": ("2024.02.29", datetime.date(2024, 2, 29)),
    "DD.MM.YYYY": ("29.02.2024", datetime.date(2024, 2, 29)),
    "DD/MM/YYYY": ("29/02/2024", datetime.date(2024, 2, 29)),
    "MM/DD/YYYY": ("2/29/2024", datetime.date(2024, 2, 29)),
    "DD-MM-YYYY": ("29-02-2024", datetime.date(2024, 2, 29)),
    "MM-DD-YYYY": ("02-29-2024", datetime.date(2024, 2, 29)),
    "DD Month YYYY": ("29 February 2024", datetime.date(2024, 2, 29)),
    "Month DD, YYYY": ("Feb 29, 2024", datetime.date(2024, 2, 29)),
    "YYYY-MM": ("2024-02", datetime.date(2024, 2, 1)),
    "YYYY-MM-DD hh:mm": ("2024-02-29T23:59:07.25", datetime.datetime(2024, 2, 29, 23, 59, 7, 250_000)),
    "DD.MM.YYYY hh:mm": ("29.2.2024, 23:59", datetime.datetime(2024, 2, 29, 23, 59)),
    "MM/DD/YYYY hh:mm": ("02/29/2024 12:05 am", datetime.datetime(2024, 2, 29, 0, 5)),
    "YYYY-MM-DD hh:mm with offset": (
        "2024-02-29 23:59:00+02:00",
        datetime.datetime(2024, 2, 29, 21, 59, tzinfo=datetime.UTC),
    ),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_ways_of_writing_a_date(written):
    text, value = WRITTEN[written]
    assert date_format([text, "  "]) == written
    assert date_reader(written)(text) == value
    assert date_reader(written)(text + "x") is None
    assert date_format([text, "something else"]) is None


@pytest.mark.parametrize(
    "texts",
    [
        ["01/02/2024", "03/04/2024"],  # which is the month?
        ["2024-01-01", "2024-13-01"],
        ["2024-01-01", "01.01.2024"],
        ["30.02.2024"],
        ["2024"],
        ["1.5", "2.5"],
        ["20240101"],
        ["1234-05", "2001-12"],
        ["12:30"],
        ["", " "],
        [],
    ],
)
def test_text_that_reads_as_no_date_or_as_several(texts):
    assert date_format(texts) is None


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_text_that_reads_as_dates_is_told_and_taken_for_dates(make):
    text = [None if v is None else v.strftime("%d.%m.%Y %H:%M") for v in VALUES]
    text[3] = " "
    df = make({"when": text, "x": y})
    with pytest.warns(ColumnWarning, match=r"'when' of X holds text that reads as dates written as DD\.MM\.YYYY hh:mm"):
        encoder = TableEncoder().fit(df)
    assert encoder.kinds_ == ["date", "number"]
    with pytest.raises(ValueError, match=r"'when' of X holds 'soon', which is no date written as DD\.MM\.YYYY hh"):
        encoder.transform(make({"when": ["soon"], "x": [1.0]}))
    parsed = encoder.transform(make({"when": [VALUES[0]], "x": [1.0]}))
    np.testing.assert_array_equal(parsed, encoder.transform(make({"when": text[:1], "x": [1.0]})))


def test_a_way_to_say_no_and_a_way_to_say_yes():
    text = pd.Series(["2024-01-01", "2024-01-02", "2024-01-03"] * 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for column, settings in (
            (text, {"kinds": {"when": "category"}}),
            (text, {"categorical_features": ["when"]}),
            (text.astype("category"), {}),
        ):
            encoder = TableEncoder(**settings).fit(pd.DataFrame({"when": column}))
            assert encoder.levels_ == [["2024-01-01", "2024-01-02", "2024-01-03"]]
        assert TableEncoder(kinds={0: "date"}).fit(pd.DataFrame({"when": text})).kinds_ == ["date"]  # nor a word


def test_dates_at_fit_and_something_else_later():
    encoder = TableEncoder().fit(pd.DataFrame({"when": GAPPY}))
    iso = pd.DataFrame({"when": GAPPY[:9].dt.strftime("%Y-%m-%d %H:%M:%S")})
    np.testing.assert_array_equal(encoder.transform(iso), encoder.transform(pd.DataFrame({"when": GAPPY[:9]})))
    for later, held in (
        (pd.Series(["a", "b"]), "text"),
        (pd.Series([1.0, 2.0]), "numbers"),
        (pd.Series([1, 2]).astype("category"), "numbers"),
        (pd.Series([b"1", b"2"]), "bytes"),
    ):
        with pytest.raises(ValueError, match=f"column 'when' of X holds {held} but held dates at fit"):
            encoder.transform(pd.DataFrame({"when": later}))
    nothing = encoder.transform(pd.DataFrame({"when": [None, None]}))
    assert nothing[:, 1].all()
    assert nothing.sum() == 2


# ---------------------------------------------------------------- what columns are told to be

TOLD = {
    "an unknown kind": (
        {"when": "time"},
        "kinds['when'] must be one of 'number', 'date', 'category', 'text'; got 'time'",
    ),
    "no column": ({"then": "date"}, "names or positions of columns as keys; got 'then', which X has not"),
    "no position": ({7: "date"}, "names or positions of columns as keys; got 7, which X has not"),
    "no dict": (["when"], "kinds must be a dict from columns to kinds, or None; got ['when']"),
    "numbers as dates": ({"x": "date"}, "column 'x' of X holds numbers, which kinds={'x': 'date'} cannot be"),
    "dates as numbers": ({0: "number"}, "column 'when' of X holds dates, which kinds={'when': 'number'} cannot be"),
    "text as numbers": ({"c": "number"}, "column 'c' of X holds text, which kinds={'c': 'number'} cannot be"),
    "text as dates": ({"c": "date"}, "column 'c' of X holds text that does not read as dates in one way of writing"),
}


@pytest.mark.parametrize("case", TOLD)
def test_kinds_that_cannot_be_are_told(case):
    kinds, text = TOLD[case]
    df = pd.DataFrame({"when": GAPPY, "x": y, "c": ["a", "b"] * (N // 2)})
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        TableEncoder(kinds=kinds).fit(df)
    assert text in str(caught.value)
    assert str(caught.value).endswith(".")


def test_kinds_that_are_told_count():
    df = pd.DataFrame({"when": [DATES[i % 9] for i in range(N)], "x": y, "c": ["a", "b"] * (N // 2)})
    encoder = TableEncoder(kinds={"x": "category", 0: "category"}).fit(df)
    assert encoder.kinds_ == ["category"] * 3
    assert encoder.levels_[1] == list(np.unique(y))
    with pytest.raises(ValueError, match="column 'x' is among categorical_features, but is 'number' in kinds"):
        TableEncoder(kinds={"x": "number"}, categorical_features=["x", "c"]).fit(df)
    assert TableEncoder(kinds={1: "category"}).fit(np.c_[y, y]).kinds_ == ["number", "category"]
    with pytest.raises(ValueError, match=r"column 0 of X holds numbers, which kinds=\{0: 'date'\} cannot be"):
        TableEncoder(kinds={0: "date"}).fit(np.c_[y, y])


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_dates_as_categories_are_levels(frame):
    dates = [DATES[i % 3] for i in range(60)]
    encoder = TableEncoder(kinds={"d": "category"}).fit(frame({"d": dates}))
    assert encoder.levels_ == [[str(d) for d in DATES[:3]]]
    with pytest.raises(ValueError, match="column 'd' of X holds text but held dates at fit"):
        encoder.transform(frame({"d": ["a", "b"]}))


# ---------------------------------------------------------------- extremes

EXTREMES = {
    "year 1 and 9999": pd.Series(np.array(["0001-01-01", "9999-12-31", "2020-01-01"] * 9, "M8[s]")),
    "beyond": pd.Series(np.array([-(2**60), 2**60, 0] * 9, "M8[s]")),
    "years of numpy": pd.Series(np.array([-(2**60), 2**60, 0] * 9, "M8[s]").astype("M8[s]")),
    "python's own": pd.Series([datetime.datetime.min, datetime.datetime.max, None] * 9, dtype=object),
    "with a zone": pd.Series(
        [datetime.datetime(1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=9))), None] * 9, dtype=object
    ),
    "polars": pl.Series([datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31), None] * 9),
    "NaT only": pd.Series([pd.NaT] * 9),
    "one date": pd.Series([pd.Timestamp("2020")] * 9),
}


@pytest.mark.parametrize("case", EXTREMES)
def test_extremes_give_a_model(case):
    column = EXTREMES[case]
    make = pl.DataFrame if isinstance(column, pl.Series) else pd.DataFrame
    df = make({"when": column})
    model = DLRegressor(max_iter=2, random_state=0).fit(df, np.arange(float(len(column))))
    assert np.isfinite(model.predict(df)).all()
    later = make({"when": [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23)]})
    if case != "with a zone":
        assert np.isfinite(model.predict(later)).all()


# ---------------------------------------------------------------- what is learnt


def test_weekday_and_season_are_learnt_from_few_rows():
    days = pd.date_range("2020-01-01", periods=1000, freq="D")
    target = 2.0 * (days.day_of_week >= 5) + np.sin(2 * np.pi * days.day_of_year / 365)
    rows = np.random.default_rng(0).permutation(1000)
    train, test = rows[:300], rows[300:]
    df = pd.DataFrame({"day": days})
    model = DLRegressor(random_state=0).fit(df.iloc[train], target[train])
    assert model.score(df.iloc[test], target[test]) > 0.9


def test_before_and_after_the_training_the_trend_levels_off():
    """Season and weekday go on; the position is held within three times the half of the training's span."""
    days = pd.date_range("2018-01-01", periods=1400, freq="D")
    target = np.arange(1400) / 1400 + 0.5 * np.cos(2 * np.pi * days.day_of_year / 365)
    model = DLRegressor(random_state=0, n_members=1, max_iter=60).fit(pd.DataFrame({"day": days}), target)
    encoder = model.encoder_
    far = encoder.transform(pd.DataFrame({"day": np.array(["1718-01-02", "2322-01-02"], "M8[us]")}))
    assert (np.abs(far[:, 0]) < 3).all()
    years = [pd.Series(np.datetime64(f"{year}-01-01", "us") + np.arange(365) * DAY) for year in (2030, 2130, 5000)]
    near, later, latest = (model.predict(pd.DataFrame({"day": year})) for year in years)
    assert np.corrcoef(near, later)[0, 1] > 0.9  # the season is still there
    assert np.abs(near).max() < 5
    np.testing.assert_allclose(later, latest, atol=0.3)


def test_a_stream_that_begins_with_one_date():
    days = pd.DataFrame({"when": pd.date_range("2020-01-01", periods=300, freq="D")})
    model = DLRegressor(random_state=0)
    model.partial_fit(days[:1], [0.0])
    model.partial_fit(days.iloc[[0] * 70], np.zeros(70))
    before = model.encoder_.transform(days)
    assert not before.any()
    model.partial_fit(days[70:], np.arange(70.0, 300.0))
    assert np.ptp(model.encoder_.transform(days)[:, 0]) > 1
    assert np.isfinite(model.predict(days)).all()
    early = DLRegressor(random_state=0).partial_fit(days[:10], y[:10])
    scale = early.encoder_.parts[0].scaling.scale
    assert early.partial_fit(days[10:60], y[10:60]).encoder_.parts[0].scaling.scale < scale / 2


# ---------------------------------------------------------------- what else holds for all columns


@pytest.fixture(scope="module")
def classifier():
    df = pd.DataFrame({"x": np.sin(y), "when": ZONED, "c": np.array(list("abcd"))[np.arange(N) % 4]})
    return DLClassifier(random_state=0, n_members=1, max_iter=20).fit(df, y > 2), df


def test_a_pickle_predicts_the_same(classifier):
    model, df = classifier
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(df), model.predict_proba(df))


def test_attributions_come_back_to_the_column_of_dates(classifier):
    model, df = classifier
    found = integrated_gradients(model, df.iloc[:20])
    assert list(found.feature_names) == ["x", "when", "c"]
    np.testing.assert_allclose(found.values.sum(axis=1), found.prediction - found.baseline, atol=0.05)
    assert np.abs(found.values[:, 1]).max() > 0.01
    background = integrated_gradients(model, df.iloc[:5], background=df.iloc[5:9])
    assert np.isfinite(background.values).all()
    importance = attribution_importance(model)
    assert importance.shape == (3,)
    assert importance[1] > 0


def test_onnx_refuses_dates_by_name(classifier):
    pytest.importorskip("skl2onnx")
    from sklearn_dl.onnx import to_onnx

    model, df = classifier
    with pytest.raises((NotImplementedError, ValueError), match="column 'when' of X"):
        to_onnx(model, df)


def test_the_html_says_what_each_column_was_taken_for(classifier):
    model, _ = classifier
    document = " ".join(model._repr_html_().split())
    assert "What the columns were taken for: encoder_" in document
    found = re.findall(r'<td class="param">(x|when|c)</td><td>(\w+)</td><td>(\d+)</td>', document)
    assert found == [
        ("x", "number", "1"),
        ("when", "date", str(model.encoder_.layout.origins.tolist().count(1))),
        ("c", "category", "4"),
    ]
    wide = DLRegressor(max_iter=1).fit(np.zeros((5, 70)), y[:5])._repr_html_()
    assert wide.count("<td>number</td>") == 60
    assert "taken for" not in DLRegressor(max_iter=1, encoder=None).fit(np.zeros((5, 2)), y[:5])._repr_html_()
    wide_sparse = DLRegressor(max_iter=1, encoder=TableEncoder(max_dense=0)).fit(sparse.eye_array(5).tocsr(), y[:5])
    assert "taken for" not in wide_sparse._repr_html_()


def test_encoding_costs_no_copy_of_the_users_table():
    before = GAPPY.copy()
    encoded(GAPPY)
    pd.testing.assert_series_equal(GAPPY, before)
