"""What `deduplicate` learns: the clusters, from the signatures of all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genspark.columns.dtypes import Schema
from genspark.columns.hashing import PLACE, Drawn, KeyHash
from genspark.statistics import Signatures, State, Statistic
from genspark.steps.deduplicate.members import KEY, told
from genspark.steps.learner import Learner, Parameters

HASHES: tuple[Drawn, ...] = (KeyHash(None, KEY), KeyHash(None, PLACE))


@dataclass(frozen=True)
class Finding(Learner):
    """Finds clusters; `before` are the files of an index of rows that are in the table already."""

    signatures: Signatures
    threshold: float
    distance: int
    descending: bool
    takes_out: bool
    before: tuple[Mapping[str, Any], ...] = ()

    def statistics(self) -> Sequence[Statistic]:
        return [self.signatures]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        from genspark.steps.deduplicate.clusters import Rule, find

        rule = Rule(self.threshold, self.distance, self.descending, self.takes_out)
        found = find(self.signatures, states[self.signatures], rule, self.before)
        index = [*self.before, *([found.index] if found.index else [])]
        return {
            "rows": found.rows,
            "clusters": found.clusters,
            "duplicates": found.duplicates,
            "largest": found.largest,
            "across": found.across,
            "members": told(found.members),
            **({"index": [dict(files) for files in index]} if index else {}),
        }
