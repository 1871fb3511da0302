"""What moved between two models, and how it is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from genspark import PipelineModel
from genspark.cli import main
from genspark.pipeline import Pipeline
from genspark.pipeline.diff import Change
from genspark.steps import Impute, Outliers, Scale, Step


def fitted(columns: dict[str, list[Any]], *steps: Step) -> PipelineModel:
    return Pipeline(steps).fit(pl.DataFrame(columns).lazy())


BEFORE = fitted({"v": [1.0, 3.0]}, Impute(columns=["v"]), Scale(columns=["v"]))


def test_a_model_is_equal_to_itself() -> None:
    assert len(BEFORE.diff(BEFORE)) == 0
    assert str(BEFORE.diff(BEFORE)) == "nothing moved: the same columns, steps and parameters"


def test_every_parameter_that_moved_has_its_relative_change() -> None:
    after = fitted({"v": [1.0, 5.0]}, Impute(columns=["v"]), Scale(columns=["v"]))
    changes = {(c.step, c.path): (c.before, c.after, c.relative) for c in BEFORE.diff(after)}
    assert changes == {
        ("impute", "values.v"): (2.0, 3.0, 0.5),
        ("scale", "maps.v[0]"): (2.0, 3.0, 0.5),
        ("scale", "maps.v[1]"): (1.0, 2.0, 1.0),
    }


@pytest.mark.parametrize(
    ("before", "after", "relative"),
    [(-2.0, -1.0, 0.5), (4, 3, -0.25), (0.0, 1.0, None), (None, 1.0, None), (True, 2, None), ("a", "b", None)],
)
def test_the_relative_change_is_of_the_size_before(before: Any, after: Any, relative: float | None) -> None:
    assert Change("s", "p", "changed", before, after).relative == relative


def test_a_field_of_a_step_that_changed_is_told_with_its_default() -> None:
    rows = {"v": [1.0, 3.0]}
    before, after = (fitted(rows, Outliers(columns=["v"], threshold=t)) for t in (None, 4.0))
    changes = [(c.path, c.before, c.after) for c in before.diff(after) if not c.path.startswith("bounds")]
    assert changes == [("threshold", None, 4.0)]


def test_steps_that_came_or_went_are_told_whole() -> None:
    after = fitted({"v": [1.0, 3.0]}, Impute(columns=["v"]), Impute(columns=["v"], strategy="median"))
    changes = [(c.step, c.what, c.before, c.after) for c in BEFORE.diff(after)]
    assert changes == [
        ("scale", "removed", {"scale": {"columns": ["v"]}}, None),
        ("impute 2", "added", None, {"impute": {"columns": ["v"], "strategy": "median"}}),
    ]


def test_columns_that_came_went_or_changed_their_type_are_told() -> None:
    before = fitted({"a": [1], "b": [1]}, Impute(columns=["a"]))
    after = fitted({"a": [1.0], "c": [1]}, Impute(columns=["a"]))
    changes = [(c.path, c.what, c.before, c.after) for c in before.diff(after) if c.step == "input"]
    assert changes == [
        ("a", "changed", "Int64", "Float64"),
        ("b", "removed", "Int64", None),
        ("c", "added", None, "Int64"),
    ]


def test_steps_in_another_order_are_told() -> None:
    after = fitted({"v": [1.0, 3.0]}, Scale(columns=["v"]), Impute(columns=["v"]))
    (order,) = [change for change in BEFORE.diff(after) if change.path == "order of steps"]
    assert (order.before, order.after) == (["impute", "scale"], ["scale", "impute"])


def test_lists_are_compared_by_position_and_told_whole_where_their_lengths_differ() -> None:
    learnt: list[dict[str, Any]] = [
        {"m": [[1, 2], [3, 4]], "words": ["a"]},
        {"m": [[1, 2], [3, 5]], "words": ["a", "b"]},
    ]
    before, after = (replace(BEFORE, parameters=(each, {})) for each in learnt)
    changes = [(c.path, c.before, c.after) for c in before.diff(after) if c.step == "impute"]
    assert changes == [("m[1][1]", 4, 5), ("words", ["a"], ["a", "b"])]


def test_the_table_names_the_largest_changes_first() -> None:
    after = fitted({"v": [1.0, 5.0]}, Impute(columns=["v"]), Scale(columns=["v"]))
    assert BEFORE.diff(after).table(1).splitlines() == [
        "3 changes",
        "step   what       before  after  change",
        "scale  maps.v[1]  1       2      +100 %",
        "and 2 more, which moved less",
    ]


def test_the_command_line_prints_a_table_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(tmp_path / name) for name in ("a.json", "b.json")]
    BEFORE.save(paths[0])
    fitted({"v": [1.0, 5.0]}, Impute(columns=["v"]), Scale(columns=["v"])).save(paths[1])
    assert main(["diff", *paths]) == 0
    assert capsys.readouterr().out.startswith("3 changes\nstep    what       before  after  change\n")
    assert main(["diff", *paths, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert first == {
        "step": "impute",
        "path": "values.v",
        "what": "changed",
        "before": 2.0,
        "after": 3.0,
        "relative": 0.5,
    }


def test_a_model_that_is_not_there_is_the_users_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "nowhere.json", "nowhere.json"]) == 2
    assert "nowhere.json: there is no model here" in capsys.readouterr().err
