"""Finds personal data in columns of text, and replaces it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.columns.kernels import Kernel
from genspark.columns.keyed import digest
from genspark.steps.pii.kinds import KINDS, Kind
from genspark.steps.pii.names import Names

Replace = Callable[[str, str], str]
"""(the kind's name, what was found) -> what stands in its place."""


def masked(kind: str, _: str) -> str:
    """`[EMAIL]` for an e-mail address, and so on."""
    return f"[{kind.upper()}]"


def hashed(key: bytes) -> Replace:
    """`[EMAIL:0123456789abcdef]`: the first 64 bits of the HMAC-SHA256, by a key, of kind and text."""

    def replace(kind: str, text: str) -> str:
        return f"[{kind.upper()}:{digest(key, f'{kind}:{text}').hex()[:16]}]"

    return replace


def finding(
    column: str,
    kinds: Sequence[str],
    named: Callable[[str], str],
    replace: Replace | None,
    names: Names | None = None,
) -> Kernel:
    """The kernel of a column: whether each kind was found, under `named(kind)`, and the text after `replace`.

    `names` finds those kinds that no pattern does, in what patterns leave. The text is under `named("")`; without
    `replace` there is none. Null has nothing in it, and stays null.
    """
    wanted = [kind for name, kind in KINDS.items() if name in kinds]
    told = [*(kind.name for kind in wanted), *(names.kinds if names else ())]

    def find(arrays: Sequence[pa.Array]) -> list[pa.Array]:
        (texts,) = arrays
        found: dict[str, npt.NDArray[np.bool_]] = {name: np.zeros(len(texts), dtype=bool) for name in told}
        changed: dict[int, str] = {}
        for row, hinted in _candidates(texts, wanted, are_all=names is not None):
            text = texts[row].as_py()
            spans = claimed(text, hinted, names(text) if names else ())
            for _, _, name in spans:
                found[name][row] = True
            if spans and replace:
                changed[row] = _replaced(text, spans, replace)
        flags = [pa.array(found[name]) for name in told]
        return [*flags, _with(texts, changed)] if replace else flags

    outputs = {named(name): pa.bool_() for name in told}
    return Kernel((column,), {**outputs, named(""): pa.string()} if replace else outputs, find)


def claimed(
    text: str, kinds: Sequence[Kind], others: Sequence[tuple[int, int, str]] = ()
) -> list[tuple[int, int, str]]:
    """Where kinds are in a text, as (start, end, kind) in order; characters are claimed by the first, `others` last."""
    spans: list[tuple[int, int, str]] = []
    for kind in kinds:
        end = 0
        # From the end of what was cut: another may begin in what was left of the hit.
        while hit := kind.pattern.search(text, end):
            candidate = kind.cut(hit[0])
            start, end = hit.start(), hit.start() + len(candidate)
            if kind.is_one(candidate) and all(end <= other[0] or start >= other[1] for other in spans):
                spans.append((start, end, kind.name))
    for start, end, name in others:
        if all(end <= other[0] or start >= other[1] for other in spans):
            spans.append((start, end, name))
    return sorted(spans)


def _candidates(texts: pa.Array, kinds: Sequence[Kind], *, are_all: bool) -> list[tuple[int, list[Kind]]]:
    """The rows whose text may have something, with the kinds that it may have: all others cost RE2 alone.

    They `are_all` with a text where names are looked for, of which no pattern tells.
    """
    import pyarrow.compute as pc

    any_hint = "|".join(kind.hint for kind in kinds)
    may_have = pc.is_valid(texts) if are_all else pc.match_substring_regex(texts, any_hint).fill_null(False)
    rows = np.flatnonzero(np.asarray(may_have))
    few = texts.take(pa.array(rows))
    hinted = [np.asarray(pc.match_substring_regex(few, kind.hint)) for kind in kinds]
    return [
        (int(row), [kind for kind, hits in zip(kinds, hinted, strict=True) if hits[at]]) for at, row in enumerate(rows)
    ]


def _replaced(text: str, spans: Sequence[tuple[int, int, str]], replace: Replace) -> str:
    parts, end = [], 0
    for start, stop, kind in spans:
        parts += [text[end:start], replace(kind, text[start:stop])]
        end = stop
    return "".join([*parts, text[end:]])


def _with(texts: pa.Array, changed: dict[int, str]) -> pa.Array:
    """The texts, with some replaced."""
    import pyarrow.compute as pc

    texts = texts.cast(pa.string())
    if not changed:
        return texts
    mask = np.zeros(len(texts), dtype=bool)
    mask[list(changed)] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.array(list(changed.values()), pa.string()))
