"""What an inspection found, as numbers for programs and as lines for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from genspark.sinks.files.layout import layout_of
from genspark.sinks.files.targets import mergeable
from genspark.storage.sizes import counted, size_text
from genspark.tables.durations import LOG, REMOVED_FILES, retention
from genspark.tables.findings import findings
from genspark.tables.inspection import Inspection
from genspark.tables.snapshot import Protocol

_MOST_COLUMNS = 40


@dataclass(frozen=True)
class Spread:
    """How many of something there are, and their sizes; all zero for none."""

    count: int = 0
    smallest: float = 0
    median: float = 0
    largest: float = 0
    total: float = 0

    @classmethod
    def of(cls, sizes: Iterable[float]) -> Spread:
        """The spread of some sizes."""
        each = list(sizes)
        return cls(len(each), min(each), median(each), max(each), sum(each)) if each else cls()

    def text(self, noun: str) -> str:
        """For a person, the sizes being bytes."""
        ends = (
            f"smallest {size_text(self.smallest)}, median {size_text(self.median)}, largest {size_text(self.largest)}"
        )
        return f"{counted(self.count, noun)} ({ends}; {size_text(self.total)} in all)"


def facts(inspection: Inspection) -> dict[str, Any]:
    """Everything that was seen, as plain JSON; `off` and `advice` are lists of findings."""
    snapshot, targets = inspection.snapshot, inspection.targets
    footers = inspection.footers.values()
    groups = [group for footer in footers for group in footer.groups]
    found = findings(inspection)
    rows = [file.rows for file in snapshot.files]
    partitions = snapshot.partitions()
    small = [file for files in partitions.values() for file in mergeable(files, targets)]
    return {
        "table": snapshot.path,
        "format": "delta" if snapshot.protocol else "parquet",
        "version": snapshot.version,
        "rows": None if None in rows else sum(count for count in rows if count is not None),
        "protocol": asdict(snapshot.protocol) if snapshot.protocol else None,
        "columns": dict(snapshot.columns),
        "partition_by": list(snapshot.partition_by),
        "partitions": asdict(Spread.of(sum(f.size for f in files) for files in partitions.values())),
        "files": {
            **asdict(Spread.of(file.size for file in snapshot.files)),
            "target": targets.file_bytes,
            "small": len(small),
            "looked_at": len(inspection.footers),
        },
        "row_groups": {
            "bytes": asdict(Spread.of(group.bytes for group in groups)),
            "rows": asdict(Spread.of(group.rows for group in groups)),
            "target": targets.group_bytes,
            "compression": sorted({name for footer in footers for name in footer.compressions}),
            "with_dictionary": sorted({name for footer in footers for name in footer.with_dictionary}),
            "with_statistics": sorted({name for footer in footers for name in footer.with_statistics}),
        },
        "order": _order(inspection),
        "layout": layout_of(snapshot.properties),
        "retention": {name: retention(snapshot.properties, name).total_seconds() for name in (REMOVED_FILES, LOG)}
        if snapshot.protocol
        else None,
        "files_with_vectors": snapshot.with_vectors,
        "leftovers": {
            "removed": asdict(Spread.of(f.size for f in inspection.leftovers if not f.is_orphan)),
            "orphaned": asdict(Spread.of(f.size for f in inspection.leftovers if f.is_orphan)),
            "expired": asdict(Spread.of(f.size for f in inspection.expired)),
        },
        "off": [_plain(finding) for finding in found if not finding.is_advice],
        "advice": [_plain(finding) for finding in found if finding.is_advice],
    }


def _order(inspection: Inspection) -> dict[str, Any]:
    orders = inspection.orders
    are_sorted = [order.is_sorted for order in orders.values()]
    return {
        "told": "none" if inspection.targets.seed is None else "hash",
        "told_global": inspection.targets.is_global,
        "files_looked_at": len(orders),
        "files_in_order": sum(are_sorted),
        # Of files that hold no ids nothing is known.
        "is_global": (all(are_sorted) and not inspection.overlaps()) if orders else None,
    }


def _plain(finding: Any) -> dict[str, str]:
    return {"kind": finding.kind, "what": finding.what, "remedy": finding.remedy}


def lines(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, value) pairs of facts, in the order in which a person reads them."""
    files, groups, left = told["files"], told["row_groups"], told["leftovers"]
    rows = "unknown" if told["rows"] is None else f"{told['rows']:,}"
    pairs = [
        ("table", f"{told['table']} (version {told['version']})"),
        ("rows", rows),
        ("protocol", _protocol_text(told["protocol"])),
        ("layout", _layout_text(told)),
        ("partitions", _partitions_text(told)),
        ("files", f"{_spread(files).text('file')}; target {size_text(files['target'])}"),
        ("small files", f"{files['small']:,}"),
        ("row groups", f"{_spread(groups['bytes']).text('row group')}; target {size_text(groups['target'])}"),
        ("rows in a group", "{smallest:,.0f} to {largest:,.0f}, median {median:,.0f}".format(**groups["rows"])),
        ("looked at", f"the footers of {files['looked_at']:,} of {counted(files['count'], 'file')}"),
        ("compression", ", ".join(groups["compression"]).lower() or "none"),
        ("dictionary", _few(groups["with_dictionary"]) or "on no column"),
        ("statistics", _few(groups["with_statistics"]) or "of no column"),
        ("order", _order_text(told)),
        ("columns", _few([f"{name} {dtype}" for name, dtype in told["columns"].items()])),
    ]
    if told["retention"]:
        days = ", ".join(f"{name} {seconds / 86400:g} days" for name, seconds in told["retention"].items())
        pairs.append(("retention", days))
    if told["files_with_vectors"]:
        pairs.append(("deletion vectors", f"of {counted(told['files_with_vectors'], 'file')}"))
    kinds = (("removed", "of older versions"), ("orphaned", "of no version"), ("expired", "of these, vacuum deletes"))
    some = [f"{counted(left[kind]['count'], 'file')} {what}" for kind, what in kinds if left[kind]["count"]]
    return [*pairs, ("left over", "; ".join(some) or "nothing")]


def _protocol_text(protocol: Mapping[str, Any] | None) -> str:
    if protocol is None:
        return "a folder of Parquet files with a manifest"
    told = Protocol(**protocol)
    features = sorted({*told.reader_features, *told.writer_features})
    who = (
        "every reader opens it" if told.reader == 1 else f"readers of version {told.reader - 1} and older are kept out"
    )
    listed = f", features {', '.join(features)}" if features else ""
    return f"reader {told.reader}, writer {told.writer}{listed}: {who}"


def _layout_text(told: Mapping[str, Any]) -> str:
    layout = told["layout"]
    if layout is None:
        return "the table does not tell (no property genspark.layout); judged by general rules"
    wanted = ("order", "shuffle", "seed", "key", "float", "lineage")
    return ", ".join(f"{name} {layout[name]}" for name in wanted if name in layout)


def _partitions_text(told: Mapping[str, Any]) -> str:
    if not told["partition_by"]:
        return "none"
    spread = _spread(told["partitions"])
    skew = f"; largest / median {spread.largest / spread.median:.1f}" if spread.median else ""
    return f"by {', '.join(told['partition_by'])}: {spread.text('partition')}{skew}"


def _order_text(told: Mapping[str, Any]) -> str:
    order = told["order"]
    if order["told"] == "none":
        return "none that the table tells of"
    if not order["files_looked_at"]:
        return "hash, says the table; not checked, as it has no ids of rows"
    looked = f"{order['files_in_order']:,} of {counted(order['files_looked_at'], 'file')} looked at are in hash order"
    is_whole = order["files_looked_at"] == told["files"]["count"]
    across = "and so are files among each other" if order["is_global"] else "but not from file to file"
    return f"{looked}{'' if is_whole else ' (--rows looks at all)'}, {across}"


def _spread(fields: Mapping[str, Any]) -> Spread:
    return Spread(**{name: fields[name] for name in ("count", "smallest", "median", "largest", "total")})


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_COLUMNS} more" if len(names) > _MOST_COLUMNS else ""
    return ", ".join(names[:_MOST_COLUMNS]) + more
