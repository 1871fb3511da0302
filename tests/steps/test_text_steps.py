"""Steps for texts: normalize, quality, language and tokenize."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from tokenizers import Tokenizer

from genspark.errors import ConfigError, ModelError, SchemaError
from genspark.pipeline import Pipeline
from genspark.steps import Chunk, Language, Normalize, Quality, Step, Tokenize

TOKENIZER = Path(__file__).resolve().parents[1] / "contract" / "tokenizer.json"


def after(step: Step, texts: list[str | None]) -> pl.DataFrame:
    frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
    return Pipeline([step]).fit(frame).transform(frame)


def normal(texts: list[str | None], **fields: Any) -> list[str | None]:
    return after(Normalize("text", **fields), texts)["text"].to_list()


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_unicode_forms_are_those_of_the_standard_library(form: str) -> None:
    texts = [
        "cafe\u0301",
        "Ångström \u212b",
        "ﬁne ½ ①",
        "한글",
        "\uff57\uff49de",
        "naïve",
        "q\u0323\u0307",
        "plain",
        "",
    ]
    kept = {"controls": "keep", "whitespace": "keep"}
    assert normal([*texts, None], form=form, **kept) == [*(unicodedata.normalize(form, t) for t in texts), None]


@pytest.mark.parametrize(
    ("fields", "text", "expected"),
    [
        ({}, "  a \t b\u00a0 \r\n\r\n\r\n\r\n c\u200bd\x07 \n", "a b\n\ncd"),
        ({"whitespace": "one_line"}, " a\n\n b\tc ", "a b c"),
        ({"whitespace": "keep"}, " a\r\n\tb\ufeff", " a\n\tb"),
        # A joiner spells words: without it this family would be four people.
        ({}, "👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        (
            {"html": True},
            "<html><head><title>no</title><style>p {}</style></head><body><h1>A &amp; B</h1><p>one<br>two<script>x<y"
            "</script> <b>th</b>ree<!-- no --><ul><li>4<li>5</ul>",
            "A & B\none\ntwo three\n4\n5",
        ),
        ({"html": True}, "a < b and c > d & e", "a < b and c > d & e"),
        ({"html": True}, "a<![sS]>b<![if x]>c<!x>d<p>&#0;&#xD800;e</p", "abcd\n\ufffd\ufffde</p"),
        (
            {"lines": "c4"},
            "Menu\nThis line is kept.[1]\nToo short.\nIt uses cookies to track you.\nAnd so it goes on...",
            "This line is kept.",
        ),
    ],
)
def test_texts_are_written_in_one_way(fields: dict[str, Any], text: str, expected: str) -> None:
    assert normal([text, None], **fields) == [expected, None]


PROSE = (
    "The ship left the harbour at dawn and sailed to the east. Nobody on board had seen such a quiet sea before. "
    "They spoke of the weather, of old friends, and of the long road that lay ahead. When evening came, the captain "
    "lit a lamp with care. It would be a good night to read, to write a letter, or just to listen. "
    "Far away a bell rang twice. Then all was still."
)


def broken(text: str, **fields: Any) -> set[str]:
    """The rules that a text breaks."""
    frame = pl.DataFrame({"text": [text]})
    step = Quality("text", action="warn", **fields).bind(nw.from_native(frame).collect_schema())
    counted = {}
    for kernel in step.kernels({}):
        struct = kernel([frame["text"].to_arrow()])
        measured = nw.from_native(pl.DataFrame(pl.Series("s", struct)).unnest("s"))
        for rule, predicates in step.counts({}).items():
            counted[rule] = measured.select(predicates[0].alias("is_broken"))["is_broken"][0]
    return {rule for rule, is_broken in counted.items() if is_broken}


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (PROSE, set()),
        (" ".join(PROSE.split()[:40]), {"words", "sentences"}),
        (PROSE.replace(" t", " #t"), {"hashes_per_word"}),
        (PROSE.replace(". ", " … ") + " …" * 3, {"ellipses_per_word", "ellipsis_lines", "sentences"}),
        ("\n".join(f"- {part}." for part in PROSE.split(". ")), {"bullet_lines"}),
        (PROSE + " 1 2 3 4 5 6 7 8 9" * 3 + ".", {"alphabetic_words"}),
        (PROSE.translate(str.maketrans("aehto", "xxxxx")), {"stop_words"}),
        (
            PROSE + "\n" + PROSE,
            {"duplicate_lines", "duplicate_line_characters", *[f"duplicate_{n}_grams" for n in range(5, 11)]},
        ),
        (PROSE + " function() { return 1 }.", {"curly_brackets", "sentences"}),
        (PROSE + " Lorem ipsum dolor sit amet.", {"lorem_ipsum", "sentences"}),
    ],
)
def test_a_text_breaks_the_rules_that_papers_name(text: str, rules: set[str]) -> None:
    assert broken(text) == rules


def test_bounds_may_be_others_and_a_quarantined_text_says_which() -> None:
    short = "The cat sat on the mat and that was it."
    assert after(Quality("text", rules="gopher"), [PROSE, short, None])["text"].to_list() == [PROSE, None]
    kept = Quality("text", rules="gopher", bounds={"words": [5, None]}, action="drop")
    assert after(kept, [short])["text"].to_list() == [short]
    with pytest.raises(ConfigError, match="'word' is no rule; did you mean 'words'"):
        Quality("text", bounds={"word": None})
    with pytest.raises(ConfigError, match="'sentences' is a rule of c4, which rules leaves out"):
        Quality("text", rules="gopher", bounds={"sentences": None})


def test_languages_are_told_and_others_taken_out() -> None:
    texts = [PROSE, "El perro corre por la calle mientras los niños juegan en el parque.", None]
    told = after(Language("text"), texts)
    assert told["text_language"].to_list() == ["en", "es", None]
    assert told["text_language_score"].is_between(0.0, 1.0).to_list() == [True, True, None]
    assert after(Language("text", keep="es", action="drop"), texts)["text"].to_list() == texts[1:]
    assert after(Language("text", keep=["en"], least=1.0), texts)["text"].to_list() == [None]
    with pytest.raises(SchemaError, match="keep: 'xx' is no language of the model"):
        Language("text", keep="xx").bind({"text": nw.String()})


def test_tokens_are_those_of_tokenizers_each_once() -> None:
    texts = ["the cat sat on the mat.", "", "a dog", None]
    plain = Tokenizer.from_file(str(TOKENIZER))
    plain.no_truncation()
    plain.no_padding()
    for special in (True, False):
        expected = [None if t is None else plain.encode(t, add_special_tokens=special).ids for t in texts]
        step = Tokenize("text", str(TOKENIZER), special=special)
        assert after(step, texts)["text_tokens"].to_list() == expected
    assert after(Tokenize("text", str(TOKENIZER), most=2), texts)["text_tokens"].list.len().to_list() == [2, 1, 2, None]


def test_a_tokenizer_that_is_gone_or_another_is_refused(tmp_path: Path) -> None:
    path, rows = tmp_path / "tokenizer.json", pl.DataFrame({"text": ["the cat"]})
    with pytest.raises(SchemaError, match="tokenizer: .*cannot be read"):
        Tokenize("text", str(path)).bind({"text": nw.String()})
    path.write_text("{}")
    with pytest.raises(SchemaError, match="is no tokenizer.json"):
        Tokenize("text", str(path)).bind({"text": nw.String()})
    path.write_text(TOKENIZER.read_text())
    model = Pipeline([Tokenize("text", str(path))]).fit(rows)
    path.write_text(TOKENIZER.read_text().replace('"cat"', '"dog"'))
    with pytest.raises(ModelError, match="is another file than the model was fitted with"):
        model.transform(rows)


@pytest.mark.parametrize(("size", "overlap", "at"), [(40, 0, "words"), (40, 20, "words"), (17, 5, "characters")])
def test_pieces_without_their_overlaps_are_the_text(size: int, overlap: int, at: str) -> None:
    texts = [PROSE, "short", "x" * 100, "", None]
    found = after(Chunk("text", size=size, overlap=overlap, at=at), texts)["text_chunks"].to_list()
    assert found[3:] == [[], None]
    for text, pieces in zip(texts[:3], found[:3], strict=True):
        assert max(map(len, pieces)) <= size
        assert pieces[0] + "".join(piece[overlap:] for piece in pieces[1:]) == text
    if at == "words":
        assert all(piece.endswith(" ") for piece in found[0][:-1])


def test_an_overlap_of_more_than_half_is_refused() -> None:
    with pytest.raises(ConfigError, match="overlap: 6 of 10 characters"):
        Chunk("text", size=10, overlap=6)
