"""Which rank this process is, of how many: as torch.distributed or the environment of a launcher says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from genspark.errors import ConfigError

_LAUNCHERS = (
    ("RANK", "WORLD_SIZE"),
    ("HOROVOD_RANK", "HOROVOD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    # Those of a step that srun started: in a batch script itself there is one process, whatever was asked for.
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)
"""The variables of torchrun, Horovod, Open MPI, MPICH (and Intel's), and Slurm."""


def rank_and_world(
    rank: int | None, world: int | None, groups: Mapping[int, int] | Any | None = None
) -> tuple[int, int]:
    """The rank that reads and the number of those, from what is given, torch.distributed or the environment.

    `groups` tells which ranks are to get the same batches, as they hold parts of one model: a mapping from every rank
    to the number of its group, or the dimension of a torch DeviceMesh along which batches differ (`mesh["data"]`).
    """
    if (rank is None) != (world is None):
        raise ConfigError("rank, world_size: give both, or neither")
    if groups is not None and not isinstance(groups, Mapping):
        return int(groups.get_local_rank()), int(groups.size())
    found = (rank, world) if rank is not None and world is not None else (_of_torch() or _of_environment(os.environ))
    if groups is None:
        return found
    return _of_groups(found[0], groups)


def _of_groups(rank: int, groups: Mapping[int, int]) -> tuple[int, int]:
    numbers = sorted(set(groups.values()))
    if numbers != list(range(len(numbers))):
        raise ConfigError(f"groups: they are numbered {numbers}; number them from 0 on, without gaps")
    if rank not in groups:
        raise ConfigError(f"groups: rank {rank} is in none; name the group of every rank")
    return groups[rank], len(numbers)


def _of_torch() -> tuple[int, int] | None:
    """What torch.distributed says, where this process uses it."""
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed.get_rank(), distributed.get_world_size()


def _of_environment(environment: Mapping[str, str]) -> tuple[int, int]:
    for rank, world in _LAUNCHERS:
        if environment.get(rank, "").isdigit() and environment.get(world, "").isdigit():
            return int(environment[rank]), int(environment[world])
    if environment.get("TF_CONFIG"):
        return _of_tensorflow(environment["TF_CONFIG"])
    return 0, 1


def _of_tensorflow(text: str) -> tuple[int, int]:
    """The place of a task among the chief and the workers of a TF_CONFIG, in TensorFlow's order."""
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        before = len(cluster.get("chief", [])) if task["type"] == "worker" else 0
        return before + int(task["index"]), len(cluster.get("chief", [])) + len(cluster.get("worker", []))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"TF_CONFIG: {text!r} names no task; mend it, or give rank and world_size") from None
