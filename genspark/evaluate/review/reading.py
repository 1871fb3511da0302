"""What reviewers made of a review: their sheets checked, and agreement, fooling rate and verdicts from them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genspark.errors import DataError
from genspark.evaluate.review.agreement import agreement
from genspark.evaluate.review.making import KEY
from genspark.evaluate.score import Score, signature

if TYPE_CHECKING:
    import polars as pl

VERDICTS = ("real", "generated")
REPLICATES = 1000
_REQUIRED = ("item", "reviewer", "verdict")


@dataclass(frozen=True)
class Review:
    """The scores of a review by name, and the verdicts on each item beside its row's id.

    `scores`: `fooling_rate`, `accuracy`, and, where an item has two verdicts, `agreement` on them and, on a quality
    that was given, `agreement_on_quality`. `missing` are the verdicts that were asked for and not given.
    """

    scores: Mapping[str, Score]
    verdicts: pl.DataFrame
    missing: int


@dataclass(frozen=True)
class _Verdict:
    item: str
    reviewer: str
    verdict: str
    quality: float | None
    where: str


def read(folder: str, sheets: Sequence[str]) -> Review:
    """Read reviewers' sheets - CSV, of the page or filled in by hand, or JSON that Label Studio exported.

    A row without a verdict is one not given. Raises DataError, with file and line, for items that the review does not
    have, for two verdicts of one reviewer on an item, and for verdicts and qualities that there are not.
    """
    key = _key(Path(folder))
    given = _checked([verdict for sheet in sheets for verdict in _of_sheet(Path(sheet))], key)
    if not given:
        raise DataError(f"no verdict is in {', '.join(sheets) or 'no sheet'}; nothing can be scored")
    scores = {"fooling_rate": _rate("fooling_rate", given, key, "generated", "real")}
    scores |= {"accuracy": _accuracy(given, key)}
    scores |= _agreements(given)
    asked = sum(len(row["reviewers"].split(";")) for row in key.values())
    return Review({name: score for name, score in scores.items() if score}, _table(given, key), asked - len(given))


def _key(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / KEY
    if not path.is_file():
        raise DataError(f"{folder} has no {KEY}; name the folder that genspark review make wrote")
    with path.open(newline="", encoding="utf-8") as opened:
        return {row["item"]: row for row in csv.DictReader(opened)}


def _of_sheet(path: Path) -> Iterator[_Verdict]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: it cannot be read ({error})") from None
    yield from _of_label_studio(path, text) if path.suffix == ".json" else _of_csv(path, text)


def _of_csv(path: Path, text: str) -> Iterator[_Verdict]:
    # Spreadsheets of many countries write semicolons.
    first = text.partition("\n")[0]
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=";" if ";" in first and "," not in first else ",")
    lacking = [name for name in _REQUIRED if name not in (reader.fieldnames or ())]
    if lacking:
        raise DataError(f"{path}: there is no column {lacking[0]!r}; a sheet has {', '.join(_REQUIRED)}")
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        verdict = (row["verdict"] or "").strip().lower()
        if verdict:
            item, reviewer = (row["item"] or "").strip(), (row["reviewer"] or "").strip()
            yield _Verdict(item, reviewer, verdict, _quality(row.get("quality"), where), where)


def _of_label_studio(path: Path, text: str) -> Iterator[_Verdict]:
    try:
        for place, task in enumerate(json.loads(text)):
            for annotation in task.get("annotations", []):
                results = {one["from_name"]: one["value"] for one in annotation.get("result", [])}
                if "verdict" not in results:
                    continue
                who = annotation["completed_by"]
                reviewer = str(who.get("email") or who["id"]) if isinstance(who, dict) else str(who)
                where = f"{path}, task {task.get('id', place)}"
                quality = _quality(results.get("quality", {}).get("rating"), where)
                verdict = results["verdict"]["choices"][0]
                yield _Verdict(str(task["data"]["item"]), reviewer, verdict, quality, where)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"{path}: it is no export of Label Studio in JSON ({error!r})") from None


def _quality(value: Any, where: str) -> float | None:
    text = str(value).strip() if value is not None else ""
    if not text:
        return None
    if text not in ("1", "2", "3", "4", "5"):
        raise DataError(f"{where}: the quality is {text!r}, and goes from 1 to 5")
    return float(text)


def _checked(verdicts: Sequence[_Verdict], key: Mapping[str, Mapping[str, str]]) -> list[_Verdict]:
    # Spreadsheets take the zeros away from the front of a name.
    width = len(next(iter(key), ""))
    seen: dict[tuple[str, str], _Verdict] = {}
    for verdict in verdicts:
        name = verdict.item.zfill(width)
        if name not in key:
            raise DataError(f"{verdict.where}: there is no item {verdict.item!r} in this review")
        if verdict.verdict not in VERDICTS:
            raise DataError(f"{verdict.where}: the verdict is {verdict.verdict!r}; it is real or generated")
        if not verdict.reviewer:
            raise DataError(f"{verdict.where}: the reviewer's name is missing")
        if (name, verdict.reviewer) in seen:
            other = seen[name, verdict.reviewer].where
            raise DataError(f"{verdict.where}: {verdict.reviewer!r} judged item {name} before, at {other}; keep one")
        seen[name, verdict.reviewer] = _Verdict(name, verdict.reviewer, verdict.verdict, verdict.quality, verdict.where)
    return list(seen.values())


def _rate(
    metric: str, given: Sequence[_Verdict], key: Mapping[str, Mapping[str, str]], side: str, verdict: str
) -> Score | None:
    """The share of the verdicts on items of a side that are this one."""
    hits: dict[str, list[bool]] = {}
    for one in given:
        if key[one.item]["side"] == side:
            hits.setdefault(one.item, []).append(one.verdict == verdict)
    return _share(metric, hits)


def _accuracy(given: Sequence[_Verdict], key: Mapping[str, Mapping[str, str]]) -> Score | None:
    hits: dict[str, list[bool]] = {}
    for one in given:
        hits.setdefault(one.item, []).append(one.verdict == key[one.item]["side"])
    return _share("review_accuracy", hits)


def _share(metric: str, hits: Mapping[str, Sequence[bool]]) -> Score | None:
    """The share of verdicts that hit, with an interval by the bootstrap over items, whose verdicts hang together."""
    if not hits:
        return None
    sums = np.array([(sum(each), len(each)) for _, each in sorted(hits.items())], dtype=np.float64)
    chance = np.random.default_rng(0)
    drawn = sums[chance.integers(0, len(sums), (REPLICATES, len(sums)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    total = sums.sum(axis=0)
    made = signature(metric)
    return Score(
        float(total[0] / total[1]), int(total[1]), made, (float(low), float(high)), {"items": float(len(sums))}
    )


def _agreements(given: Sequence[_Verdict]) -> dict[str, Score]:
    import polars as pl

    rows = pl.DataFrame(
        {
            "item": [one.item for one in given],
            "reviewer": [one.reviewer for one in given],
            "verdict": [one.verdict for one in given],
            "quality": [one.quality for one in given],
        },
        schema_overrides={"quality": pl.Float64},
    )
    found = {}
    for name, column, level in (("agreement", "verdict", "nominal"), ("agreement_on_quality", "quality", "ordinal")):
        judged = rows.drop_nulls(column)
        if judged["item"].is_duplicated().any():
            found[name] = agreement(judged, unit="item", reviewer="reviewer", rating=column, level=level)  # type: ignore[arg-type]
    return found


def _table(given: Sequence[_Verdict], key: Mapping[str, Mapping[str, str]]) -> pl.DataFrame:
    """A row an item: what it is, its ids, and what was made of it."""
    import polars as pl

    rows = []
    for name, told in key.items():
        own = [one for one in given if one.item == name]
        real = sum(one.verdict == "real" for one in own)
        qualities = [one.quality for one in own if one.quality is not None]
        rows.append(
            {
                "item": name,
                "side": told["side"],
                "stratum": told["stratum"],
                "_row_id": int(told["row_id"]) if told["row_id"] else None,
                "sample_id": int(told["sample_id"]),
                "verdicts": len(own),
                "taken_for_real": real / len(own) if own else None,
                "quality": sum(qualities) / len(qualities) if qualities else None,
            }
        )
    types = {"_row_id": pl.Int64, "sample_id": pl.UInt64, "taken_for_real": pl.Float64, "quality": pl.Float64}
    return pl.DataFrame(rows, schema_overrides=types)
