"""The step pseudonymize: keyed, the same everywhere under a key, and bound to that key."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import polars as pl
import pytest

from genspark.errors import ConfigError, SchemaError
from genspark.pipeline import Pipeline
from genspark.steps import Pseudonymize

KEY = "0123456789abcdef"
ROWS = pl.DataFrame({"user": ["ada", None, "ada", "bob"], "n": [42, None, 7, 42], "x": [1.0, 2.0, 3.0, 4.0]})


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENSPARK_PSEUDONYM_KEY", KEY)


def test_it_is_the_hmac_by_the_key_in_every_column_and_null_stays_null() -> None:
    def expected(text: str) -> str:
        return hmac.new(KEY.encode(), b"\0" + text.encode(), hashlib.sha256).hexdigest()[:32]

    out = after(["user", "n"])
    assert out["user"].to_list() == [expected("ada"), None, expected("ada"), expected("bob")]
    assert out["n"].to_list() == [expected("42"), None, expected("7"), expected("42")]
    assert out["x"].to_list() == ROWS["x"].to_list()


def test_numbers_are_of_63_bits_and_those_of_the_digits_as_text() -> None:
    out = after(["user", "n"], form="number")
    full = hmac.new(KEY.encode(), b"\0" + b"42", hashlib.sha256).digest()
    assert out["n"].to_list()[::3] == [int.from_bytes(full, "big") >> 193] * 2
    text = pl.DataFrame({"user": ["42"]})
    assert Pipeline([Pseudonymize("user", form="number")]).fit(text).transform(text)["user"][0] == out["n"][0]
    assert out.schema["n"] == pl.Int64


def test_another_domain_gives_others_and_without_the_key_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Pipeline([Pseudonymize("user")]).fit(ROWS)
    assert set(after("user", domain="patients")["user"]) & set(after("user")["user"]) == {None}
    assert KEY not in str(model.to_json())
    monkeypatch.setenv("GENSPARK_PSEUDONYM_KEY", "another key of 26 letters.")
    with pytest.raises(ConfigError, match="is not the one that the model was fitted with"):
        model.transform(ROWS)
    monkeypatch.delenv("GENSPARK_PSEUDONYM_KEY")
    with pytest.raises(ConfigError, match="GENSPARK_PSEUDONYM_KEY must hold a key of 16 characters or more"):
        after("user")
    monkeypatch.setenv("GENSPARK_PSEUDONYM_KEY", KEY)
    with pytest.raises(SchemaError, match="'x' is Float64, and this step needs text or whole numbers"):
        after("x")


def after(columns: Any, **fields: Any) -> pl.DataFrame:
    out: pl.DataFrame = Pipeline([Pseudonymize(columns, **fields)]).fit(ROWS).transform(ROWS)
    return out
