"""The step pii: what is taken for personal data, and what is done with it. Numbers are published examples."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from genspark.errors import ConfigError
from genspark.pipeline import Pipeline
from genspark.steps import Pii

ONES = {
    "email": [
        "ada@example.org",
        "a.b+c@mail.example.co.uk",
        "(x_1@sub-domain.example.com)",
        "john@münchen.de",
        "José@example.org",
        "_a@example.org",
    ],
    "iban": [
        "AL47212110090000000235698741",
        "GB29 NWBK 6016 1331 9268 19",
        "FR1420041010050500013M02606",
        "gb29-nwbk-6016-1331-9268-19",
    ],
    "card": ["4012888888881881", "4111 1111 1111 1111", "3782-822463-10005", "4111.1111.1111.1111"],
    "ip": ["192.168.0.1", "2001:db8::8a2e:370:7334", "::1"],
    "us_ssn": ["219-09-9999", "078 05 1120"],
    "es_dni": ["12345678Z", "X1234567L", "12345678z"],
    "fr_nir": ["1 84 12 76 451 089 46"],
    "phone": ["+44 20 7946 0958", "+1 (212) 555-0123", "(212) 555-0123", "+33123456789"],
}
NONE = [
    "4012-8888-8888-1882",
    "AL47212110090000000235698740",
    "0000000000000000",
    "1.2.3.4.5",
    "300.1.1.1",
    "12:30:45",
    "std::vector",
    "a::b",
    "b2::c and ::f",
    "2345.678901234567",
    "in20 days from this time on",
    "666-12-3456",
    "900-12-3456",
    "12345678A",
    "a@b",
    "user@host..org",
    "version 2026-11-26 of 1,234,567.89",
    "",
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in ONES.items() for text in texts])
def test_published_examples_are_found_and_masked(kind: str, text: str) -> None:
    bare = text.strip("()") if kind == "email" else text
    assert after([f"Ask {text}, now."]) == [f"Ask {text.replace(bare, f'[{kind.upper()}]')}, now."]


def test_what_stands_beside_one_stays() -> None:
    texts = ["ip:10.1.2.3", "10.1.2.3:443", "[2001:db8::1]:80", "AL47 2121 1009 0000 0002 3569 8741 paid"]
    assert after(texts) == ["ip:[IP]", "[IP]:443", "[[IP]]:80", "[IBAN] paid"]
    assert after(["BE68 5390 0754 7034 DE89 3704 0044 0532 0130 00"]) == ["[IBAN] [IBAN]"]


def test_what_only_looks_like_one_stays() -> None:
    assert after(NONE) == NONE


def test_each_character_is_claimed_once_and_null_stays_null() -> None:
    text = "ada@example.org paid by 4012888888881881 from 192.168.0.1"
    assert after([None, f"{text}; {text}"]) == [None, "; ".join(["[EMAIL] paid by [CARD] from [IP]"] * 2)]


def test_a_hash_needs_a_key_and_is_the_hmac_of_kind_and_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENSPARK_PII_KEY", raising=False)
    with pytest.raises(ConfigError, match="GENSPARK_PII_KEY must hold a key of 16 characters or more, and is not set"):
        after(["ada@example.org"], action="hash")
    monkeypatch.setenv("GENSPARK_PII_KEY", "too short")
    with pytest.raises(ConfigError, match="is too short"):
        after(["ada@example.org"], action="hash")
    key = "0123456789abcdef"
    monkeypatch.setenv("GENSPARK_PII_KEY", key)
    expected = hmac.new(key.encode(), b"email:ada@example.org", hashlib.sha256).hexdigest()[:16]
    assert after(["ada@example.org"], action="hash") == [f"[EMAIL:{expected}]"]


def test_rows_go_or_are_flagged() -> None:
    texts = ["nothing", "call +33123456789", None]
    assert after(texts, action="drop") == ["nothing", None]
    assert after(texts, action="drop", kinds="email") == texts
    step = Pii("s", action="flag")
    flagged = Pipeline([step]).fit(frame(texts)).transform(frame(texts))
    assert list(flagged["s_has_pii"]) == [False, True, False]


def frame(texts: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame({"s": texts}, schema={"s": pl.String})


def after(texts: list[Any], **fields: Any) -> list[Any]:
    return list(Pipeline([Pii("s", **fields)]).fit(frame(texts)).transform(frame(texts))["s"])


def test_names_need_presidio_and_a_model_that_is_here(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="kinds: name one, or give a model that finds names"):
        after(["Ada"], kinds=[])
    with pytest.raises(ConfigError, match=r"pip install 'genspark\[presidio\]'|is no folder with a spaCy model"):
        after(["Ada"], kinds=[], model=str(tmp_path / "none"))


def test_names_and_places_are_found_by_a_local_model(tmp_path: Path) -> None:
    pytest.importorskip("presidio_analyzer")
    import spacy

    # A model of two rules: what is tested is the way to it, not what a trained one knows.
    nlp = spacy.blank("en")
    names = [{"label": "PERSON", "pattern": "Ada Lovelace"}, {"label": "GPE", "pattern": "London"}]
    nlp.add_pipe("entity_ruler").add_patterns(names)
    nlp.to_disk(tmp_path / "model")
    texts = ["Ada Lovelace (ada@example.org) lives in London.", "nobody", None]
    out = after(texts, kinds="email", model=str(tmp_path / "model"))
    assert out == ["[PERSON] ([EMAIL]) lives in [PLACE].", "nobody", None]
    assert after(texts, kinds=[], model=str(tmp_path / "model"), action="drop") == ["nobody", None]
