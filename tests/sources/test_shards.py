"""Shards read without Spark have the rows, columns and types that Spark gives them."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import pickle
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
import zstandard
from deltalake import write_deltalake
from PIL import Image

from genspark import sources as shards
from genspark.columns.expressions import is_hidden
from genspark.config import Source
from genspark.engines.fate import CORRUPT, FILE, RECORD
from genspark.errors import SourceError
from genspark.sources import ddl
from genspark.sources.formats import names
from genspark.sources.on_spark import read

# Readers that need no Spark are held to those of Spark, once.
pytestmark = pytest.mark.classic
COMPRESS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard.compress}
MESSY = b"""i,l,big,d,day,ts,b,s,e,mix,none
1,3000000000,12345678901234567890,1.5,2020-01-02,2020-01-02 03:04:05,true,x,,1,
+2,1,1,1e3,2020-01-03,2020-01-02T03:04:05.123456Z,FALSE,"x, y",,true,
-3,,-5,NaN,,2020-1-2 3:04:05.5+02:00,,"a ""b"" c",,2020-01-01,
007,12,7,.5,1999-12-31,2020-01-02,True,  spaced  ,,1.5,
"""


@pytest.fixture(autouse=True)
def quick(interpreted: None) -> None:
    return


def source(path: Any, kind: str, **fields: Any) -> Source:
    return Source(path=[str(p) for p in path] if isinstance(path, list) else str(path), format=kind, **fields)


def whole(uri: str) -> str:
    """Spark's name of a local file, with the empty host that it leaves out."""
    return uri.replace("file:/", "file:///", 1)


def plain(value: Any) -> Any:
    """A value that compares: NaN as text, Spark's rows as dicts, times without the zone UTC."""
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    return bytes(value) if isinstance(value, bytearray) else value


def mine(asked: Source, **options: Any) -> pl.DataFrame:
    return shards.scan(pickle.loads(pickle.dumps(shards.find_dataset(asked))), **options).collect()


def compare(spark: Any, asked: Source, *, ordered: bool = False) -> pl.DataFrame:
    """What both readers give, after checking that it is the same."""
    given = read(spark, asked)
    dataset = shards.find_dataset(asked)
    frame = shards.scan(dataset).collect()
    visible = [name for name in given.frame.columns if not is_hidden(name)]
    names = [*visible, *([CORRUPT] if given.tells_corrupt else [])]
    selected = given.frame.select([f"`{name}`" for name in names])
    theirs = [(f.name, f.dataType.simpleString()) for f in selected.schema.fields]
    assert [(name, ddl.name_of(dtype)) for name, dtype in frame.schema.items()] == theirs
    expected = [plain(row.asDict(recursive=True)) for row in selected.collect()]
    ours = [plain(row) for row in frame.to_dicts()]
    assert ours == expected if ordered else sorted(ours, key=repr) == sorted(expected, key=repr)
    assert dict(dataset.description) == given.description
    assert dataset.passes == given.passes
    return frame


def hold_well_formed(spark: Any, asked: Source) -> pl.DataFrame:
    """What our reader gives, line by line: well-formed records as Spark reads them, any other with its text."""
    frame, given = shards.scan(shards.find_dataset(asked)).collect(), read(spark, asked)
    theirs = given.frame.select([f"`{name}`" for name in frame.columns]).collect()
    for row, expected in zip(frame.to_dicts(), theirs, strict=True):
        if row[CORRUPT] is None:
            assert plain(row) == plain(expected.asDict(recursive=True))
    return frame


def write(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize(("kind", "content"), [("csv", MESSY), ("json", b'{"n":1,"s":"a"}\n{"n":2}\n{"n":3.5}\n')])
def test_compressed_text(spark: Any, tmp_path: Path, kind: str, content: bytes, ending: str) -> None:
    write(tmp_path / f"a.{kind}{ending}", COMPRESS[ending](content))
    assert compare(spark, source(tmp_path, kind), ordered=True).height == content.count(b"\n") - (kind == "csv")


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2020-01-01\ntrue,2020-01-01 00:00:00\n",
        b"a,b\n2020-1-1,2019\n2020-01,2020\n2020,1\n",
        b"a,b,c\n1d, 1,99999999999\n0x1p3,1 ,12345678901234567890\n5.,-Infinity,1.5\n",
        b"a,b\n2020-01-01,true\nx,1\n",
        b"a,A,,a b\n1,2,3,4\n",
        b"\xef\xbb\xbfa,b\r\n1,x\r\n2,y\r3,z\r\n",
        b'a\n1\n""\n2\n \n',
        b"a,b\n",
        b'a,b\n"NA",""\n\xff,\xc3\xa9\n',
    ],
)
def test_csv_that_is_inferred(spark: Any, tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "a.csv", content)
    compare(spark, source(tmp_path, "csv"), ordered=True)


def test_csv_without_a_header(spark: Any, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", b"1,x\n2,y\n")
    compare(spark, source(tmp_path, "csv", options={"header": False}))
    compare(spark, source(tmp_path, "csv", options={"header": False, "inferSchema": False}))


def test_records_that_are_not_well_formed_tell_of_no_type_and_keep_their_text(tmp_path: Path) -> None:
    lines = ["7,y", "x", "x,3,4", "", "  ", ",", '"x"y,1', '"x,1']
    write(tmp_path / "a.csv", "\n".join(["a,b", *lines]))
    assert mine(source(tmp_path, "csv")).rows() == [
        (7, "y", None),
        (None, None, "x"),
        (None, None, "x,3,4"),
        (None, None, None),
        (None, None, '"x"y,1'),
        (None, None, '"x,1'),
    ]


@pytest.mark.parametrize("block", [16, 1 << 20])
def test_records_of_several_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr("genspark.sources.parsing.blocks.BLOCK", block)
    records = ['1,"a\nb"', "2,c", '3,"x ""y\n\n"" z"', '4,"stray', "5,d", '6,"f\n"', '7,5" g', "8,h", '9,"open']
    write(tmp_path / "a.csv", "\n".join(["n,s", *records]))
    frame = mine(source(tmp_path, "csv", schema="n int, s string", options={"multiLine": True}))
    assert frame.rows() == [
        (1, "a\nb", None),
        (2, "c", None),
        (3, 'x "y\n\n" z', None),
        (None, None, '4,"stray'),
        (5, "d", None),
        (6, "f\n", None),
        (7, '5" g', None),
        (8, "h", None),
        (None, None, '9,"open'),
    ]


def test_records_of_several_lines_are_those_of_spark(spark: Any, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 'n,s\n1,"a\nb"\n2,"c ""d""\n"\n\n3,e\n')
    compare(spark, source(tmp_path, "csv", options={"multiLine": True}))


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b'a;b\nNA;1\nx;NA\n"";2\n', {"delimiter": ";", "nullValue": "NA"}),
        (b'a\tb\n1\t\n\t\n2\tx\n3\t"x\ty"\n', {"sep": "\\t"}),
        (b'a b c\n1  2\n  \n"x y"  3\n', {"sep": " "}),
        (b"a|b.c\n1,5|x\n12,000|y.\n", {"sep": "|"}),
        (b'a,b\n"x ""y"" z",1\n"p,""",2\n"",3\n5" x,4\n', {}),
        (b'a,b\n"x ""y"" z",1\n"p,""",2\n', {"escape": '"'}),
        (b'a,b\n"x \\"y\\" z",1\n"p,\\\\",2\n"c:\\n",3\nc:\\d,4\n', {"escape": "\\"}),
        (b"a,b\n#x,1\n'y,z',2\n", {"quote": "'", "comment": "#"}),
        ("a,b\né,1\n".encode("latin-1"), {"encoding": "ISO-8859-1"}),
        (b"a,b,c\nna,1,-inf\n1,na,x\nNaN,Inf,inf\n", {"nanValue": "na", "positiveInf": "inf", "negativeInf": "-inf"}),
    ],
)
def test_options_of_csv(spark: Any, tmp_path: Path, content: bytes, options: dict[str, str]) -> None:
    write(tmp_path / "a.csv", content)
    compare(spark, source(tmp_path, "csv", options=options), ordered=True)


def test_quotes_of_every_kind_in_csv(spark: Any, tmp_path: Path) -> None:
    draw = random.Random(5)
    signs = ['"', '"', "\\", ",", "a", " ", "b"]
    lines = ["".join(draw.choice(signs) for _ in range(draw.randrange(1, 12))) for _ in range(4000)]
    write(tmp_path / "a.csv", "a,b,c\n" + "\n".join(lines) + "\n")
    frame = hold_well_formed(spark, source(tmp_path, "csv", schema="a string, b string, c string"))
    assert 200 < frame[CORRUPT].null_count() < 3900
    # Each line is a row or has its text kept, and none is there twice.
    whole = [line for line in lines if line.strip()]
    assert [text or line for line, text in zip(whole, frame[CORRUPT], strict=True)] == whole


def test_fields_that_do_not_fit_the_schema_keep_the_others(spark: Any, tmp_path: Path) -> None:
    content = (
        b"a,b,c,d,e,f,g\n"
        b"1.234,1,2020-01-01 1:2:3,9999999999999999999,2020-01-01 00:00,2020-01-01,1.5\n"
        b"12345.6,1,,,,,\n,70000,,,,,\n,,x,,,,\n,,,x,,,\n,,,,T10:00,,\n,,,,,2020-1-1,\n,,,,,,x\n"
        b"NaN,1.0,2020-01-01T00:00:00+02:00,1, 2020-01-01,2020-02-30,1e999\n"
        b"1,2\n1,2,,,,,,8\n-1.005,-32768,2020-01-01,-1,2020-01-01 23:59:59.123456789,0999-01-01,-Inf\n"
    )
    write(tmp_path / "a.csv", content)
    schema = "a decimal(5,2), b smallint, c timestamp, d decimal(20,0), e timestamp_ntz, f date, g float"
    frame = hold_well_formed(spark, source(tmp_path, "csv", schema=schema))
    assert frame[CORRUPT].null_count() == 3
    # A value of another type leaves the others of its record.
    assert frame.filter(pl.col("a").is_null() & pl.col("b").is_not_null()).height


TIMES = """T10:00:00|10:00|2020-01-01 1|2020-01-01 24:00:00|2020-01-01 01:02:03 Europe/Paris|2020-01-01 01:02:03EST
2020-01-01 01:02:03+1|2020-01-01 01:02:03 +0100|2020-01-01 01:02:03UTC+1|20200101|2020|202|+2020-01-01|2020-01-01T
2020-01-01 |2020-01-01Z|2020-1-1 1:2|2020-01-01 01:02:60|2020-01-01 01:02:03.|2020-01-01 01:02:03.1234567
2020-01-01 01:02:03z|2020-01-01 01:02:03+19:00|2020-01-01  01:02:03|2020-01-01t01:02:03|2020-02-30
2020-01-01 01:02Z|2020-01-01 01:02:03-00:00|2020-01-01 010203|2020-01-01T01:02:03.5Z|x"""
NUMBERS = """1|1.|+1|1e5|1E+5|0x10| 1|1 |\u0661|Inf|inf|+Inf|-Inf|Infinity|+Infinity|-Infinity|NaN|nan|+NaN|1_0|1f|1D|1L
.5|-.5|.|1e|0x1p3|0x.8p1|1e400|-1e400|1,5|1.5.2|1234567890123456789012345678901234567890123|999.995|-1.005|1.005|0.004|1e2
1E-2|00001|--1|1234567890.12|1e-400|true |TRUE| true|False|2147483648|-2147483649|127|-129"""


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (TIMES, "a timestamp, b timestamp_ntz, c date"),
        (NUMBERS, "a double, b int, c decimal(5,2), d boolean, e decimal(38,0), f float, g tinyint, h bigint"),
    ],
)
def test_every_spelling_of_a_value(spark: Any, tmp_path: Path, texts: str, told: str) -> None:
    width = told.count(", ") + 1
    spellings = texts.replace("\n", "|").split("|")
    write(tmp_path / "a.csv", "\n".join(";".join([text] * width) for text in ["x", *spellings]))
    frame = compare(spark, source(tmp_path, "csv", schema=told, options={"sep": ";"}), ordered=True)
    assert frame.height == len(spellings)


@pytest.mark.parametrize(
    "texts",
    [
        "99999999999 12345678901234567890 1",
        "12345678901234567890 99999999999",
        "99999999999 12345678901234567890 1.5",
        "12345678901234567890 1e5",
        "1234567890123456789012345678901234567890",
        "12345678901234567890 5.",
        "000000000000000000000001",
        "2020-1-1 2020-01-01",
        "2020-01-01 2020-1-1",
        "2020-01-01 2019",
        "10:00 11:00",
    ],
)
def test_every_way_a_type_widens(spark: Any, tmp_path: Path, texts: str) -> None:
    write(tmp_path / "a.csv", "\n".join(["x;y", *(f"{text};1" for text in texts.split())]))
    compare(spark, source(tmp_path, "csv", options={"sep": ";"}), ordered=True)


def test_a_corrupt_record_keeps_its_place_among_many(tmp_path: Path) -> None:
    lines = [f'{n},"x, {n}"' if n % 3 else f"{n},y" for n in range(3000)]
    lines[1000] = "x,y"
    lines[2000] = "1"
    lines[2500] = '5,"q""r"'
    for name, part in (("a", lines[:1500]), ("b", lines[1500:])):
        write(tmp_path / f"{name}.csv", "\n".join(["n,s", *part]))
    frame = mine(source(tmp_path, "csv", schema="n int, s string"))
    assert frame["n"].to_list() == [None if n in (1000, 2000) else 5 if n == 2500 else n for n in range(3000)]
    assert [i for i, text in enumerate(frame[CORRUPT]) if text] == [1000, 2000]
    assert frame["s"][2500] == 'q"r'


def test_what_is_corrupt_does_not_depend_on_the_columns_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", b"n,s\n1,a\n2,b,extra\nx,c\n")
    asked = source(tmp_path, "csv", schema="n int, s string")
    lf = shards.scan(shards.find_dataset(asked))
    assert lf.filter(pl.col(CORRUPT).is_null()).select("s").collect().rows() == [("a",)]
    assert lf.select("s").collect()["s"].to_list() == ["a", None, "c"]
    assert lf.head(2).collect()[CORRUPT].to_list() == [None, "2,b,extra"]
    assert lf.select(pl.len()).collect().item() == 3
    assert mine(asked, corrupt=False).columns == ["n", "s"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_blocks_end_between_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    lines = ["n,s", *(f'{n},"x, {n}"' if n % 2 else f"{n},é" for n in range(30)), "x,y"]
    write(tmp_path / "a.csv", ending.join(lines))
    asked = source(tmp_path, "csv", schema="n int, s string")
    expected = mine(asked)
    assert expected["n"].to_list() == [*range(30), None]
    assert expected[CORRUPT].drop_nulls().to_list() == ["x,y"]
    for size in range(1, 40):
        monkeypatch.setattr("genspark.sources.parsing.blocks.BLOCK", size)
        assert mine(asked).equals(expected)


JSON = rb"""{"b":1,"a":{"y":1.5,"x":[1,2]},"c":null,"d":"2020-01-01","e":true,"f":[],"g":{}}
{"h":[{"p":1},{"q":"\u00e9"}]}
{"b":2.5,"a":{"z":"q"}}
{"b":

"s"
5
{"b":NaN}
{"b":12345678901234567890}
  {"b": 7, "d": "tab\tbed" }
{"b":01}
{"d":"a	b"}
"""


NOT_ONE_OBJECT = ["{'b':3}", '{"b":4} x', '{"b":5}{"b":6}', '[{"b":1},{"b":2}]', '{"b":1,}', "{b:1}"]


def test_lines_that_are_not_one_object_keep_their_text(tmp_path: Path) -> None:
    write(tmp_path / "a.json", "\n".join(['{"b":1}', *NOT_ONE_OBJECT, '{"b":2}']))
    expected = [(1, None), *((None, line) for line in NOT_ONE_OBJECT), (2, None)]
    assert mine(source(tmp_path, "json")).rows() == expected


def test_json_lines(spark: Any, tmp_path: Path) -> None:
    write(tmp_path / "a.json", JSON)
    frame = compare(spark, source(tmp_path, "json"), ordered=True)
    assert frame.columns == ["a", "b", "c", "d", "e", "f", "h", CORRUPT]


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"b":[1]}\n{"a":2.5,"b":[null,2.5]}\n',
        b'{"a":"x","s":{"p":1,"q":[1,2.50]}}\n{"a":1.50,"s":"t"}\n{"a":{"k":1.0}}\n{"a":[1,2]}\n{"a":true}\n',
        b'{"z":1}\n{"y":"2020-01-01 00:00:00"}\n{"x":9999999999}\n{"x":12345678901234567890}\n',
        b'{"a":{"b":{}},"c":[{}],"d":[[1],[2.5]],"e":{"f":null}}\n',
        b'{"a":"1"}\r\n{"a":"\xc3\xa9"}\r\n',
    ],
)
def test_json_that_is_inferred(spark: Any, tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "a.json", content)
    compare(spark, source(tmp_path, "json"), ordered=True)


def test_json_that_does_not_fit_the_schema(spark: Any, tmp_path: Path) -> None:
    content = b"""{"a":"x","s":{"p":1,"q":[1,2.50]},"n":1,"e":[{"k":1}],"m":1.005,"o":true}
{"a":1.50,"s":"t","n":"2"}
{"a":{"k":1.0},"n":1.0}
{"a":[1,2],"n":1e2}
{"n":99999999999}
{"a":"k","d":1}
{"a":"k","d":"1.5"}
{"ts":"2020-01-01","dt":"2020-01-01"}
{"d":"NaN","dt":"2020-1-1", "ts":"2020-01-01 1:2:3"}
{"s":{"p":"x","q":[1]}}
{"s":{"p":1,"q":[1,"x"]}}
{"e":[{"k":1},{"k":"x"}]}
{"e":{"k":1}}
{"A":1}
{"a":"","n":"","o":"true"}
{"ts":1577836800,"m":"2.5"}
{"o":1}
"""
    write(tmp_path / "a.json", content)
    schema = (
        "a string, s struct<p:int,q:array<double>>, n int, d double, ts timestamp, dt date, "
        "e array<struct<k:int>>, m decimal(5,2), o boolean"
    )
    compare(spark, source(tmp_path, "json", schema=schema), ordered=True)


def typed() -> pa.Table:
    moment = dt.datetime(2020, 1, 2, 3, 4, 5, 123456)
    return pa.table(
        {
            "u8": pa.array([1, None], pa.uint8()),
            "u16": pa.array([60000, None], pa.uint16()),
            "u32": pa.array([4_000_000_000, 1], pa.uint32()),
            "u64": pa.array([2**64 - 1, 0], pa.uint64()),
            "i8": pa.array([1, -1], pa.int8()),
            "f": pa.array([1.5, None], pa.float32()),
            "day": pa.array([moment.date(), None]),
            "at": pa.array([moment, None], pa.timestamp("us", "UTC")),
            "there": pa.array([moment, None], pa.timestamp("us")),
            "ms": pa.array([dt.datetime(2020, 1, 2), None], pa.timestamp("ms", "Europe/Paris")),
            "word": pa.array(["a", "b"]).dictionary_encode(),
            "money": pa.array([Decimal("1.25"), None], pa.decimal128(9, 2)),
            "many": pa.array([[1, 2], None], pa.list_(pa.int32())),
            "deep": pa.array(
                [{"x": 1, "y": ["a"]}, None], pa.struct([("x", pa.uint8()), ("y", pa.list_(pa.string()))])
            ),
            "raw": pa.array([b"\x00\xff", None], pa.binary()),
            "yes": pa.array([True, None]),
        }
    )


def test_types_of_parquet(spark: Any, tmp_path: Path) -> None:
    pq.write_table(typed(), tmp_path / "a.parquet")
    pq.write_table(typed(), tmp_path / "b.parquet")
    write(tmp_path / "_SUCCESS", b"")
    assert compare(spark, source(tmp_path, "parquet")).height == 4


def test_a_schema_chooses_the_columns_of_parquet(spark: Any, tmp_path: Path) -> None:
    pq.write_table(typed(), tmp_path / "a.parquet")
    assert compare(spark, source(tmp_path, "parquet", schema="yes boolean, i8 int, f double")).width == 3


def test_shards_of_the_same_types_written_otherwise(spark: Any, tmp_path: Path) -> None:
    moment = dt.datetime(2020, 1, 2, 3, 4, 5)
    kinds = [
        ("ms", pa.int16(), {}),
        ("us", pa.uint8(), {}),
        ("us", pa.int16(), {"use_deprecated_int96_timestamps": True}),
    ]
    for i, (unit, number, options) in enumerate(kinds):
        columns = {"at": pa.array([moment], pa.timestamp(unit, "UTC")), "n": pa.array([i], number)}
        pq.write_table(pa.table(columns), tmp_path / f"{i}.parquet", store_schema=False, **options)
    assert compare(spark, source(tmp_path, "parquet"))["at"].dt.replace_time_zone(None).to_list() == [moment] * 3


@pytest.mark.parametrize("kind", [pa.time64("us"), pa.duration("us")])
def test_types_that_no_table_holds(tmp_path: Path, kind: pa.DataType) -> None:
    pq.write_table(pa.table({"t": pa.array([1], kind)}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"source\.path: .*a\.parquet: column 't' is of type"):
        shards.find_dataset(source(tmp_path, "parquet"))


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_folders_that_tell_values(spark: Any, tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame({"n": [1, 2]})
    folders = [
        "day=2020-01-01/k=1/x=a",
        "day=2020-01-02/k=3000000000/x=b%20c",
        "day=2020-01-02/k=2/x=__HIVE_DEFAULT_PARTITION__",
    ]
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        target = tmp_path / folder / f"a.{kind}"
        {"parquet": frame.write_parquet, "csv": frame.write_csv, "json": frame.write_ndjson}[kind](target)
    assert compare(spark, source(tmp_path, kind)).height == 6
    assert compare(spark, source(f"{tmp_path}/day=2020-01-02", kind)).height == 4


def test_folders_deeper_down_are_read_only_when_asked(spark: Any, tmp_path: Path) -> None:
    for name in ("a.csv", "deep/b.csv", "deep/.hidden.csv", "_logs/c.csv"):
        write(tmp_path / name, b"n\n1\n")
    assert compare(spark, source(tmp_path, "csv")).height == 1
    assert compare(spark, source(tmp_path, "csv", options={"recursiveFileLookup": True})).height == 2


@pytest.mark.parametrize(
    ("pattern", "count"),
    [("*.csv", 3), ("[ab].csv", 2), ("[^a].csv", 2), ("{a,c}.csv", 2), ("?.csv", 3), ("{d/x,a}.csv", 2)],
)
def test_globs(spark: Any, tmp_path: Path, pattern: str, count: int) -> None:
    for name in ("a", "b", "c", "d/x"):
        write(tmp_path / f"{name}.csv", b"n\n1\n")
    assert compare(spark, source(f"{tmp_path}/{pattern}", "csv")).height == count


def test_a_glob_of_any_depth_and_a_list(tmp_path: Path) -> None:
    for name in ("a", "d/x", "d/e/y"):
        write(tmp_path / f"{name}.csv", b"n\n1\n")
    assert mine(source(f"{tmp_path}/**/*.csv", "csv")).height == 3
    assert mine(source([tmp_path / "a.csv", tmp_path / "d"], "csv")).height == 2


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_file_of_each_row_is_told_as_spark_tells_it(spark: Any, tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame({"n": [1, 2]})
    for name in ("a b#c", "é+%?=&'x", "plain"):
        target = tmp_path / f"{name}.{kind}"
        frame.write_csv(target) if kind == "csv" else frame.write_parquet(target)
    theirs = read(spark, source(tmp_path, kind)).frame.selectExpr("n", "_metadata.file_path").collect()
    files = mine(source(tmp_path, kind), with_file=True).select("n", FILE).rows()
    assert sorted(files) == sorted((n, whole(uri)) for n, uri in theirs)


def many_groups(path: Path, rows: int = 5000) -> Path:
    table = pa.table({"n": range(rows), "s": [f"{n:030d}" for n in range(rows)]})
    pq.write_table(table, path, row_group_size=300, compression="none", use_dictionary=False)
    return path


def test_tasks_of_row_groups_hold_every_row_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        many_groups(tmp_path / f"{name}.parquet")
    small = pa.table({"n": [-1], "s": ["x"]})
    for n in range(5):
        pq.write_table(small, tmp_path / f"c{n}.parquet")
    dataset = shards.find_dataset(source(tmp_path, "parquet"))
    tasks = dataset.split(60_000)
    assert len(tasks) > 8
    assert tasks == dataset.split(60_000)
    assert [shard.path for task in tasks for shard in task] == sorted(s.path for task in tasks for s in task)
    assert len(tasks[-1]) > 4
    whole, *parts = (
        # A file is one of those of its own dataset.
        shards.scan(some, with_file=True, with_record=True).with_columns(pl.col(FILE).cast(pl.String)).collect()
        for some in (dataset, *map(dataset.with_shards, tasks))
    )
    assert pl.concat(parts).rows() == whole.rows()
    assert whole[RECORD].to_list() == [*range(5000), *range(5000), 0, 0, 0, 0, 0]
    assert dataset.split(1 << 30) == [dataset.shards]


def test_delta_versions(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    for n in (1, 2):
        spark.createDataFrame([(n, "a")], "n int, s string").write.format("delta").mode("overwrite").save(path)
    assert compare(spark, source(path, "delta"))["n"].to_list() == [2]
    assert compare(spark, source(path, "delta", version=0))["n"].to_list() == [1]
    first = spark.sql(f"DESCRIBE HISTORY delta.`{path}`").collect()[-1]["timestamp"]
    assert compare(spark, source(path, "delta", timestamp=str(first)))["n"].to_list() == [1]


def test_delta_partitions(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "a table")
    rows = [(1, "a b/c", dt.date(2020, 1, 1), 1.5), (2, "é=%", None, 2.5), (3, None, dt.date(2020, 1, 2), None)]
    frame = spark.createDataFrame(rows, "n int, p string, day date, d double").selectExpr("*", "timestamp(day) at")
    frame.write.format("delta").partitionBy("p", "day", "at").save(path)
    assert compare(spark, source(path, "delta")).height == 3
    files = mine(source(path, "delta"), with_file=True).select("n", FILE).rows()
    theirs = read(spark, source(path, "delta")).frame.selectExpr("n", "_metadata.file_path").collect()
    assert sorted(files) == sorted((n, whole(uri)) for n, uri in theirs)


def test_a_delta_table_that_has_grown_columns(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    first = spark.sql("select 1 n, timestamp'2020-01-01 01:02:03.5' at, named_struct('x', 1) s")
    first.write.format("delta").save(path)
    more = spark.sql("select 2 n, timestamp'2020-01-02' at, named_struct('x', 2, 'y', 'z') s, 1.5d d, array(1) a")
    more.write.format("delta").mode("append").option("mergeSchema", "true").save(path)
    assert compare(spark, source(path, "delta")).height == 2


def test_delta_that_only_spark_reads_is_refused(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    spark.range(10).coalesce(1).write.format("delta").option("delta.enableDeletionVectors", "true").save(path)
    assert mine(source(path, "delta")).height == 10
    spark.sql(f"DELETE FROM delta.`{path}` WHERE id = 3")
    with pytest.raises(SourceError, match="deletion vectors"):
        shards.find_dataset(source(path, "delta"))
    mapped = str(tmp_path / "m")
    spark.range(1).write.format("delta").option("delta.columnMapping.mode", "name").save(mapped)
    with pytest.raises(SourceError, match="maps its columns by name"):
        shards.find_dataset(source(mapped, "delta"))


def arrow(path: Path) -> Source:
    return source(path, "arrow")


@pytest.mark.parametrize("opener", [pa.ipc.new_file, pa.ipc.new_stream])
def test_arrow_files_and_streams(tmp_path: Path, opener: Any) -> None:
    path = tmp_path / "a.arrow"
    with opener(path, typed().schema) as writer:
        writer.write_table(typed())
        writer.write_table(typed())
    asked = arrow(path)
    pq.write_table(typed(), tmp_path / "a.parquet")
    expected = mine(source(tmp_path / "a.parquet", "parquet"))
    assert mine(asked).equals(pl.concat([expected, expected]))
    assert mine(asked).schema == expected.schema


def test_orc_and_text(spark: Any, tmp_path: Path) -> None:
    pyarrow.orc.write_table(pa.table({"n": [1, 2], "s": ["a", None]}), tmp_path / "a.orc")
    write(tmp_path / "a.txt", " one\n\ntwo ")
    assert compare(spark, source(tmp_path / "a.orc", "orc")).height == 2
    assert compare(spark, source(tmp_path / "a.txt", "text"), ordered=True).height == 3


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, "png")
    return out.getvalue()


def test_images(spark: Any, tmp_path: Path) -> None:
    write(tmp_path / "big cats" / "a b.png", png(4, 3))
    write(tmp_path / "dogs" / "small" / "é.PNG", png(1, 2))
    write(tmp_path / "dogs" / "bad.jpg", b"no image")
    write(tmp_path / "dogs" / "notes.txt", b"not asked for")
    for path in (tmp_path, f"{tmp_path}/*", tmp_path / "dogs" / "bad.jpg"):
        frame = compare(spark, source(path, "images"))
    assert frame[CORRUPT].to_list() == ["not an image that can be read: UnidentifiedImageError"]
    assert mine(source(tmp_path, "images"), with_file=True)[FILE][0] == f"file://{tmp_path}/big%20cats/a%20b.png"


@pytest.mark.parametrize("kind", names())
def test_nothing_at_the_path(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceError, match=r"source\.path: .*nowhere"):
        shards.find_dataset(source(tmp_path / "nowhere", kind))


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "images", "delta"])
def test_an_empty_folder(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceError, match=r"source\.path: "):
        shards.find_dataset(source(tmp_path, kind))


def test_files_without_a_byte(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", b"")
    with pytest.raises(SourceError, match=r"source\.path: .*no record"):
        shards.find_dataset(source(tmp_path, "csv"))
    write(tmp_path / "b.csv", b"n\n1\n")
    assert mine(source(tmp_path, "csv"))["n"].to_list() == [1]


def test_options_that_only_spark_knows(tmp_path: Path) -> None:
    for name, value in (("dateFormat", "d.M.y"), ("mode", "DROPMALFORMED")):
        with pytest.raises(SourceError, match=rf"source\.options\.{name}: .*engine: spark"):
            shards.find_dataset(source(tmp_path, "csv", options={name: value}))


@pytest.mark.parametrize("text", ["a", "a dbl", "a int,", "a int b int", "a array<int", "a decimal(50,2)", "a-b int"])
def test_what_is_no_ddl(text: str) -> None:
    with pytest.raises(SourceError, match=r"source\.schema: .* is not DDL"):
        ddl.parse(text)


def test_ddl_is_read_as_spark_reads_it(spark: Any) -> None:
    text = "a INT, `b c` array<struct<x:double,y:string>> COMMENT 'z', c: decimal(5,2) NOT NULL, d timestamp_ntz"
    theirs = [(f.name, f.dataType.simpleString()) for f in spark.createDataFrame([], text).schema.fields]
    assert [(name, ddl.name_of(dtype)) for name, dtype in ddl.parse(text).items()] == theirs


def test_a_shard_of_another_schema_is_named(tmp_path: Path) -> None:
    pl.DataFrame({"n": [1], "s": ["a"]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"n": [1.5], "s": ["a"]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(
        SourceError, match=r"b\.parquet differs from the others: column 'n' is double, but bigint in .*a\.parquet"
    ):
        shards.find_dataset(source(tmp_path, "parquet"))
    write(tmp_path / "a.csv", b"n,s\n1,a\n")
    write(tmp_path / "b.csv", b"n,t\n1,a\n")
    with pytest.raises(SourceError, match=r"b\.csv differs from the others: column 2 is 't', but 's' in .*a\.csv"):
        shards.find_dataset(source(f"{tmp_path}/*.csv", "csv"))


def test_the_shard_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    many_groups(tmp_path / "a.parquet")
    bad = many_groups(tmp_path / "b.parquet")
    dataset = shards.find_dataset(source(tmp_path, "parquet"))
    assert shards.diagnose(dataset) == []
    assert shards.shard_error(dataset, OSError("the disk was asleep")) is None
    content = bytearray(bad.read_bytes())
    content[40_000:60_000] = b"\xff" * 20_000
    bad.write_bytes(content)
    with pytest.raises(pl.exceptions.PolarsError) as failure:
        shards.scan(dataset).collect()
    ((shard, cause),) = shards.diagnose(dataset)
    assert shard.path == str(bad)
    assert cause
    error = shards.shard_error(dataset, failure.value)
    assert str(bad) in str(error)
    bad.unlink()
    assert [cause for _, cause in shards.diagnose(dataset)] == ["the file is gone"]


def test_shards_that_are_cut_short_are_named(tmp_path: Path) -> None:
    cut = write(tmp_path / "a.csv.gz", gzip.compress("".join(f"{n},{n}\n" for n in range(50_000)).encode()))
    dataset = shards.find_dataset(source(tmp_path, "csv"))
    cut.write_bytes(cut.read_bytes()[:1000])
    with pytest.raises(Exception):  # noqa: B017 - whatever Polars makes of it
        shards.scan(dataset).collect()
    ((shard, _),) = shards.diagnose(dataset)
    assert shard.path == str(cut)
    write(tmp_path / "p.parquet", b"PAR1 and no more")
    with pytest.raises(SourceError, match=r"p\.parquet is not parquet that can be read"):
        shards.find_dataset(source(tmp_path / "p.parquet", "parquet"))


ROWS = pl.DataFrame({"n": list(range(20_000)), "s": [f"text {n}" for n in range(20_000)]})


def write_shards(folder: Path, kind: str) -> None:
    """Two shards, or a table of two files."""
    for name in ("a", "b"):
        path = folder / f"{name}.{kind}"
        if kind == "delta":
            write_deltalake(folder, ROWS.to_arrow(), mode="append")
        elif kind == "orc":
            pyarrow.orc.write_table(ROWS.to_arrow(compat_level=pl.CompatLevel.oldest()), path)
        elif kind == "text.gz":
            write(path, gzip.compress("\n".join(ROWS["s"]).encode()))
        else:
            {"parquet": ROWS.write_parquet, "arrow": ROWS.write_ipc, "avro": ROWS.write_avro}[kind](path)


@pytest.mark.parametrize("harm", ["cut", "other", "gone"])
@pytest.mark.parametrize("kind", ["parquet", "arrow", "orc", "avro", "delta", "text.gz"])
@pytest.mark.parametrize("is_late", [pytest.param(False, marks=pytest.mark.exhaustive), True])
def test_a_file_that_is_harmed_is_named(tmp_path: Path, kind: str, harm: str, is_late: bool) -> None:
    """Before the shards are found (it is no shard then where it is gone, but for a table's log), or after."""
    write_shards(tmp_path, kind)
    asked = source(tmp_path, kind.removesuffix(".gz"))
    found = shards.find_dataset(asked) if is_late else None
    bad = max(tmp_path.glob("*.*"))
    content = bad.read_bytes()
    if harm == "gone":
        bad.unlink()
    else:
        bad.write_bytes(content[: len(content) // 2] if harm == "cut" else b"no such bytes " * 5_000)
    if harm == "gone" and not is_late and kind != "delta":
        return
    error: Exception | None = None
    try:
        found = found or shards.find_dataset(asked)
        shards.scan(found).collect()
    except SourceError as refused:
        error = refused
    except Exception as failed:
        assert found is not None
        error = shards.shard_error(found, failed)
    assert isinstance(error, SourceError)
    assert bad.name in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["taxis.csv", "titanic.csv"])
def test_real_csv(spark: Any, data: Path, name: str) -> None:
    assert compare(spark, source(data / name, "csv"), ordered=True).height > 800


def test_real_arrow(data: Path) -> None:
    path = data / "flights-200k.arrow"
    asked = arrow(path)
    frame = mine(asked)
    with pa.memory_map(str(path)) as file:
        opened = pa.ipc.open_file(file) if path.read_bytes()[:6] == b"ARROW1" else pa.ipc.open_stream(file)
        expected = opened.read_all()
    assert frame.height == expected.num_rows
    assert frame.sum().row(0) == pl.from_arrow(expected).sum().row(0)
