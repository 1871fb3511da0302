"""What a column is said to be made from is all that it depends on, for every registered step."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from cases import Case, cases_of, tables
from polars.testing import assert_series_equal
from pydantic import TypeAdapter

from genspark.errors import GensparkError
from genspark.pipeline import Pipeline
from genspark.steps import Step

USUAL: Any = pl.from_arrow(tables()["usual"])
REGISTRY = {kind: step for kind, step in Step.registry.items() if step.__module__.startswith("genspark.")}
CASES = [
    pytest.param(kind, case, id=f"{kind}-{number}") for kind in REGISTRY for number, case in enumerate(cases_of(kind))
]


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_other_columns_do_not_change_a_column(kind: str, case: Case) -> None:
    try:
        model = Pipeline([TypeAdapter(REGISTRY[kind]).validate_python(case.fields)], key=["id"]).fit(USUAL)
    except GensparkError:
        pytest.skip("these arguments do not fit this table")
    (step,) = model.steps
    usual = model.transform(USUAL.with_row_index("row"))
    for column in usual.drop("row", strict=False).columns:
        kept = {"id", *step.made_from(column)}
        assert kept <= set(USUAL.columns)
        others = [pl.col(name).reverse() for name in USUAL.columns if name not in kept]
        again = model.transform(USUAL.with_columns(others).with_row_index("row"))
        if "row" in usual.columns:
            # Other rows may be taken out now.
            both = usual.join(again, on="row", suffix=" again")
            before, after = both[column], both[f"{column} again"]
        else:
            before, after = usual[column], again[column]
        assert_series_equal(before, after, check_names=False)
