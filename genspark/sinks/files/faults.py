"""What may be wrong with a file by itself, as its footer tells: for the writer, and for whoever looks at a table."""

from __future__ import annotations

from collections.abc import Sequence

from genspark.sinks.files.encoder import IMAGES_IN_A_GROUP
from genspark.sinks.files.footer import Footer
from genspark.sinks.files.targets import BLOB_BYTES, FEW_ROWS, LARGE_GROUP, SMALL_GROUP, Targets, most_groups

LARGE, GROUPS, DICTIONARY, BYTES_FIRST, NOT_COMPRESSED, UNORDERED = (
    "large file",
    "row groups",
    "dictionary on bytes",
    "bytes before other columns",
    "no compression",
    "rows out of order",
)
"""What may be wrong with a file, which writing it again mends."""

FAULTS = {
    GROUPS: "have row groups of another size than the target, or of images too many or too few rows",
    DICTIONARY: "have a dictionary on a column of bytes, which never repeat",
    BYTES_FIRST: "have columns of bytes before others, so that readers of scalars cannot pass over them at once",
    NOT_COMPRESSED: "are not compressed",
}


def faults_of_footer(footer: Footer, bytes_columns: Sequence[str], targets: Targets) -> list[str]:
    """What is wrong with a file by its footer; `bytes_columns` are those that hold bytes, at any depth."""
    found = []
    if are_groups_off(footer, bytes_columns, targets):
        found.append(GROUPS)
    if footer.with_dictionary & set(bytes_columns):
        found.append(DICTIONARY)
    places = [footer.columns.index(name) for name in bytes_columns if name in footer.columns]
    if places and min(places) < len(footer.columns) - len(places):
        found.append(BYTES_FIRST)
    if footer.compressions == {"UNCOMPRESSED"} and targets.compression.codec != "none":
        found.append(NOT_COMPRESSED)
    return found


def are_groups_off(footer: Footer, bytes_columns: Sequence[str], targets: Targets) -> bool:
    """Whether row groups are too large or too many; those of images are judged by their rows."""
    groups, rows = footer.groups, footer.rows
    if footer.bytes_a_row(bytes_columns) >= BLOB_BYTES:
        return max(group.rows for group in groups) > IMAGES_IN_A_GROUP[1] or len(groups) > most_groups(rows)
    if any(group.bytes > LARGE_GROUP * targets.group_bytes for group in groups):
        return True
    are_tiny = sum(group.bytes for group in groups) < SMALL_GROUP * targets.group_bytes * len(groups)
    return len(groups) > 1 and are_tiny and rows < FEW_ROWS * len(groups)
