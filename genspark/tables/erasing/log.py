"""What the log of a Delta table tells of files that are gone: their bounds are values, and go, too.

The commits stay, with what each tells of its run, so that the table knows still which runs made it.
"""

from __future__ import annotations

import json
from urllib.parse import unquote

from genspark.storage.files import delete, file_system, read_text, write_text
from genspark.tables.snapshot import open_delta


def forget_bounds(path: str) -> int:
    """Take the statistics of files that are no longer the table's from the log; return the files of it that changed.

    A checkpoint of the newest version takes the place of those before it, and checksums that repeat the statistics are
    deleted: both are there for speed. A version of which the log has no commit cannot be read any more.
    """
    from pyarrow import fs

    table = open_delta(path)
    table.create_checkpoint()
    version = table.version()
    active = {unquote(uri).rpartition("/")[2] for uri in table.file_uris()}
    log = f"{path}/_delta_log"
    system, inside = file_system(log)
    changed = 0
    for info in system.get_file_info(fs.FileSelector(inside)):
        name = info.base_name
        if name.endswith(".crc") or (".checkpoint" in name and name[:20].isdigit() and int(name[:20]) < version):
            delete(f"{log}/{name}")
            changed += 1
        elif name.endswith(".json") and name[:20].isdigit() and len(name) == 25:
            before = read_text(f"{log}/{name}")
            after = "".join(f"{_without_bounds(line, active)}\n" for line in before.splitlines() if line)
            if after != before:
                write_text(f"{log}/{name}", after)
                changed += 1
    return changed


def _without_bounds(line: str, active: set[str]) -> str:
    action = json.loads(line)
    for kind in ("add", "remove"):
        file = action.get(kind)
        if file and ("stats" in file or "tags" in file) and _name(file["path"]) not in active:
            kept = {name: value for name, value in file.items() if name not in ("stats", "tags")}
            return json.dumps({kind: kept}, ensure_ascii=False)
    return line


def _name(path: str) -> str:
    return unquote(path).rpartition("/")[2]
