"""Marks of runs: the runs that began to write a table and have not ended, each a file `_genspark/runs/ID.json`.

A mark is put before the first file of a run is written and removed when the run has ended, well or not. So a mark that
outlives its process tells the next run that this one was killed, and what it may have left; so does the mark of a run
that failed and could not take back what it had committed, as where the disk is full: it is renamed `ID.failed.json`. A
run is taken for dead where its process is gone from this machine; of a run on another machine nothing is known, so that
it is taken for dead after a day. Where files cannot be reached without Spark there are no marks.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from genspark.storage.files import OWN, delete, file_system, is_uri, read_text, remove_empty, write_text

FOLDER = f"{OWN}/runs"
_FAILED = ".failed.json"
PATIENCE = dt.timedelta(days=1)
"""The time after which a run on another machine is taken for dead."""


@dataclass(frozen=True)
class Mark:
    """A run that has begun: its key, its process, and what it found.

    `is_new`, `is_quarantine_new`: there was no table and no file when the run began, so what is there is runs'.
    `row` is what the ledger would say of it.
    """

    table: str
    run_id: str
    key: str
    is_new: bool
    quarantine: str
    is_quarantine_new: bool
    model: str
    started: str = field(default_factory=lambda: dt.datetime.now(dt.UTC).isoformat())
    host: str = field(default_factory=lambda: _here())
    pid: int = field(default_factory=os.getpid)
    process: str | None = field(default_factory=lambda: _process(os.getpid()))
    row: Mapping[str, Any] = field(default_factory=dict)
    is_given_up: bool = False

    @property
    def path(self) -> str:
        """The path of the mark's file."""
        return f"{self.table}/{FOLDER}/{self.run_id}{_FAILED if self.is_given_up else '.json'}"

    @property
    def is_dead(self) -> bool:
        """Whether the run is over without having said so, or has given up."""
        if self.is_given_up:
            return True
        if self.host == _here() and os.name != "nt":
            return self.process != _process(self.pid)
        return dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(self.started) > PATIENCE

    @property
    def who(self) -> str:
        """The run and its process, for a message."""
        return f"run {self.run_id} (process {self.pid} on {self.host.partition(' ')[0]}, since {self.started[:19]})"

    def put(self) -> None:
        """Write the mark. Raises OSError or ValueError where the folder cannot be reached."""
        write_text(self.path, json.dumps(asdict(self), indent=1))

    def give_up(self) -> None:
        """Leave the mark for the next run, which takes back what this one cannot. Raises OSError or ValueError."""
        # To rename it takes no space on the disk.
        system, inside = file_system(self.path)
        system.move(inside, f"{inside.removesuffix('.json')}{_FAILED}")

    def is_there(self) -> bool:
        """Whether the mark is still there: another run takes it away when it takes this one for dead."""
        system, inside = file_system(self.path)
        return bool(system.get_file_info(inside).is_file)

    def remove(self) -> None:
        """Take the mark away, and its folder where it was the last. Raises OSError or ValueError."""
        delete(self.path)
        remove_own(f"{self.table}/{FOLDER}")


def marks_of(table: str) -> list[Mark]:
    """The marks of runs on the table at a path; none where the path cannot be reached."""
    from pyarrow import fs

    try:
        system, inside = file_system(f"{table}/{FOLDER}")
        infos = system.get_file_info(fs.FileSelector(inside, allow_not_found=True))
    except (OSError, ValueError):
        return []
    names = sorted(info.base_name for info in infos if info.base_name.endswith(".json"))
    return [mark for name in names if (mark := _read(f"{table}/{FOLDER}/{name}"))]


def remove_own(folder: str) -> None:
    """Remove a local folder in `_genspark`, and that one too, where they are empty; a store has no empty folders."""
    if not is_uri(folder):
        remove_empty(folder)
        remove_empty(folder.rpartition("/")[0])


def _read(path: str) -> Mark | None:
    # A mark may be gone since it was listed, and one of another genspark is none of ours.
    try:
        return replace(Mark(**json.loads(read_text(path))), is_given_up=path.endswith(_FAILED))
    except (OSError, ValueError, TypeError):
        return None


def _here() -> str:
    """The name of this machine, and its number where it has one, since images share names."""
    try:
        number = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        number = ""
    return f"{socket.gethostname()} {number}".rstrip()


def _process(pid: int) -> str | None:
    """The moment at which a process of this machine began, as text; None where there is none, or it only lies there.

    With it a process is told from a later one of the same number. Systems without /proc do not tell: empty then.
    """
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # The name stands in brackets, and may hold any.
        state, *others = stat.rpartition(")")[2].split()
        return None if state in "ZX" else f"{_boot()} {others[18]}"
    if os.name == "nt":
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
