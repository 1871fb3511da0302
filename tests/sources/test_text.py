"""Csv and JSON of every kind, held to Spark's reader."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from test_shards import compare, mine, source, write

from genspark import job
from genspark.config import JobConfig
from genspark.engines.fate import CORRUPT
from genspark.sources.formats.csv import records as csv_records
from genspark.sources.formats.csv.dialect import dialect as csv_dialect
from genspark.sources.formats.json import values as json_values

pytestmark = pytest.mark.classic


@pytest.fixture(autouse=True)
def quick(interpreted: None) -> None:
    return


HEADLESS = {"csv": "header: false", "json": ""}
NESTED = b"""{"e":{"t":"2020-01-02 03:04:05","d":"2020-01-02","m":1.25,"l":["2020-01-02"]},"a":[{"t":"2020"},null]}
{"e":null,"a":[]}
{"e":{},"a":null}
{"e":{"t":null,"l":[null]},"a":[{"t":null},{}]}
{}
{"e":{"m":null,"l":[]},"a":[{"t":"2021-01-01"}]}
"""
TOLD = "e struct<t:timestamp,d:date,m:decimal(6,2),l:array<date>>, a array<struct<t:timestamp>>"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (NESTED, TOLD),
        (b'{"s":1,"t":1577836800}\n{"s":"x","t":"2020-01-01"}\n{"s":null}\n{"s":-5,"t":-1}\n', "s string, t timestamp"),
        (b'{"s":99999999999999999999}\n{"s":1.50}\n{"s":1e5}\n', "s string"),
        (b'{"b":"aGk="}\n{"b":null}\n{"b":""}\n', "b binary"),
        ('{"s":"é\\u00e9\\ud83d\\ude00\\n\\/"}\n  {"s":"\\u2028\u2028"}\t\n'.encode(), "s string"),
        (b'{"d":1,"l":[1,2.5,null]}\n{"d":-0.0,"l":[]}\n{"d":1e-320}\n', "d double, l array<double>"),
        (b'{"a":[[1],[],null,[null]]}\n{"a":[]}\n', "a array<array<int>>"),
        (b'{"o":{"p":{"q":null}}}\n{"o":{"p":null}}\n{"o":{"p":{"q":"2020-01-01"}}}\n', "o struct<p:struct<q:date>>"),
        (b'{"s":"x","o":{"s":1}}\n{"s":1.50,"o":{"s":2}}\n{"s":true}\n', "s string, o struct<s:timestamp>"),
        (b'{"f":1.1}\n{"f":16777217}\n', "f float"),
        (b'{"m":1}\n{"m":1.005}\n{"m":-0.5}\n{"m":1e2}\n', "m decimal(5,2)"),
        (b'{"l":[1,"x",true,null]}\n{"l":["a"]}\n', "l array<string>"),
    ],
)
def test_json_of_every_kind(spark: Any, tmp_path: Path, content: bytes, told: str) -> None:
    write(tmp_path / "a.json", content)
    compare(spark, source(tmp_path, "json", schema=told), ordered=True)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b'"a, b",c\n1,2\n', {}),
        (b"a,b\r1,2\r3,4\r", {}),
        (b'a,b\n1,"x\n#y\n\n z"\n#c\n\n2,w\n', {"multiLine": True, "comment": "#"}),
        (b'a\n""\n"x,y"\n\n" "\n', {}),
        (b'a,b\n"",NA\n"NA",\n', {"nullValue": "NA"}),
        (b'a,b\n" x ", y\n', {}),
        (b"a\tb\n\xff\t\xc3\n", {"sep": "\t"}),
        ((",".join(f"c{i}" for i in range(100)) + "\n" + ",".join('"v,""1"' for _ in range(100)) + "\n").encode(), {}),
        (b"a,b\n\"x\",'y'\n", {"quote": ""}),
    ],
)
def test_csv_of_every_kind(spark: Any, tmp_path: Path, content: bytes, options: dict[str, Any]) -> None:
    write(tmp_path / "a.csv", content)
    compare(spark, source(tmp_path, "csv", options=options), ordered=True)


@pytest.mark.parametrize("inner", ["", ',"o":{"s":1}'])
def test_json_that_mixes_texts_and_numbers(spark: Any, tmp_path: Path, inner: str) -> None:
    texts = ['"x"', "1", "-1.50", "true", "null", '"1"', "1e5", '"\\"s\\":1"']
    write(tmp_path / "a.json", "\n".join(f'{{"n":{i},"s": {text}{inner}}}' for i, text in enumerate(texts)))
    frame = compare(spark, source(tmp_path, "json"), ordered=True)
    assert frame["s"].to_list() == ["x", "1", "-1.50", "true", None, "1", "1e5", '"s":1']


def mutated(draw: random.Random, line: str, signs: list[str]) -> str:
    """A line with up to four signs put in, put for others, left out or doubled."""
    altered = list(line)
    for _ in range(draw.choice([0, 1, 1, 2, 4])):
        at = draw.randrange(len(altered) + 1)
        altered[at : at + draw.randrange(3)] = draw.choice(
            [[draw.choice(signs)], [draw.choice(signs)], [], altered[:at][-5:]]
        )
    return "".join(altered)


def fuzzed_csv(lines: int, sep: str = ",", quote: str = '"') -> list[str]:
    """Lines of three fields, most of them damaged, that are not blank."""
    draw = random.Random(7)
    signs = [*"ab \0\x01#;\u2028\x85\\", sep, sep, *quote * 3]

    def field() -> str:
        text = "".join(draw.choice(["a", "1", " ", "é", sep, quote]) for _ in range(draw.randrange(5)))
        return f"{quote}{text.replace(quote, quote * 2)}{quote}" if quote else text.replace(sep, "")

    made = (mutated(draw, sep.join(field() for _ in range(3)), signs) for _ in range(lines))
    return [line for line in made if any(sign > " " for sign in line)]


def fuzzed_json(lines: int) -> list[str]:
    """Objects, most of them damaged, in lines that are not blank."""
    draw = random.Random(8)
    signs = [*"{}[]\",:\\ab1e-+.\0\x01 \t'", "\\u", "\\ud800", "NaN", "null", "{}", '"n":1,', "1e999", "\u2028"]
    others = [None, 1, 2.5, "x", 'é\n"', "2020-01-01", True, [], [1, None], {"k": 2}, {}]

    def line() -> str:
        whole = {
            "n": draw.randrange(100),
            "s": "t",
            "t": "2020-01-02 03:04:05",
            "o": {"k": 1, "w": "2020-01-01"},
            "l": [1],
        }
        kept: dict[str, Any] = {name: value for name, value in whole.items() if draw.random() < 0.8}
        if draw.random() < 0.3:
            kept[draw.choice("nstol")] = draw.choice(others)
        return mutated(draw, json.dumps(kept, ensure_ascii=draw.random() < 0.5), signs)

    return [made for made in (line() for _ in range(lines)) if made.strip(" \t")]


@pytest.mark.parametrize(("sep", "quote"), [(",", '"'), ("\t", '"'), (" ", "'"), ("|", "")])
def test_fuzzed_csv_is_what_the_standard_library_reads(tmp_path: Path, sep: str, quote: str) -> None:
    lines = fuzzed_csv(10_000, sep, quote)
    write(tmp_path / "a.csv", "\n".join(lines) + "\n")
    options = {"header": "false", "sep": sep, "quote": quote, "escape": quote}
    found = mine(source(tmp_path, "csv", schema="a string, b string, c string", options=options)).rows()
    quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE

    def expected(line: str) -> tuple[str | None, ...]:
        try:
            fields = next(csv.reader([line], delimiter=sep, quotechar=quote or None, quoting=quoting, strict=True))
        except csv.Error:
            fields = []
        return (*(text or None for text in fields), None) if len(fields) == 3 else (None, None, None, line)

    assert found == [expected(line) for line in lines]
    assert 1000 < sum(row[-1] is None for row in found) < len(lines) - 1000


@pytest.mark.parametrize("null", ["", "NA"])
def test_a_block_with_few_ragged_lines_is_read_as_line_by_line(null: str) -> None:
    draw = random.Random(5)
    form = csv_dialect({"nullValue": null, "header": "false"})
    for _ in range(50):
        lines = [",".join(draw.choice(["", "é", "7", "NA", " "]) for _ in range(3)) for _ in range(60)]
        for place in draw.sample(range(60), draw.randrange(4)):
            lines[place] = draw.choice(["", " \t", "a", "a,b", "a,b,c,d", ",,,,"])
        block = ("\n".join(lines) + "\n").encode()
        names = ["a", "b", "c"]
        at_once, by_line = csv_records._whole(block, form, names), csv_records._by_line(block, form, names)
        assert at_once is not None
        assert_frame_equal(at_once.frame, by_line.frame)
        assert (at_once.odd is None) == (by_line.odd is None)
        if at_once.odd is not None and by_line.odd is not None:
            assert at_once.odd.to_list() == by_line.odd.to_list()
            assert at_once.text(at_once.odd).to_list() == by_line.text(by_line.odd).to_list()


@pytest.mark.parametrize("told", [None, "n long, s string, t timestamp, o struct<k:int,w:date>, l array<long>"])
def test_fuzzed_json_is_what_the_standard_library_reads(tmp_path: Path, told: str | None) -> None:
    lines = fuzzed_json(10_000)
    write(tmp_path / "a.json", "\n".join(lines) + "\n")
    kept = mine(source(tmp_path, "json", schema=told))[CORRUPT].to_list()
    assert [text or line for line, text in zip(lines, kept, strict=True)] == lines

    def is_object(line: str) -> bool:
        try:
            value = json.loads(line)
            json.dumps(value, ensure_ascii=False).encode()
        except ValueError:
            return False
        return isinstance(value, dict)

    good = [is_object(line) for line in lines]
    whole = [text is None for text in kept]
    # Under a schema a well-formed line may hold a value of another type.
    assert whole == good if told is None else all(good[i] for i, is_whole in enumerate(whole) if is_whole)
    assert 1000 < sum(whole) < len(lines) - 1000


@pytest.mark.parametrize("told", [None, "n int, l string"])
def test_json_that_is_nested_too_deeply_is_corrupt_and_crashes_no_parser(tmp_path: Path, told: str | None) -> None:
    def arrays(levels: int) -> str:
        return "[" * levels + "]" * levels

    def line(inner: str) -> str:
        return '{"n":1,"l":' + inner + "}"

    good = [line(arrays(59)), line(json.dumps("[" * 99)), line(json.dumps('\\"' + "{" * 99)), line(arrays(1)[:1] + "]")]
    good.append(line("[" + ",".join(["[]"] * 99) + "]"))
    bad = [line(arrays(60)), line(arrays(100_000)), '{"a":' * 500 + "1" + "}" * 500, line(json.dumps("[" * 9)[:-1])]
    write(tmp_path / "a.json", "\n".join([*good, *bad]))
    assert mine(source(tmp_path, "json", schema=told))[CORRUPT].to_list() == [None] * len(good) + bad


def test_a_bad_record_costs_one_records_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {"csv": 0, "json": 0}
    extracted, row = csv_records._extracted, json_values.row

    def counted(records: pl.Series, *rest: Any) -> pl.DataFrame:
        slow["csv"] += len(records)
        return extracted(records, *rest)

    def counted_row(*given: Any) -> Any:
        slow["json"] += 1
        return row(*given)

    monkeypatch.setattr(csv_records, "_extracted", counted)
    monkeypatch.setattr(json_values, "row", counted_row)
    good, bad = {"csv": '1,"x"', "json": '{"n":1,"s":"x"}'}, {"csv": '1,"x', "json": '{"n":1,"s":x"}'}
    for kind in slow:
        lines = [bad[kind] if i % 1000 == 500 else good[kind] for i in range(20_000)]
        write(tmp_path / f"a.{kind}", "\n".join(lines))
        options = {"header": "false"} if kind == "csv" else {}
        frame = mine(source(tmp_path / f"a.{kind}", kind, schema="n int, s string", options=options))
        assert frame[CORRUPT].drop_nulls().to_list() == [bad[kind]] * 20
    # JSON is looked at in pieces of 32 lines where one of them cannot be read.
    assert slow == {"csv": 0, "json": 20}


def test_a_text_column_of_objects_is_parsed_apart_from_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [{"a": [1, "x"]}, [1, {}], "text", None, 7, True]
    rows = [{"n": n, "s": values[n % 6]} for n in range(6_000)]
    lines = [json.dumps(row) if row["n"] % 200 else '{"n":1,"s":{' for row in rows]
    read_alone: list[str] = []
    row = json_values.row
    monkeypatch.setattr(json_values, "row", lambda line, schema: read_alone.append(line) or row(line, schema))
    write(tmp_path / "a.json", "\n".join(lines))
    frame = mine(source(tmp_path, "json", schema="n int, s string"))
    assert frame[CORRUPT].to_list() == [None if row["n"] % 200 else line for row, line in zip(rows, lines, strict=True)]
    kept = [row for row in rows if row["n"] % 200]
    assert frame.filter(pl.col(CORRUPT).is_null())["n"].to_list() == [row["n"] for row in kept]
    assert frame.filter(pl.col(CORRUPT).is_null())["s"].to_list() == [
        value if value is None or isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for value in (row["s"] for row in kept)
    ]
    assert len(read_alone) < 100


@pytest.mark.parametrize("engine", ["polars", "spark-polars", "spark"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_job_writes_or_quarantines_every_line(tmp_path: Path, kind: str, engine: str) -> None:
    lines = fuzzed_csv(10_000) if kind == "csv" else fuzzed_json(10_000)
    places = [write(tmp_path / "in" / f"{i}.{kind}", "\n".join(lines[i::2]) + "\n") for i in range(2)]
    form = (
        "a string, b string, c string" if kind == "csv" else "n long, s string, o struct<k:int,w:date>, l array<long>"
    )
    report = job.run(
        JobConfig.from_text(
            f"name: fuzzed\nengine: {engine}\nsteps: []\nsink: {{path: {tmp_path}/table}}\n"
            f"source: {{path: {tmp_path}/in, format: {kind}, schema: '{form}', options: {{{HEADLESS[kind]}}}}}\n"
        )
    )
    kept = pl.read_delta(str(report.quarantine))
    assert pl.read_delta(report.table).height + kept.height == len(lines)
    for i, place in enumerate(places):
        texts = kept.filter(pl.col("_file") == f"file://{place}")["_corrupt_record"]
        # None is there more often than it was given.
        given = pl.Series("_corrupt_record", lines[i::2]).value_counts()
        counts = texts.value_counts().join(given, on="_corrupt_record", how="left")
        assert counts.select((pl.col("count") <= pl.col("count_right").fill_null(0)).all()).item()
    assert kept["_file"].is_in([f"file://{place}" for place in places]).all()


def test_numbers_beyond_every_type_are_corrupt(tmp_path: Path) -> None:
    long = "9" * 5000
    write(tmp_path / "a.json", f'{{"t":{long}}}\n{{"t":253402300800}}\n{{"n":{long}}}\n')
    write(tmp_path / "a.csv", f"n\n{long}\n")
    frame = mine(source(tmp_path / "a.json", "json", schema="n int, t timestamp"))
    assert frame[CORRUPT].null_count() == 0
    assert mine(source(tmp_path / "a.csv", "csv", schema="n int"))[CORRUPT].to_list() == [long]


def test_a_column_may_be_called_as_any_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("value\n1.5\n+1_0\n")
    frame = mine(source(tmp_path, "csv"))
    assert frame["value"].to_list() == ["1.5", "+1_0"]
