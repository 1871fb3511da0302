"""Folders that every machine of a cluster sees at the same path, as a network file system gives them."""

from __future__ import annotations

import os

from genspark.storage.files import is_uri, local

SHARED = "GENSPARK_SHARED"
"""The environment variable that names them, with `:` between two."""


def is_shared(path: str) -> bool:
    """Whether a local path is in a folder that `GENSPARK_SHARED` names."""
    folders = [os.path.abspath(folder) for folder in os.environ.get(SHARED, "").split(os.pathsep) if folder]
    if not folders or is_uri(path):
        return False
    here = os.path.abspath(local(path))
    return any(here == folder or here.startswith(folder.rstrip("/") + "/") for folder in folders)


def name_it(path: str) -> str:
    """What to do for a path of this machine that workers may not see."""
    return f"give a path that all machines reach, or name the folder of {path} in {SHARED} where they all see it"
