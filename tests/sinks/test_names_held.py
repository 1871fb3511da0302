"""What a table cannot hold by its name, and under which name it is held all the same."""

from __future__ import annotations

import narwhals as nw
import pytest

from genspark.config import Sink
from genspark.errors import TargetError
from genspark.sinks.names import check_names, held_names
from genspark.sinks.table import Table

X = nw.Float64()
DEEP = nw.Struct({"a": nw.List(X)})
for _ in range(30):
    DEEP = nw.Struct({"a": nw.List(DEEP)})
SINK = Sink(path="t")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            {"fine.`é": X, "trip distance": X},
            "sink: column 'trip distance' has a blank in its name, which no table holds; add a step "
            "rename: {columns: {'trip distance': trip_distance}}, or rename: {rule: snake_case}",
        ),
        ({"a,b": X}, "has a comma"),
        ({"s": nw.List(nw.Struct({"a=b": X}))}, "column 's' has a field 'a=b' with an equals sign in its name"),
        ({"Fare": X, "fare": X}, "columns 'Fare' and 'fare' differ in case alone"),
        ({"fine": DEEP, "d": nw.List(DEEP)}, "sink: column 'd' is nested more deeply"),
        ({f"a {i}": X for i in range(7)}, r"\(and 2 more columns\)"),
    ],
)
def test_what_a_table_cannot_hold_is_named_with_its_remedy(schema, message):
    with pytest.raises(TargetError, match=message.replace("{", r"\{").replace("}", r"\}")):
        check_names(Table("t"), SINK, schema, can_map=True, has_log=True)


def test_mapped_names_are_as_one_likes():
    mapped = {"delta.columnMapping.mode": "name"}
    check_names(Table("t"), Sink(path="t", properties=mapped), {"a b": X}, can_map=True, has_log=True)
    check_names(Table("t", 3, (), mapped), Sink(path="t", mode="append"), {"a b": X}, can_map=True, has_log=True)
    with pytest.raises(TargetError, match="delta.columnMapping.mode is written by Spark alone; set engine: spark"):
        check_names(Table("t"), Sink(path="t", properties=mapped), {"a": X}, can_map=False, has_log=True)


def test_names_that_are_held():
    names = ["a b", "a_b", "A B", "(%)", "x.y", "X.y", "_file"]
    held = ["a_b_2", "a_b", "a_b_3", "column", "x.y", "x_y", "_file_2"]
    assert held_names(names, taken=["_file"]) == dict(zip(names, held, strict=True))
