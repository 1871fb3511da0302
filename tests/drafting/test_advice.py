"""What is advised for odd columns, and that the values in the table are sensible after it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from genspark import job
from genspark.config import JobConfig
from genspark.drafting import Answers, draft, look, proposed
from genspark.drafting.proposing import key_of, label_of

ROWS = 2000
NOTE = "please write to p{}@example.org, or call before the end of the day, as always"
DOCS = Path(__file__).parents[2] / "docs"


def drafted(rows: pl.DataFrame, place: Path, known: Answers | None = None) -> tuple[str, pl.DataFrame]:
    """The draft for some rows, each comment on one line, and the table that it gives."""
    rows.write_parquet(place / "rows.parquet")
    seen = look([str(place / "rows.parquet")])
    text = draft(seen, replace(known or proposed(seen), target=str(place / "table")))
    job.run(JobConfig.from_text(text))
    return re.sub(r"(?<=\w|,)\n  # ", " ", text), pl.read_delta(str(place / "table"))


def test_persons_are_left_out_and_masked_in_long_texts_where_nobody_is_asked(tmp_path: Path) -> None:
    numbers = range(300)
    rows = pl.DataFrame(
        {
            "id": numbers,
            "name": [f"Person {n}" for n in numbers],
            "contact": [f"p{n}@example.org" for n in numbers],
            "last_name": [f"Name {n % 30}" for n in numbers],
            "note": [
                f"{n}: please write to p{n}@example.org, or call before the end of the day, as always" for n in numbers
            ],
            "x": [n / 7 for n in numbers],
        }
    )
    text, table = drafted(rows, tmp_path)
    assert not {"name", "contact", "last_name"} & set(table.columns)
    assert table["note"].str.contains("[EMAIL]", literal=True).all()
    assert "contact 100% hold e-mail addresses, last_name by its name" in text
    # As answered, where neither names nor values tell.
    known = Answers(key=("id",), personal=("name", "x"))
    assert not {"name", "x"} & set(drafted(rows, tmp_path, known)[1].columns)


def test_tails_are_bent_before_a_rule_that_touches_few(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    sentinel = np.where(chance.random(ROWS) < 0.1, -999.0, chance.normal(50.0, 5.0, ROWS))
    infinite = chance.normal(0.0, 1.0, ROWS)
    infinite[:3] = np.inf
    normal = chance.normal(0.0, 1.0, ROWS)
    normal[7] = 6.0
    rows = pl.DataFrame(
        {
            "price": chance.lognormal(3.0, 1.2, ROWS),
            "profit": chance.standard_t(2, ROWS),
            "normal": normal,
            "sentinel": sentinel,
            "infinite": infinite,
        }
    )
    text, table = drafted(rows, tmp_path)
    assert text.index("transform: {name: bend_log1p, columns: [price]") < text.index("name: clip_deviations")
    greatest = {name: (table[name] == table[name].max()).mean() for name in rows.columns}
    assert max(share for share in greatest.values() if isinstance(share, float)) < 0.01
    assert "name: clip_deviations, columns: [normal" in text
    assert "name: tell_ranges, columns: [profit], method: iqr, threshold: 3.0, action: flag" in text
    assert table["profit_is_outlier"].mean() == pytest.approx(0.03, abs=0.02)
    assert f"stands for missing: sentinel -999 in {(sentinel == -999.0).mean():.1%}" in text
    assert table["sentinel_is_missing"].sum() == (sentinel == -999.0).sum()
    assert table.select(pl.col(rows.columns).is_finite().all()).row(0) == (True,) * 5
    assert table["sentinel"].min() > -6.0  # type: ignore[operator]


def test_codes_are_filled_by_a_code_and_not_scaled(tmp_path: Path) -> None:
    stars = [None if n % 8 == 0 else float(n % 5 + 1) for n in range(ROWS)]
    text, table = drafted(pl.DataFrame({"stars": stars, "x": [n**0.5 for n in range(ROWS)]}), tmp_path)
    assert set(table["stars"]) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert table["stars_is_missing"].mean() == 0.125
    assert "the most frequent; missing: stars 12.5%" in text


def test_a_key_is_one_by_its_nature_and_not_by_chance(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    area = chance.choice(np.arange(500, 9000), 60, replace=False)
    rows = pl.DataFrame(
        {"area": area, "order": [f"ORD-{n:04}" for n in range(60)], "order_no": area + 1, "row": range(60)}
    )

    def key(*columns: str) -> tuple[list[str], str]:
        rows.select(columns).write_parquet(tmp_path / "rows.parquet")
        return key_of(look([str(tmp_path / "rows.parquet")]))

    assert key("area")[0] == []
    assert "area is another in each of the 60 rows of the sample, by chance" in key("area")[1]
    assert key("area", "order") == (
        ["order"],
        "order is another in each of the 60 rows of the sample, and its values are identifiers of one pattern",
    )
    assert key("area", "order", "row", "order_no")[0] == ["order_no"]
    assert key("area", "row")[1].endswith("its values follow each other, from 0 to 59")


def test_texts_that_are_times_are_cast_and_names_of_things_are_left(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "when": [f"2024-0{n % 9 + 1}-01 0{n % 10}:30:00" for n in range(ROWS)],
            "zip": [f"{n % 90:05}" for n in range(ROWS)],
            "customer": [n % 400 for n in range(ROWS)],
        }
    )
    text, table = drafted(rows, tmp_path)
    assert table.schema["when"] == pl.Datetime("us", "UTC")
    assert table["when"].dt.minute().unique().to_list() == [30]
    assert sorted(table["customer"]) == sorted(rows["customer"])
    assert "digits that begin with 0 are codes, not numbers: zip" in text
    assert "numbers that name things measure nothing, and stay as they are: customer 400 values" in text


def test_codes_of_csv_keep_their_zeros(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("zip,n\n" + "".join(f"{at % 70:05},{at}\n" for at in range(200)))
    seen = look([str(tmp_path / "rows.csv")])
    assert [(column.name, column.dtype) for column in seen.columns] == [("zip", "String"), ("n", "Int32")]
    text = draft(seen, replace(proposed(seen), target=str(tmp_path / "table")))
    assert "# digits that begin with 0 are codes, and stay text: zip" in text
    assert job.run(JobConfig.from_text(text)).rows_written == 200


def test_many_rows_are_laid_out_by_a_name_of_few_values_too(tmp_path: Path) -> None:
    rows = pl.DataFrame({"x": [n**0.5 for n in range(ROWS)], "sort": ["a", "b", "b", "b"] * (ROWS // 4)})
    rows.write_parquet(tmp_path / "rows.parquet")
    seen = look([str(tmp_path / "rows.parquet")])
    assert "# sort (2 values) too would leave 50 rows in the smallest files, which are too few" in draft(seen)
    text = draft(replace(seen, rows=10_000_000))
    assert "# sort (2 values, 250,000 rows in the smallest): one is read" in text
    assert "partition_by: [split, sort]" in text
    rows.rename({"sort": "Sort of x"}).write_parquet(tmp_path / "rows.parquet")
    text = draft(replace(look([str(tmp_path / "rows.parquet")]), rows=10_000_000))
    assert "# sort_of_x (2 values, 250,000 rows in the smallest): one is read" in text
    assert "partition_by: [split, sort_of_x]" in text


def test_a_source_of_one_part_is_split(tmp_path: Path) -> None:
    rows = pl.DataFrame({"split": ["train"] * ROWS, "x": [n**0.5 for n in range(ROWS)]})
    _, table = drafted(rows, tmp_path)
    assert set(table["split"]) == {"train", "validation", "test"}


def test_a_name_tells_the_label_but_not_y_beside_x(tmp_path: Path) -> None:
    def label(*names: str) -> str:
        pl.DataFrame({name: [n % 3 for n in range(90)] for name in names}).write_parquet(tmp_path / "rows.parquet")
        return label_of(look([str(tmp_path / "rows.parquet")]))

    assert [label("a", "class", "survived"), label("a", "y"), label("x", "y")] == ["survived", "y", ""]


def test_the_page_shows_what_the_program_writes(data: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "first-look.md").read_text(), re.DOTALL)
    written = iter(draft(look([str(data / "titanic.csv")])).splitlines())
    absent = [line for line in shown.splitlines() if line.strip() != "# ..." and line not in written]
    assert absent == []
