"""What the last run found of its rows, for the page: quality, duplicates, privacy, drift and groups."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from genspark.errors import GensparkError
from genspark.pipeline.limits import MEASURES, changes, schema_lines
from genspark.pipeline.model import PipelineModel
from genspark.report.fates import fates_of
from genspark.report.origin import Origin
from genspark.report.steps import Read, source_rows
from genspark.sinks.epsilon import spent
from genspark.steps import hiding_kinds
from genspark.steps.rejection import Counted
from genspark.tables.anonymity import privacy_lines

SECTIONS = {
    "quality": ("validate", "expect", "filter", "outliers", "normalize", "quality", "language"),
    "duplicates": ("deduplicate",),
    "privacy": hiding_kinds(),
    "weights": ("reweigh",),
}
"""The kinds of step that each section tells of. All others make features of rows that are taken as they come."""
_JUDGED = (("warn", "moved"), ("stop", "another"))
_MOST = 20
"""Columns of a step that are named."""


def trust_of(table: str, origin: Origin, read: Read = source_rows) -> dict[str, Any]:
    """What ledger and model tell of the last run that wrote a table; sections of which nothing is known are empty."""
    nothing: dict[str, Any] = {"sections": {}, "drift": None, "bias": None, "unaudited": []}
    if origin.runs is None:
        return nothing
    with contextlib.suppress(GensparkError):
        row = origin.runs.ledger.get(origin.run["run_id"], {}) if origin.run else {}
        findings = json.loads(row.get("findings") or "{}")
        counts = json.loads(row.get("counts") or "[]")
        steps = [] if origin.model is None else _steps(origin.model, counts)
        sections: dict[str, dict[str, Any]] = {
            name: _section(findings, [one for one in steps if one["kind"] in kinds]) for name, kinds in SECTIONS.items()
        }
        hidden = privacy_lines(findings["privacy"]) if "privacy" in findings else []
        sections["privacy"]["found"] += [*_found(findings, "privacy: "), *hidden, *_released(table)]
        bias = findings.get("bias")
        return {
            "sections": {name: one for name, one in sections.items() if one["steps"] or one["found"]},
            "drift": _drift(findings["drift"]) if "drift" in findings else _first(row),
            "unaudited": _found(findings, "audit: "),
            "bias": _bias(bias, fates_of(table, bias["by"], read)) if bias else None,
        }
    return nothing


def _steps(model: PipelineModel, counts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The steps of the model with what each counted: by rule, with what became of the values or rows."""
    found = []
    for step, parameters in zip(model.steps, model.parameters, strict=True):
        actions = {rule.rule: rule.action for rule in step.rejections(parameters)}
        usual = "warn" if step.kind == "validate" else getattr(step, "action", "")
        found.append(
            {
                "kind": step.kind,
                "label": step.told_as,
                "columns": ", ".join(sorted(step.reads())[:_MOST]),
                "action": getattr(step, "action", ""),
                "counts": [
                    {
                        "what": Counted(one["what"], one.get("column")).label,
                        "level": one.get("level") or actions.get(one["what"], usual),
                        "count": f"{one['values']:,}",
                    }
                    for one in counts
                    if one["step"] == step.told_as
                ],
            }
        )
    return found


def _section(findings: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Some steps, and the sentences of the fit that begin with the label of one."""
    return {"steps": steps, "found": _found(findings, *(f"{one['label']}:" for one in steps))}


def _found(findings: Mapping[str, Any], *beginnings: str) -> list[str]:
    """What was found, of the sentences that begin with one of these."""
    return [sentence for sentence in findings.get("found", ()) if sentence.startswith(beginnings)]


def _released(table: str) -> list[str]:
    """What the ledger of epsilon tells of a table, a sentence for each release."""
    return [
        f"released: {one['query']}, epsilon {one['epsilon']:g} of a budget of {one['budget']:g}"
        for one in spent(table).rows(named=True)
    ]


def _first(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is said of a run that had none to be held against, though its job has a section for it."""
    section = (yaml.safe_load(row.get("config") or "") or {}).get("drift")
    return None if section is None else {"is_first": True}


def _drift(told: Mapping[str, Any]) -> dict[str, Any]:
    limits = told["limits"]
    return {
        **told,
        "is_first": False,
        "bounds": "; ".join(
            f"{MEASURES[measure]}: "
            + ", ".join(f"{word} above {limits[at][measure]:g}" for at, word in _JUDGED if measure in limits[at])
            for measure in MEASURES
            if measure in {**limits["warn"], **limits["stop"]}
        ),
        "changes": schema_lines(changes(told)),
        "rows": [
            {
                "name": one["column"],
                "stability": _number(one["stability"]),
                "width": round(100 * (one["jensen_shannon"] or 0.0), 1),
                "jensen_shannon": _number(one["jensen_shannon"]),
                "ks": _number(one["ks"]),
                "missing": f"{one['missing_before']:.2%} to {one['missing']:.2%}",
                "unknown": "" if one["unknown"] is None else f"{one['unknown']:.2%}",
                "lost": one["lost"],
                "judged": one["judged"],
            }
            for one in told["columns"]
        ],
    }


def _bias(told: Mapping[str, Any], fates: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **told,
        "by": ", ".join(told["by"]),
        "rows": [
            {
                "group": one["group"],
                "rows": f"{one['rows']:,}",
                "share": _share(one["share"], one["share_interval"]),
                "reference": f"{one['reference']:.1%}" if "reference" in one else "",
                "label": _rate(one.get("label_rate")),
                "width": round(100 * one["label_rate"]["value"], 1) if one.get("label_rate") else 0,
                "prediction": _rate(one.get("prediction_rate")),
                "missing": "" if one["missing_a_row"] is None else f"{one['missing_a_row']:.2f}",
                "quarantined": "" if one["quarantined_share"] is None else f"{one['quarantined_share']:.1%}",
            }
            for one in told["groups"]
        ],
        "notes": told.get("notes", ()),
        "between": [(name.replace("_", " "), f"{value:.3f}") for name, value in told["fairness"].items()],
        "fates": {
            **fates,
            "steps": [
                {
                    "step": one["step"],
                    "what": one["what"],
                    "groups": "; ".join(
                        f"{group}: {count['count']:,} ({count['share']:.1%})" for group, count in one["groups"].items()
                    ),
                }
                for one in fates["steps"]
            ],
        },
    }


def _rate(told: Mapping[str, Any] | None) -> str:
    return _share(told["value"], told["interval"]) if told else ""


def _share(value: float | None, interval: Sequence[float] | None) -> str:
    return "" if value is None or interval is None else f"{value:.1%} ({interval[0]:.1%} to {interval[1]:.1%})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
