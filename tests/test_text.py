"""Columns of text: which are taken for some, what they become, and that what holds for every column holds for them."""

from __future__ import annotations

import pickle
import string
import time
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.encoding import ColumnWarning, TableEncoder
from sklearn_dl.encoding.meaning import Meaning
from sklearn_dl.encoding.text import Text
from sklearn_dl.encoding.tokens import blocks, keys
from sklearn_dl.inspection import integrated_gradients

GOOD = ["wonderful", "tasty", "friendly", "quick", "clean", "cheap"]
BAD = ["awful", "bland", "rude", "slow", "dirty", "dear"]
ABOUT = ["service", "soup", "room", "waiter", "table", "breakfast", "view", "lift", "garden", "bread"]


def reviews(n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Sentences, and how many good words less bad ones are in each."""
    rng = np.random.default_rng(seed)
    texts, y = [], np.zeros(n)
    for i in range(n):
        parts = []
        for _ in range(rng.integers(2, 5)):
            good = rng.random() < 0.5
            y[i] += 1 if good else -1
            parts.append(f"the {rng.choice(ABOUT)} was {rng.choice(GOOD if good else BAD)}")
        texts.append(", ".join(parts) + ".")
    return texts, y


TEXTS, Y = reviews(600)
TABLE = pd.DataFrame({"review": TEXTS, "size": np.random.default_rng(1).normal(size=600)})


def letters(n: int, length: int, alphabet: str, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(alphabet), length)) for _ in range(n)]


# ---------------------------------------------------------------- which columns are text


WORDS = letters(300, 5, string.ascii_lowercase)
COLUMNS = {
    "sentences": (TEXTS, True),
    "names": ([f"{a.title()} {b.title()}" for a, b in zip(WORDS, WORDS[::-1], strict=True)], True),
    "titles of one word": (WORDS, True),
    "addresses": ([f"{a} Street {i}, {i % 7}{i % 10} {a}" for i, a in enumerate(WORDS)], True),
    "Chinese": (["".join(chr(0x4E00 + (7 * i * k) % 900) for k in range(1, 12)) for i in range(200)], True),
    "Hindi": ([f"नमस्ते {chr(0x0915 + i % 30)}{chr(0x0915 + i // 30)} दुनिया" for i in range(200)], True),
    "each twice": (TEXTS[:300] * 2, True),
    "levels of several words": ([TEXTS[i % 30] for i in range(600)], False),
    "few": (TEXTS[:15], False),
    "numbers of articles": ([f"A{i:06d}" for i in range(300)], False),
    "two-part numbers": ([f"AB {i:06d}" for i in range(300)], False),
    "numbers": ([f"{i / 7:.2f}" for i in range(300)], False),
    "dates": ([f"2020-01-{i % 28 + 1:02d} 10:{i % 60:02d}" for i in range(600)], False),
    "hexadecimal": (letters(300, 32, "0123456789abcdef"), False),
    "emoji": ([chr(0x1F300 + i) for i in range(300)], False),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_which_columns_are_taken_for_text(kind):
    values, expected = COLUMNS[kind]
    gappy = [None, *values[1:]]
    for series in (
        pd.Series(values, dtype=object),
        pd.Series(gappy, dtype="str"),
        pd.Series(gappy, dtype="string"),
        pd.Series(gappy, dtype="string[pyarrow]"),
        pl.Series(gappy),
    ):
        assert Text.claims(series) == expected, series.dtype
    for series in (pd.Series(values, dtype="category"), pl.Series(values, dtype=pl.Categorical)):
        assert not Text.claims(series)


@pytest.mark.parametrize("values", [np.arange(300), [*TEXTS, 1], [*TEXTS, b"x"], [*TEXTS, ["x"]], [None] * 300])
def test_other_columns_are_not_text(values):
    assert not Text.claims(pd.Series(values))


# ---------------------------------------------------------------- what is read in a text


def read(text: str) -> set[int]:
    return set(keys([f" {text} "])[1].tolist())


def test_keys_are_those_of_the_words_and_letters_wherever_they_stand():
    assert read("soup") < read("the soup is hot") | read("soup")
    alone = read("hot soup")
    assert alone <= read("a very hot soup , hot")
    assert read("soup")
    assert not read("soup") & read("täglich")
    assert len(read("soup")) == 5 + 4 - 1 + 1 - 1  # " so sou oup up_", " sou soup oup_", and the word
    assert len(read("Soup") & read("soup")) == len(read("soup")) - 1  # letters in lower case, words as written
    assert read("a😀b") >= read("😀") & read("😀!")
    rows, found = keys([" one ", " two ", " one "])
    assert sorted(found[rows == 0]) == sorted(found[rows == 2])


def test_keys_of_different_words_differ():
    words = sorted({*letters(20_000, 3, string.ascii_letters), *letters(20_000, 8, "ab")})
    _, made = keys([f" {word} " for word in words])
    odd = made[made % 2 == 1]
    assert len(np.unique(odd)) == len(words)


def test_blocks_hold_all_texts_in_order():
    texts = ["a b", "", " \t ", "x" * 200_000, *["word"] * 40_000]
    starts, found = [], []
    for start, block in blocks(texts):
        starts.append(start)
        assert len(found) == start
        found += block
    assert len(found) == len(texts)
    assert found[0] == " a b "
    assert len(starts) > 1
    assert len(found[3]) < 20_000  # of a long one the beginning


# ---------------------------------------------------------------- what a text becomes


def encoded(encoder: TableEncoder, texts: list[object]) -> np.ndarray:
    frame = pd.DataFrame({"review": pd.Series(texts, dtype=object), "size": np.zeros(len(texts))})
    found = pd.DataFrame(encoder.transform(frame), columns=encoder.get_feature_names_out())
    return found.filter(regex="review_text").to_numpy()


def test_a_column_of_text_becomes_numbers_about_zero():
    encoder = TableEncoder().fit(TABLE)
    names = list(encoder.get_feature_names_out())
    assert names == ["size", *(f"review_text{k}" for k in range(1, len(names)))]
    assert 20 < len(names) <= 31
    z = encoded(encoder, TEXTS)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(z.std(axis=0).max(), 0.5, rtol=1e-5)


def test_directions_that_no_two_texts_share_do_not_count():
    for n in (100, 500, 3000):
        for length in (6, 8, 20):
            names = letters(n, length, string.ascii_lowercase)
            assert not Meaning.learn(names, np.ones(n)).spread.any(), (n, length)
    assert Meaning.learn(TEXTS[:100], np.ones(100)).width > 5


def test_it_can_be_told_which_columns_are_text():
    short = TABLE.assign(review=pd.Series(TEXTS)[np.arange(600) % 10].to_list())
    assert TableEncoder().fit(short).kinds_ == ["category", "number"]
    encoder = TableEncoder(kinds={"review": "text"}).fit(short)
    assert encoder.kinds_ == ["text", "number"]
    assert encoder.transform(short).std() > 0
    assert TableEncoder(kinds={"review": "category"}).fit(TABLE.assign(review=TEXTS[:100] * 6)).kinds_[0] == "category"
    with pytest.raises(ValueError, match=r"^column 'size' of X holds numbers, which kinds=.* cannot be\.$"):
        TableEncoder(kinds={"size": "text"}).fit(TABLE)
    nothing = TABLE.assign(review=pd.Series([None] * 600, dtype="str"))
    with pytest.warns(ColumnWarning):
        encoder = TableEncoder(kinds={"review": "text"}).fit(nothing)
    assert np.isfinite(encoder.transform(TABLE)).all()


def test_unknown_words_are_neutral():
    encoder = TableEncoder().fit(TABLE)
    assert not encoded(encoder, ["жжж ФЫВА", "", " ", None, np.nan, "😀"]).any()
    known, more = encoded(encoder, ["the soup was bland", "the soup was bland жжж"])
    np.testing.assert_array_equal(known, more)


def test_alike_texts_are_near():
    encoder = TableEncoder().fit(TABLE)
    a, b, c = encoded(encoder, ["the soup was bland", "The soups were bland!", "a friendly waiter, clean room"])
    assert np.linalg.norm(a - b) < np.linalg.norm(a - c)


def test_a_row_alone_is_what_it_is_among_others():
    encoder = TableEncoder().fit(TABLE)
    together = encoded(encoder, TEXTS)
    for i in (0, 17, 599):
        np.testing.assert_array_equal(encoded(encoder, [TEXTS[i]])[0], together[i])


def test_the_same_table_gives_the_same_numbers_whatever_its_format():
    expected = TableEncoder().fit(TABLE).transform(TABLE)
    for frame in (TABLE.astype({"review": "string[pyarrow]"}), TABLE.astype({"review": object}), pl.DataFrame(TABLE)):
        np.testing.assert_array_equal(TableEncoder().fit(frame).transform(frame), expected)


def test_gaps_have_an_indicator_where_some_were_missing():
    table = TABLE.assign(review=[None, "", "  ", *TEXTS[3:]])
    encoder = TableEncoder().fit(table)
    found = pd.DataFrame(encoder.transform(table), columns=encoder.get_feature_names_out())
    np.testing.assert_array_equal(np.flatnonzero(found["review_missing"]), [0, 1, 2])
    assert not found.filter(regex="review_text").iloc[:3].to_numpy().any()
    assert "review_missing" not in TableEncoder().fit(TABLE).get_feature_names_out()


def test_a_weight_of_two_is_the_row_twice():
    weight = np.where(np.arange(600) % 3 == 0, 2, 1)
    twice = TableEncoder().fit(TABLE.iloc[np.repeat(np.arange(600), weight)])
    weighted = TableEncoder().fit(TABLE, sample_weight=weight)
    np.testing.assert_allclose(weighted.transform(TABLE), twice.transform(TABLE), atol=2e-3)


def test_several_columns_of_text():
    table = TABLE.assign(other=[*TEXTS[:-1:-1], *TEXTS[1:][::-1], None], review=TEXTS)
    encoder = TableEncoder().fit(table)
    found = pd.DataFrame(encoder.transform(table), columns=encoder.get_feature_names_out())
    assert "other_missing" in found
    assert "review_missing" not in found
    assert found.filter(regex="other_text").shape[1] == found.filter(regex="review_text").shape[1] > 20
    alone = TableEncoder().fit(table[["review"]]).transform(table[["review"]])
    np.testing.assert_array_equal(found.filter(regex="review_text").to_numpy(), alone)


def test_a_sample_of_many_rows_decides():
    texts, _ = reviews(12_000)
    table = pd.DataFrame({"review": texts})
    z = TableEncoder().fit(table).transform(table)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.05)
    np.testing.assert_array_equal(z, TableEncoder().fit(table).transform(table))
    heavy = np.where(np.arange(12_000) < 100, 1e6, 1e-3)
    assert np.isfinite(TableEncoder().fit(table, sample_weight=heavy).transform(table)).all()


ODD = {
    "10 MB in a cell": ["word " * 2_000_000, *TEXTS[1:]],
    "one word all over": [f"{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(600)],
    "surrogates": [f"\ud800 {text}" for text in TEXTS],
    "null characters": [f"{text}\0" for text in TEXTS],
    "letters that grow in lower case": [f"İ{text}" for text in TEXTS],
    "one sign apart": ["same words here" + "!" * i for i in range(600)],
    "nothing in common": [f"{chr(0x4E00 + 3 * i)}{chr(0x4E01 + 3 * i)}" for i in range(600)],
}


@pytest.mark.filterwarnings("ignore::sklearn_dl.encoding.ColumnWarning")
@pytest.mark.parametrize("kind", ODD)
def test_odd_texts(kind):
    table = TABLE.assign(review=pd.Series(ODD[kind], dtype=object))
    assert Text.claims(table["review"])
    model = DLRegressor(max_iter=2, random_state=0).fit(table, Y)
    assert np.isfinite(model.predict(table)).all()
    assert np.isfinite(model.predict(TABLE)).all()


@pytest.mark.parametrize(
    "values", [[1.5] * 3, [1, "a", "b"], [b"x"] * 3, [["x"]] * 3, [pd.Timestamp("2020")] * 3, [True, None, None]]
)
def test_another_type_than_at_fit_is_a_clear_error(values):
    model = DLRegressor(max_iter=2, random_state=0).fit(TABLE, Y)
    later = pd.DataFrame({"review": pd.Series(values, dtype=object), "size": [0.0] * 3})
    with pytest.raises(
        ValueError,
        match=r"^column 'review' of X (holds \w+ but held text at fit|holds .* lists|holds values of type).*\.$",
    ):
        model.predict(later)


def test_a_column_that_is_missing_later():
    model = DLRegressor(max_iter=2, random_state=0).fit(TABLE, Y)
    for nothing in ([None] * 3, [np.nan] * 3):
        later = pd.DataFrame({"review": nothing, "size": [0.0] * 3})
        assert np.isfinite(model.predict(later)).all()


# ---------------------------------------------------------------- with a network


def test_reviews_decide():
    texts, y = reviews(1000)
    table = pd.DataFrame({"review": texts})
    model = DLRegressor(random_state=0, max_iter=12).fit(table[:600], y[:600])
    assert model.score(table[600:], y[600:]) > 0.8
    model = DLClassifier(random_state=0, max_iter=12).fit(table[:600], y[:600] > 0)
    assert model.score(table[600:], y[600:] > 0) > 0.8


def test_pickle_and_partial_fit():
    model = DLRegressor(random_state=0, max_iter=3).fit(TABLE, Y)
    read = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(read.predict(TABLE), model.predict(TABLE))
    for start in (0, 300):
        part = slice(start, start + 300)
        model = (DLRegressor(random_state=0) if start == 0 else model).partial_fit(TABLE[part], Y[part])
    assert np.isfinite(model.predict(TABLE)).all()


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path):
    path = tmp_path / "a.checkpoint"
    model = DLRegressor(random_state=0, max_iter=4, n_members=1, learning_rate="constant").set_params(
        hidden_layer_sizes=(5,)
    )
    whole = clone(model).fit(TABLE, Y)
    clone(model).set_params(max_iter=2).set_callbacks(Checkpoint(path)).fit(TABLE, Y)
    resumed = clone(model).fit(TABLE, Y, resume_from=path)
    np.testing.assert_array_equal(resumed.predict(TABLE), whole.predict(TABLE))
    other = TABLE.assign(review=[*TEXTS[:-1], "other words"])
    with pytest.raises(ValueError, match="checkpoint of a fit to other data: statistics of X"):
        clone(model).fit(other, Y, resume_from=path)


def test_onnx_is_refused_by_name():
    pytest.importorskip("skl2onnx")
    from sklearn_dl.onnx import to_onnx

    model = DLRegressor(random_state=0, max_iter=1, n_members=1).fit(TABLE, Y)
    with pytest.raises(NotImplementedError, match=r"^column 'review' of X is free text, .* leave the column out.*\.$"):
        to_onnx(model, TABLE[:1])


def test_attributions_go_to_the_column():
    table = TABLE.assign(review=[None, *TEXTS[1:]])
    model = DLRegressor(random_state=0, max_iter=20, n_members=1).fit(table, Y)
    found = integrated_gradients(model, table[:50])
    assert found.feature_names.tolist() == ["review", "size"]
    assert found.values.shape == (50, 2)
    np.testing.assert_allclose(found.values.sum(axis=1), found.prediction - found.baseline, atol=0.02)
    assert np.abs(found.values[:, 0]).mean() > np.abs(found.values[:, 1]).mean()


@pytest.mark.filterwarnings("ignore::sklearn_dl.encoding.ColumnWarning")
def test_an_identifier_does_not_hurt():
    rng = np.random.default_rng(0)
    n = 1000
    table = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    y = table["a"] - table["b"] + 0.3 * rng.normal(size=n)
    with_name = table.assign(name=letters(n, 8, string.ascii_lowercase))
    with pytest.warns(ColumnWarning, match=r"^column 'name' of X .* hardly any word recurs.*\.$"):
        assert not TableEncoder().fit_transform(with_name[["name"]]).any()
    fits = [
        DLRegressor(random_state=0, max_iter=30, n_members=2).fit(t[:600], y[:600]).score(t[600:], y[600:])
        for t in (table, with_name)
    ]
    assert fits[1] > fits[0] - 0.01


def test_one_row_is_fast():
    meaning = Meaning.learn(TEXTS, np.ones(600))
    out = np.empty((1, meaning.width), np.float32)
    seconds = []
    for _ in range(50):
        start = time.perf_counter()
        meaning.apply(TEXTS[:1], out)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 2e-3


def test_no_warning_of_distinct_levels():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableEncoder().fit(TABLE)
