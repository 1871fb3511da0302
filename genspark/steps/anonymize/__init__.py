"""Make rows look alike, so that no person stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, cast

import narwhals as nw
import numpy as np
import pyarrow as pa
from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.coarser import AS_IS, Cut, coarser, plain, plain_type
from genspark.columns.dtypes import Schema
from genspark.columns.expressions import HIDDEN
from genspark.columns.kernels import Kernel
from genspark.columns.lookup import GroupLookup, PerGroup
from genspark.errors import DataError, SchemaError, did_you_mean
from genspark.statistics import Combinations, State, Statistic
from genspark.steps.anonymize.hierarchy import NONE, Hierarchy
from genspark.steps.anonymize.search import Column, Goal, search
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.learner import Learner, Parameters
from genspark.steps.rejection import Rejection

STAYS = f"{HIDDEN}anonymous"
_TYPES = {"text": pa.string(), "number": pa.float64()}
_DTYPES: dict[str, Any] = {"text": nw.String(), "number": nw.Float64()}


def _as_hierarchies(value: Any) -> Any:
    """Names alone as columns without a hierarchy."""
    names = (value,) if isinstance(value, str) else value
    return {name: {} for name in names} if isinstance(names, list | tuple) else names


@dataclass(config=STEP_CONFIG)
class Anonymize(Step):
    """Make quasi-identifiers coarser until every combination of their values is that of `k` rows or more.

    `columns` are what others may know of a person, such as age, place and day of birth, each with a hierarchy; a name
    alone is a column that is told as it is or not at all. The levels are those that lose the least (Sweeney's
    precision) and leave at most the share `most` of the rows in classes that are too small: those are suppressed. With
    `sensitive` each class has `l` distinct values of it or more, and with `t` their distribution lies at most that far
    from that of all rows (earth mover's distance; `ordered`: by rank, else any two values are as far apart). Null is a
    value like any other. Numbers become Float64, all else text; infinities count as missing.

    Learnt in one scan of at most 100,000 combinations of values; `least` in a hierarchy makes them coarser from the
    beginning. It holds for the rows that the step learns from: with `fit_on` for those alone. A row that comes later
    stays where its class is known, and is suppressed else. The model keeps the classes that stay, never the counts.

    Sources: L. Sweeney, "k-anonymity: a model for protecting privacy", 2002; A. Machanavajjhala et al., "l-Diversity:
    Privacy Beyond k-Anonymity", 2007; N. Li et al., "t-Closeness: Privacy Beyond k-Anonymity and l-Diversity", 2007.
    """

    columns: Annotated[
        dict[str, Hierarchy],
        BeforeValidator(_as_hierarchies, json_schema_input_type=str | tuple[str, ...] | dict[str, Hierarchy]),
        Field(min_length=1, description="The quasi-identifiers, each with its hierarchy; or their names alone."),
    ]
    k: int = Field(default=5, ge=1, description="The rows that share each combination of values, at least.")
    sensitive: str | None = Field(
        default=None, min_length=1, description="The column that nobody shall learn of a person."
    )
    l: int = Field(  # noqa: E741 - its name everywhere
        default=1, ge=1, description="The distinct sensitive values of each class, at least."
    )
    t: float | None = Field(
        default=None, ge=0, le=1, description="How far a class may be from all rows in its sensitive values; none: any."
    )
    ordered: bool = Field(default=False, description="Whether sensitive values lie nearer by rank, as numbers do.")
    action: Literal["drop", "quarantine", "null"] = Field(
        default="drop",
        description="What becomes of rows in classes that stay too small; null takes the columns alone.",
    )
    most: float = Field(default=0.05, ge=0, le=1, description="The share of rows that may be suppressed, at most.")

    kind: ClassVar[str] = "anonymize"
    hides_persons: ClassVar[bool] = True

    @model_validator(mode="after")
    def _goals_are_about_something(self) -> Self:
        if self.sensitive is None and (self.l > 1 or self.t is not None):
            raise ValueError("sensitive: l and t are about its values; name the column, or leave them out")
        if self.sensitive in self.columns:
            raise ValueError(f"sensitive: {self.sensitive!r} is one of the columns; name it in one place")
        return self

    @property
    def filters(self) -> bool:
        return self.action != "null"

    def bind(self, schema: Schema) -> Self:
        problems = []
        for place, column in (*(("columns", c) for c in self.columns), ("sensitive", self.sensitive)):
            if column is None:
                continue
            if column not in schema:
                problems.append(f"{place}: {column!r} is not a column{did_you_mean(column, schema)}")
            elif plain_type(schema[column]) is None:
                problems.append(f"{place}: {column!r} is {schema[column]}, which has no values to tell apart")
        for column, hierarchy in self.columns.items():
            needs, is_number = hierarchy.needs(), column in schema and plain_type(schema[column]) == pa.float64()
            if needs and column in schema and (needs == "numbers") != is_number:
                problems.append(f"columns: {column!r} is {schema[column]}, and its hierarchy needs {needs}")
        if problems:
            raise SchemaError(problems)
        return self

    def reads(self) -> frozenset[str]:
        return frozenset((*self.columns, *([self.sensitive] if self.sensitive else [])))

    def writes(self) -> frozenset[str]:
        return frozenset(self.columns)

    def made_from(self, column: str) -> frozenset[str]:
        # A row whose class is too small loses all of them.
        return frozenset(self.columns) if column in self.columns and not self.filters else frozenset([column])

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, **{column: _DTYPES[_kind(schema[column])] for column in self.columns}}

    def learner(self) -> Searching:
        goal = Goal(self.k, self.l, self.t, self.most, self.sensitive is not None, self.ordered, joins=not self.filters)
        return Searching(tuple(self.columns.items()), self.sensitive, goal, self.told_as)

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        told = parameters["columns"].values()
        types = [_TYPES[one["type"]] for one in told]
        cuts = [self._cuts(column)[one["level"]] for column, one in parameters["columns"].items()]
        least = [self._cuts(column)[hierarchy.least] for column, hierarchy in self.columns.items()]
        outputs = {self._named(at): dtype for at, dtype in enumerate(types)}
        making = Making(tuple(least), tuple(cuts), tuple(types), _texts(parameters["classes"], types), self.filters)
        return [Kernel(tuple(self.columns), {**outputs, STAYS: pa.bool_()}, making)]

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        if not self.filters:
            return []
        nothing, action = nw.lit(None).cast(nw.Float64), cast("Literal['drop', 'quarantine']", self.action)
        return [Rejection(None, "anonymity", ~nw.col(STAYS), nothing, (None, None), action)]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return frame.with_columns(*(nw.col(self._named(at)).alias(column) for at, column in enumerate(self.columns)))

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [
            f"{self.told_as}: {column!r} stays coarser ({self.columns[column].told(one['level'])})"
            for column, one in parameters["columns"].items()
            if one["level"]
        ]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        return {} if self.filters else {"suppressed": [~nw.col(STAYS)]}

    def findings(self, parameters: Parameters) -> Sequence[str]:
        levels = [f"{c} {self.columns[c].told(one['level'])}" for c, one in parameters["columns"].items()]
        found = parameters["measures"]
        named = [f"{name} {found[name]:.3g}" for name in ("k", "l", "t") if found.get(name) is not None]
        rows = f"{parameters['suppressed']:,} rows suppressed; {found.get('classes', 0):,} classes"
        return [f"{self.told_as}: {', '.join(levels)}; {rows}{', ' if named else ''}{', '.join(named)}"]

    def _cuts(self, column: str) -> list[Cut]:
        return self.columns[column].cuts()

    def _named(self, at: int) -> str:
        return f"{HIDDEN}coarser_{at}"


@plain_dataclass(frozen=True)
class Searching(Learner):
    """Counts the combinations of values, and looks for the levels that reach the goal."""

    columns: tuple[tuple[str, Hierarchy], ...]
    sensitive: str | None
    goal: Goal
    told_as: str

    def statistics(self) -> Sequence[Statistic]:
        return [self._counts]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        rows = states[self._counts]["rows"]
        counts = np.array([row[-1] for row in rows], dtype=np.int64)
        columns = [
            Column.of([row[at] for row in rows], _TYPES[_kind(schema[name])], hierarchy.cuts(), hierarchy.least)
            for at, (name, hierarchy) in enumerate(self.columns)
        ]
        try:
            found = search(columns, self._values(rows), counts, self.goal)
        except DataError as error:
            raise DataError(f"{self.told_as}: {error}") from None
        return {
            "columns": {
                name: {"type": _kind(schema[name]), "level": level}
                for (name, _), level in zip(self.columns, found.levels, strict=True)
            },
            "classes": [list(one) for one in found.classes],
            "suppressed": found.suppressed,
            "measures": found.measures,
        }

    @property
    def _counts(self) -> Combinations:
        cuts = tuple(hierarchy.cuts()[hierarchy.least] for _, hierarchy in self.columns)
        names = [name for name, _ in self.columns]
        if self.sensitive is None:
            return Combinations(tuple(names), cuts)
        return Combinations((*names, self.sensitive), (*cuts, AS_IS))

    def _values(self, rows: Sequence[Sequence[Any]]) -> Any:
        """The number of each row's sensitive value, in their order, null first."""
        if self.sensitive is None:
            return np.zeros(len(rows), dtype=np.int64)
        values = [row[-2] for row in rows]
        ranks = {value: at for at, value in enumerate(sorted({v for v in values if v is not None}), start=1)}
        return np.array([0 if value is None else ranks[value] for value in values], dtype=np.int64)


@plain_dataclass(frozen=True)
class Making:
    """Columns -> those columns at their levels, and whether each row's class stays.

    `classes` are those that stay, as texts. Where rows that do not are not taken out, they have null in every column.
    """

    least: tuple[Cut, ...]
    cuts: tuple[Cut, ...]
    types: tuple[pa.DataType, ...]
    classes: tuple[tuple[str | None, ...], ...]
    are_taken_out: bool

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        import pyarrow.compute as pc

        made = [self._made(array, at) for at, array in enumerate(arrays)]
        found = PerGroup((True,) * len(self.classes), otherwise=False, type=pa.bool_())
        by = tuple(str(at) for at in range(len(made)))
        (stays,) = GroupLookup(by, self.classes, (found,))([_text(array) for array in made])
        if not self.are_taken_out:
            made = [pc.if_else(stays, array, pa.nulls(len(array), array.type)) for array in made]
        return [*made, stays]

    def _made(self, array: pa.Array, at: int) -> pa.Array:
        least, cut, dtype = self.least[at], self.cuts[at], self.types[at]
        if cut == NONE:
            return pa.nulls(len(array), dtype)
        # As the counts were: first the least level, then the others from what that gave.
        values = coarser(plain(array).cast(dtype), least)
        return values if cut == least else coarser(values, cut)


def _kind(dtype: Any) -> str:
    return next(name for name, of_name in _TYPES.items() if of_name == plain_type(dtype))


def _text(array: pa.Array) -> pa.Array:
    return array.cast(pa.string())


def _texts(classes: Sequence[Sequence[Any]], types: Sequence[pa.DataType]) -> tuple[tuple[str | None, ...], ...]:
    """Classes with their values as texts, as `_text` makes them of columns."""
    if not classes:
        return ()
    columns = zip(*classes, strict=True)
    texts = [_text(pa.array(list(values), dtype)).to_pylist() for values, dtype in zip(columns, types, strict=True)]
    return tuple(zip(*texts, strict=True))
