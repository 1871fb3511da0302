"""`genspark audit`, against values that fairlearn gives and intervals of SciPy."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from genspark.cli import main
from genspark.errors import ConfigError, SourceError
from genspark.tables.audit import Asked, audit
from genspark.tables.fairness import fairness

ROWS = pl.DataFrame(
    {
        "g": list("AAAABBBB"),
        "y": [1, 0, 1, 1, 0, 0, 1, 0],
        "p": [1, 0, 1, 0, 1, 0, 0, 0],
        "x": [1.0, None, 3.0, None, 5.0, 6.0, 7.0, 8.0],
    }
)


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = str(tmp_path / "table")
    ROWS.write_delta(path, delta_write_options={"partition_by": ["g"], "target_file_size": 1})
    return path


def test_differences_between_groups_are_fairlearns(table: str) -> None:
    told = audit(table, Asked(("g",), "y", "p", floor=1))
    # fairlearn 0.12: demographic_parity_difference, _ratio and equalized_odds_difference of these rows.
    assert told["fairness"] == pytest.approx(
        {
            "demographic_parity_difference": 0.25,
            "demographic_parity_ratio": 0.5,
            "equalized_odds_difference": 2 / 3,
            "equalized_odds_ratio": 0.0,
        }
    )
    by_group = {group["group"]: group for group in told["groups"]}
    assert by_group["A"]["label_rate"]["value"] == 0.75
    assert by_group["A"]["missing_a_row"] == 0.5
    assert by_group["B"]["missing_a_row"] == 0.0
    # scipy.stats.binomtest(4, 8).proportion_ci(method="wilson")
    assert by_group["A"]["share_interval"] == pytest.approx([0.215216, 0.784784], abs=1e-6)


def test_the_ratio_of_equalised_odds_is_the_worse_of_both_rates() -> None:
    rates = {"true_positive_rate": (0.8, 0.6, 0.4), "false_positive_rate": (0.2, 0.5, 0.3)}
    groups = [{name: {"value": values[place]} for name, values in rates.items()} for place in range(3)]
    # Of true positives 0.4 / 0.8, of false positives 0.2 / 0.5; no rates of outcomes, so no parity.
    assert fairness(groups, "prediction_rate") == pytest.approx(
        {"equalized_odds_difference": 0.4, "equalized_odds_ratio": 0.4}
    )
    none = [{name: {"value": 0.0} for name in rates}] * 2
    assert fairness(none, "prediction_rate")["equalized_odds_ratio"] == 1.0


def test_groups_of_few_rows_are_counted_and_not_compared(table: str) -> None:
    told = audit(table, Asked(("g", "x"), "y"))
    assert {group["rows"] for group in told["groups"]} == {1, 2}
    assert all(group["is_small"] and "label_rate" not in group for group in told["groups"])
    assert told["fairness"] == {}


def test_mistakes_are_named(table: str) -> None:
    with pytest.raises(ConfigError, match="'h' is not a column of"):
        audit(table, Asked(("h",)))
    with pytest.raises(ConfigError, match="--positive: say which outcome is counted; there are A, B"):
        audit(table, Asked(("y",), "g"))
    with pytest.raises(ConfigError, match="--positive: 'C' is no outcome"):
        audit(table, Asked(("y",), "g", positive="C"))
    with pytest.raises(SourceError, match="there is no Delta table"):
        audit(f"{table}-absent", Asked(("g",)))


def test_the_command_prints_groups_with_their_share_and_reference(
    table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", table, "--groups", "g", "--label", "y", "--reference", "A=0.6", "--floor", "1"]) == 0
    printed = capsys.readouterr().out
    assert "0.750 (0.301 to 0.954)" in printed
    assert "0.600" in printed
    assert "demographic parity difference" in printed


def test_no_two_groups_share_a_name(tmp_path: Path) -> None:
    # A column `rows` beside: what is counted does not take its name.
    texts = [None, "null", "(missing)", "a / b", "a"]
    rows = pl.DataFrame({"g": texts, "rows": [None, None, None, "c", "b / c"]})
    rows.write_delta(str(tmp_path / "table"))
    by_one = audit(str(tmp_path / "table"), Asked(("g",), reference={"(missing)": 0.1}))["groups"]
    assert {group["group"]: group["values"] for group in by_one} == {
        "(missing)": [None],
        "null": ["null"],
        "'(missing)'": ["(missing)"],
        "a / b": ["a / b"],
        "a": ["a"],
    }
    assert [group["group"] for group in by_one if "reference" in group] == ["(missing)"]
    by_two = audit(str(tmp_path / "table"), Asked(("g", "rows")))["groups"]
    assert {group["group"] for group in by_two} >= {"'a / b' / c", "a / 'b / c'", "(missing) / (missing)"}


def test_a_column_that_is_named_twice_counts_once_and_a_reference_is_a_share(
    table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", table, "--groups", "g,g", "--label", "y", "--prediction", "y", "--floor", "1"]) == 0
    assert "0.750" in capsys.readouterr().out
    assert main(["audit", table, "--groups", "g", "--reference", "A=2"]) != 0
    assert "--reference: a share is between 0 and 1; got 'A=2'" in capsys.readouterr().err
