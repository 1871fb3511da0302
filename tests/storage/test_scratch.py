"""Scratch folders are gone when their block ends, when it fails, and once another begins after a kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from genspark.storage.scratch import scratch_folder, sweep


def test_it_is_removed_when_the_block_ends(tmp_path: Path) -> None:
    with scratch_folder(str(tmp_path)) as folder:
        (folder / "part").write_text("x")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_it_is_removed_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError), scratch_folder(str(tmp_path)) as folder:  # noqa: PT012
        (folder / "part").write_text("x")
        raise ValueError
    assert list(tmp_path.iterdir()) == []


def test_that_of_a_live_process_is_let_be(tmp_path: Path) -> None:
    with scratch_folder(str(tmp_path)) as one, scratch_folder(str(tmp_path)) as other:
        assert one.is_dir()
        assert other.is_dir()
        assert sweep(tmp_path) == 0


def test_that_of_a_killed_process_is_removed_by_the_next(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom genspark.storage.scratch import scratch_folder\n"
        "with scratch_folder(sys.argv[1]) as folder:\n"
        "    (folder / 'part').write_text('x'); print(folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        os.kill(process.pid, signal.SIGKILL)
    assert (left / "part").exists()
    with scratch_folder(str(tmp_path)) as folder:
        assert sorted(p.name for p in tmp_path.iterdir()) == [folder.name, f"{folder.name}.lock"]
    assert list(tmp_path.iterdir()) == []
