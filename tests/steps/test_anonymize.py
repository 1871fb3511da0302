"""The step anonymize: the table of the paper on l-diversity, made k-anonymous, l-diverse and t-close."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import polars as pl
import pytest

from genspark.errors import ConfigError, DataError, SchemaError
from genspark.pipeline import Pipeline
from genspark.steps import Anonymize

# Figure 1 of Machanavajjhala et al., 2007.
ROWS = pl.DataFrame(
    {
        "zip": [*["13053", "13068", "13068", "13053"], *["14853"] * 2, *["14850"] * 2, *["13053"] * 2, *["13068"] * 2],
        "age": [28, 29, 21, 23, 50, 55, 47, 49, 31, 37, 36, 35],
        "nation": ["RU", "US", "JP", "US", "IN", "RU", "US", "US", "US", "IN", "JP", "US"],
        "ill": [*["heart"] * 2, *["viral"] * 2, "cancer", "heart", *["viral"] * 2, *["cancer"] * 4],
    }
)
COLUMNS = {"zip": {"prefixes": [4, 3]}, "age": {"bins": [10, 20]}, "nation": {}}


def test_the_hospital_becomes_the_3_diverse_table_of_the_paper() -> None:
    learnt, out = fitted(k=4, sensitive="ill", l=3, most=0)
    # Its figure 3: ZIP of 4 characters, ages in two halves, no nationality.
    assert classes(out) == {("1305", 30.0, None): 4, ("1306", 30.0, None): 4, ("1485", 50.0, None): 4}
    assert out["ill"].to_list() == ROWS["ill"].to_list()
    assert learnt["measures"] == {
        "rows": 12,
        "classes": 3,
        "k": 4,
        "unique": 0,
        "l": 3,
        "entropy_l": pytest.approx(2.8, abs=0.03),
        "t": pytest.approx(1 / 6),
    }


@pytest.mark.parametrize("action", ["drop", "quarantine"])
def test_rows_of_small_classes_are_taken_out(action: str) -> None:
    # One illness in the whole place 148..: its class tells it, and may go.
    flu = pl.when(pl.col("zip").str.starts_with("148")).then(pl.lit("flu")).otherwise("ill")
    learnt, out = fitted(ROWS.with_columns(ill=flu), k=4, sensitive="ill", l=2, most=0.4, action=action)
    assert learnt["suppressed"] == 4
    assert classes(out) == {("13053", 30.0, None): 4, ("13068", 30.0, None): 4}


def test_rows_that_tell_nothing_are_a_class_that_holds_too() -> None:
    # Three rows alone would be too few: another class joins them.
    learnt, out = fitted(ROWS.head(11), k=4, most=0.7, action="null")
    found = classes(out)
    assert found[(None, None, None)] == learnt["suppressed"] > 0
    assert min(found.values()) == learnt["measures"]["k"] >= 4


def test_it_loses_no_more_than_it_must() -> None:
    random = pl.Series("n", range(60))
    rows = pl.DataFrame({"a": (random * 7) % 11, "b": [f"{(i * 5) % 13:02d}" for i in range(60)]})
    columns = {"a": {"bins": [2, 4, 8]}, "b": {"prefixes": [1]}}
    learnt, out = fitted(rows, columns, k=6, most=0)
    assert min(Counter(out.select("a", "b").iter_rows()).values()) >= 6

    def at(level_a: int, level_b: int) -> int:
        widths = [1, 2, 4, 8]
        a = [None if level_a == 4 else x // widths[level_a] for x in rows["a"]]
        b = [None if level_b == 2 else x[: 2 - level_b] for x in rows["b"]]
        return min(Counter(zip(a, b, strict=True)).values())

    enough = {(i, j): i / 4 + j / 2 for i in range(5) for j in range(3) if at(i, j) >= 6}
    found = (learnt["columns"]["a"]["level"], learnt["columns"]["b"]["level"])
    assert enough[found] == min(enough.values())


def test_dates_and_groups_and_rows_that_come_later() -> None:
    days = [dt.date(2020, 1 + i % 3, 1 + i) for i in range(12)]
    jobs = ["nurse", "surgeon", "clerk"] * 4
    rows = pl.DataFrame({"born": days, "job": jobs})
    groups = [{"nurse": "health", "surgeon": "health"}, {"health": "work", "clerk": "work"}]
    columns = {"born": {"dates": ["month", "year"]}, "job": {"groups": groups}}
    model = Pipeline([Anonymize(columns, k=4, action="null")]).fit(rows)
    out = model.transform(rows)
    # Each month has one job here, so that days alone must get coarser.
    assert out.unique().sort("born").rows() == [("2020-01", "nurse"), ("2020-02", "surgeon"), ("2020-03", "clerk")]
    later = pl.DataFrame({"born": [dt.date(2020, 1, 30), dt.date(2020, 1, 30)], "job": ["nurse", "clerk"]})
    assert model.transform(later).rows() == [("2020-01", "nurse"), (None, None)]
    assert "2020-01-01" not in str(model.to_json())
    # With every job in each month, the groups are next.
    mixed = rows.with_columns(job=pl.Series(sorted(jobs)))
    learnt = Pipeline([Anonymize(columns, k=4)]).fit(mixed).parameters[0]
    assert [one["level"] for one in learnt["columns"].values()] in ([2, 0], [1, 2])


def test_mistakes_are_named_before_and_at_the_fit() -> None:
    with pytest.raises(SchemaError, match="columns: 'zap' is not a column; did you mean 'zip'"):
        fitted(columns="zap")
    with pytest.raises(SchemaError, match="columns: 'zip' is String, and its hierarchy needs numbers"):
        fitted(columns={"zip": {"bins": [2]}})
    with pytest.raises(ConfigError, match="bins: each width must be a multiple of the one before it"):
        fitted(columns={"age": {"bins": [2, 5]}})
    with pytest.raises(ConfigError, match="sensitive: l and t are about its values"):
        fitted(l=2)
    with pytest.raises(DataError, match=r"all 12 rows in one class do not reach the goal \(k 13, l 1\)"):
        fitted(k=13)
    wide = pl.DataFrame({"a": range(100_001)})
    with pytest.raises(DataError, match=r"columns \['a'\] have more than 100,000 combinations of values; make them"):
        fitted(wide, "a")


def fitted(rows: pl.DataFrame = ROWS, columns: Any = COLUMNS, **fields: Any) -> tuple[Any, pl.DataFrame]:
    model = Pipeline([Anonymize(columns, **fields)]).fit(rows)
    return model.parameters[0], model.transform(rows)


def classes(out: pl.DataFrame) -> Counter[Any]:
    return Counter(out.select("zip", "age", "nation").iter_rows())
