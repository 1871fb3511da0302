"""Values of columns that a step hides are in no message, and are shown nowhere that a model is told."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl
import pytest

from genspark.errors import DataError, SourceError
from genspark.pipeline import Pipeline, PipelineModel
from genspark.pipeline.describe import describe
from genspark.pipeline.history import histories
from genspark.pipeline.personal import personal_before, unsampled
from genspark.report.fates import followed_by_group
from genspark.steps import Anonymize, Chunk, Expect, Impute, Pii, Pseudonymize, Rename, Transform, Validate

ROWS = pl.DataFrame({"user": [4711, 4711, 12], "mail": ["ada@example.org", "ada@example.org", None], "x": [1.0, 2, 3]})


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENSPARK_PSEUDONYM_KEY", "a key of 16 characters")


def test_columns_are_followed_from_the_source_to_the_step_that_hides_them_and_beyond() -> None:
    texts = pl.DataFrame({"who": ["ada"], "body": ["a b c"]})
    steps = [Rename({"who": "user"}), Pseudonymize("user"), Pii("body"), Chunk("body", size=2, overlap=0)]
    model = Pipeline(steps).fit(texts)
    before = [known & {"who", "user", "body"} for known in personal_before(model.steps)]
    assert before[0] == {"who", "body"}
    assert before[1] >= {"user", "body"}
    assert "user" not in before[2]
    assert "body" not in before[3]
    # A pattern leaves what it does not find.
    assert unsampled(model.steps) & {"user", "body"} == {"body"}


@pytest.mark.parametrize(
    "step",
    [
        Validate(rules=[{"columns": "user", "between": [0, 100], "level": "error"}]),
        Expect(rules=[{"columns": "user", "most": [0, 100]}]),
        Transform(columns="user", function="box-cox", invalid="error"),
    ],
    ids=["validate", "expect", "transform"],
)
def test_no_error_has_a_value(step: Any) -> None:
    rows = ROWS.with_columns(user=pl.col("user") - 4800 if isinstance(step, Transform) else pl.col("user"))
    hiding = Anonymize(columns={"user": {}}, k=2) if isinstance(step, Transform) else Pseudonymize("user")
    for steps in ([step, hiding], [step]):
        with pytest.raises(DataError, match="user") as caught:
            Pipeline(steps).fit(rows).transform(rows)
        assert ("***" in str(caught.value)) == (len(steps) == 2)
        assert any(value in str(caught.value) for value in ("4711", "-4788")) == (len(steps) == 1)


def test_no_groups_are_named_by_values_that_a_step_hides() -> None:
    model = Pipeline([Impute("x"), Pseudonymize("user")]).fit(ROWS)
    with pytest.raises(SourceError, match="'user' tells of persons"):
        followed_by_group(model, ROWS, ["user"])


def test_what_steps_learnt_of_a_column_that_a_later_one_hides_is_told_and_not_shown() -> None:
    model = Pipeline([Impute(["mail"], strategy="mode"), Pii("mail")]).fit(ROWS)
    other = Pipeline([Impute(["mail"], strategy="mode"), Pii("mail")]).fit(ROWS.with_columns(mail=pl.lit("b@c.de")))
    told = [*_changes(model), describe(model), str(model.diff(other)), *model.findings()]
    assert not any("@" in text for text in told)
    assert "values ***" in _changes(model)[0]
    (finding,) = model.findings()
    assert finding.startswith("pii: the model has in clear what impute learnt before of 'mail'; put pii first")
    counted = Pipeline([Expect(rules=[{"columns": "mail", "distinct": [1, 9]}]), Pii("mail")]).fit(ROWS)
    # Beside what steps learn, a model keeps what was counted.
    assert "what expect learnt before of 'mail'" in counted.findings()[0]
    flagged = Pipeline([Pii("mail", action="flag"), Impute(["mail"], strategy="mode")]).fit(ROWS)
    assert flagged.findings() == []
    assert "@" not in describe(flagged)
    first = Pipeline([Pii("mail"), Impute(["mail"], strategy="mode")]).fit(ROWS)
    assert first.findings() == []
    assert "[EMAIL]" in describe(first)


def _changes(model: PipelineModel) -> tuple[str, ...]:
    return histories(model, nw.from_native(ROWS).schema)["mail"].changes
