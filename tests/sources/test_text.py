"""Csv and JSON of every kind, held to Spark's reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from test_shards import compare, source, write

pytestmark = pytest.mark.classic


@pytest.fixture(autouse=True)
def quick(interpreted: None) -> None:
    return


NESTED = b"""{"e":{"t":"2020-01-02 03:04:05","d":"2020-01-02","m":1.25,"l":["2020-01-02"]},"a":[{"t":"2020-01-02T03:04:05Z"},null]}
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
        (b'{"o":{"p":{"q":null}}}\n{"o":{"p":null}}\n{"o":null}\n{"o":{"p":{"q":"2020-01-01"}}}\n', "o struct<p:struct<q:date>>"),
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
        (b'a,b\n" x "," y\n', {}),
        (b"a\tb\n\xff\t\xc3\n", {"sep": "\t"}),
        ((",".join(f"c{i}" for i in range(100)) + "\n" + ",".join('"v,""1"' for _ in range(100)) + "\n").encode(), {}),
        (b'a,b\n"x",\'y\'\n', {"quote": ""}),
    ],
)
def test_csv_of_every_kind(spark: Any, tmp_path: Path, content: bytes, options: dict[str, Any]) -> None:
    write(tmp_path / "a.csv", content)
    compare(spark, source(tmp_path, "csv", options=options), ordered=True)
