"""Take out the rows that say again what another row says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self, cast

import narwhals as nw
from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_hashable
from genspark.columns.hashing import PLACE, Drawn
from genspark.columns.kernels import Kernel
from genspark.columns.shingles import Unit
from genspark.errors import SchemaError, did_you_mean
from genspark.statistics import Signatures
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.deduplicate.learner import HASHES, Finding
from genspark.steps.deduplicate.members import CLUSTER, IS_MEMBER, KEY, finding
from genspark.steps.learner import Parameters
from genspark.steps.matching import as_tuple, match, refuse_taken
from genspark.steps.rejection import Rejection

DUPLICATE = "duplicate"
"""The rule of the rows that are taken out; the reason's value is the number of their cluster."""
OF_TEXT = ("threshold", "unit", "shingle", "bands", "rows", "seed")


@dataclass(config=STEP_CONFIG)
class Deduplicate(Step):
    """Keep one row of each cluster of duplicates: of equal values, of near texts or of near pictures.

    Without `columns`, `text` or `image` rows are equal in all their columns. With `columns` they are equal in these;
    null equals null, but a row that has null in all of them is nobody's duplicate. With `text` the words of it are
    compared: in Unicode form NFKC, lower case, letters and digits alone. Texts that share one of `bands` bands of
    `rows` MinHash numbers, which those of Jaccard similarity s do with probability 1 - (1 - s^rows)^bands, are compared
    shingle by shingle and near from `threshold` on. With `image` pictures are compared by the 64 bits of their
    perceptual hash (pHash), and near up to `distance` different bits. Nearness is passed on: if a is near b and b near
    c, the three are one cluster.

    `keep` names the row that stays: the one with the least or most of a column, null last; of equals, and without it,
    the row whose key has the smallest hash. So the result is the same in any order and under any partitioning. drop
    takes the others out; quarantine sets them aside, with the number of the cluster as the reason's value; flag leaves
    all rows and adds a column with that number, Int64, the same for all rows of a cluster, by which `split` keeps them
    together. The report tells how many clusters there are, and with `parts` how many lie in several parts, such as
    train and test. Applied to other rows, the model takes out those whose keys it learnt.

    Source: A. Broder, "On the resemblance and containment of documents", 1997.
    """

    columns: Annotated[
        tuple[str, ...],
        BeforeValidator(as_tuple, json_schema_input_type=str | tuple[str, ...]),
        Field(description="The columns, or patterns of them, that duplicates have equal; all where none is named."),
    ] = Field(default=(), examples=[["s"]])
    text: str | None = Field(default=None, description="The column of text that is compared.", examples=["s"])
    image: str | None = Field(default=None, description="The column of encoded pictures, Binary, that is compared.")
    keep: dict[str, str] | None = Field(
        default=None, description="{min: column} or {max: column}: the row that stays.", examples=[{"max": "n"}]
    )
    action: Literal["drop", "quarantine", "flag"] = Field(default="drop", description="What becomes of the others.")
    column: str = Field(default="cluster", min_length=1, description="flag: the column that is added.")
    parts: str | None = Field(
        default=None, description="A column, such as split, whose values duplicates should not have in common."
    )
    threshold: float = Field(default=0.8, gt=0, le=1, description="text: the least Jaccard similarity.")
    unit: Unit = Field(default="words", description="text: what shingles are made of.")
    shingle: int = Field(default=5, ge=1, le=64, description="text: how many of them make a shingle.")
    bands: int = Field(default=20, ge=1, le=256, description="text: the bands of the signature.")
    rows: int = Field(default=6, ge=1, le=64, description="text: the numbers of a band.")
    seed: int = Field(default=0, description="text: another seed, other hash functions.")
    distance: int = Field(default=4, ge=0, le=10, description="image: the most bits that differ.")

    kind: ClassVar[str] = "deduplicate"

    @model_validator(mode="after")
    def _fields_go_together(self) -> Self:
        ways = [name for name in ("columns", "text", "image") if getattr(self, name)]
        if len(ways) > 1:
            raise ValueError(f"{ways[1]}: goes without {ways[0]}; give each a step of its own")
        of_way = [*((name, "text") for name in OF_TEXT), ("distance", "image")]
        for name, way in of_way:
            if getattr(self, name) != getattr(type(self), name) and not getattr(self, way):
                raise ValueError(f"{name}: is for {way}, which names no column")
        if self.column != type(self).column and self.action != "flag":
            raise ValueError(f"column: is for action flag; action is {self.action!r}")
        if self.keep is not None and (len(self.keep) != 1 or not self.keep.keys() <= {"min", "max"}):
            raise ValueError(f"keep: must be {{min: column}} or {{max: column}}; got {self.keep}")
        if self.keep is not None and self.action == "flag":
            raise ValueError("keep: action flag keeps every row; leave one of the two out")
        return self

    @property
    def filters(self) -> bool:
        return self.action != "flag"

    def bind(self, schema: Schema) -> Self:
        problems = [
            f"{place}: {name!r} is not a column{did_you_mean(name, schema)}"
            for place, name in (("text", self.text), ("image", self.image), ("parts", self.parts), ("keep", self._rank))
            if name is not None and name not in schema
        ]
        if problems:
            raise SchemaError(problems)
        if self.text is not None and schema[self.text] != nw.String:
            raise SchemaError(f"text: {self.text!r} is {schema[self.text]}, and texts are compared; cast it before")
        if self.image is not None and schema[self.image] != nw.Binary:
            raise SchemaError(
                f"image: {self.image!r} is {schema[self.image]}, and encoded pictures are compared, which are Binary"
            )
        if self._rank is not None and not is_hashable(schema[self._rank]):
            raise SchemaError(f"keep: {self._rank!r} is {schema[self._rank]}, which has no order; name another column")
        if self.action == "flag":
            refuse_taken([self.column], schema)
        if self.text or self.image:
            return self
        nested = [name for name, dtype in schema.items() if not is_hashable(dtype)]
        if nested and not self.columns:
            raise SchemaError(
                f"columns: {nested[0]!r} is {schema[nested[0]]}, which is not compared; name the columns that "
                "duplicates have equal"
            )
        return replace(self, columns=match(self.columns or ("*",), schema, is_hashable, "plain values"))

    def reads(self) -> frozenset[str]:
        return frozenset(column for column in (*self._compared, self._rank, self.parts) if column is not None)

    def writes(self) -> frozenset[str]:
        return frozenset() if self.filters else frozenset([self.column])

    def made_from(self, column: str) -> frozenset[str]:
        return frozenset() if column in self.writes() else frozenset([column])

    def output_schema(self, schema: Schema) -> Schema:
        return schema if self.filters else {**schema, self.column: nw.Int64()}

    def learner(self) -> Finding:
        others = [column for column in (self._rank, self.parts) if column is not None]
        signatures = Signatures(
            (*self._compared, *others, KEY, PLACE),
            len(self._compared),
            method="text" if self.text else "image" if self.image else "exact",
            is_ranked=self._rank is not None,
            has_parts=self.parts is not None,
            unit=self.unit,
            size=self.shingle,
            bands=self.bands,
            rows=self.rows,
            seed=self.seed,
        )
        descending = self.keep is not None and "max" in self.keep
        return Finding(signatures, self.threshold, self.distance, descending, self.filters)

    def draws(self) -> Sequence[Drawn]:
        return HASHES

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        return [finding(parameters["members"])]

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        if not self.filters:
            return []
        action = cast("Literal['drop', 'quarantine']", self.action)
        cluster = nw.col(CLUSTER).cast(nw.Float64)
        column = self.text or self.image or (self.columns[0] if len(self.columns) == 1 else None)
        return [Rejection(column, DUPLICATE, nw.col(IS_MEMBER), cluster, (None, None), action)]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return frame if self.filters else frame.with_columns(nw.col(CLUSTER).alias(self.column))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame if self.filters else frame.drop([self.column], strict=False)

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: duplicates stay out ({c!r})" for c in sorted(self.reads())] if self.filters else []

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        return {} if self.filters else {"in clusters": [nw.col(IS_MEMBER)]}

    def findings(self, parameters: Parameters) -> Sequence[str]:
        if not parameters["clusters"]:
            return []
        told = (
            f"{self.told_as}: {parameters['duplicates']:,} of {parameters['rows']:,} rows are duplicates, in "
            f"{parameters['clusters']:,} clusters of up to {parameters['largest']:,} rows"
        )
        across = [
            f"{self.told_as}: {number:,} clusters are in several parts at once: {parts}"
            for parts, number in parameters["across"].items()
        ]
        return [told, *across]

    @property
    def _compared(self) -> tuple[str, ...]:
        near = self.text or self.image
        return (near,) if near else self.columns

    @property
    def _rank(self) -> str | None:
        return next(iter(self.keep.values())) if self.keep else None
