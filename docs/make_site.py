"""Makes the site of these pages, which opens from its files: `make docs`, or python docs/make_site.py FOLDER.

The pages stay as the code host shows them. Here they are laid together for zensical, with docs/ as the root: links that
lead out of docs/ are turned to where their target is on the site, notebooks and linked code become pages, and each room
of genspark's gets one from its docstrings. What the navigation holds is in docs/zensical.toml.
"""

from __future__ import annotations

import ast
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENTRIES = ["docs/**/*.md", "notebooks/*.ipynb", "examples/README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
SHIM = "https://unpkg.com/iframe-worker/shim"
"""What pages fetch so that search works without a server; docs/assets has it."""


def main() -> None:
    """Write the site into the folder that is named, out/site by default."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "out" / "site").absolute()
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        for path, content in pages().items():
            file = work / "pages" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        shutil.copy(ROOT / "docs" / "zensical.toml", work)
        paths = os.pathsep.join([str(ROOT), str(ROOT / "docs")])
        built = subprocess.run(
            [sys.executable, "-m", "zensical", "build", "--strict"],
            cwd=work,
            env={**os.environ, "PYTHONPATH": paths, "NO_COLOR": "1"},
            check=False,
        )
        if built.returncode:
            sys.exit("the site was not made: see the warnings above, whose places are those of docs/")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(work / "site", target)
    for page in target.rglob("*.html"):
        up = "../" * (len(page.relative_to(target).parts) - 1)
        page.write_text(page.read_text("utf-8").replace(SHIM, f"{up}assets/iframe-worker.js"), "utf-8")
    sys.stdout.write(f"open {target / 'index.html'}\n")


def pages() -> dict[str, bytes]:
    """What the site is made of, by its place there: pages in Markdown, and the files that they show."""
    found = {f"api/{room}.md": text.encode() for room, text in rooms()}
    found["assets/iframe-worker.js"] = (ROOT / "docs" / "assets" / "iframe-worker.js").read_bytes()
    waiting = [path for pattern in ENTRIES for path in sorted(ROOT.glob(pattern))]
    while waiting:
        file = waiting.pop()
        here = file.relative_to(ROOT).as_posix()
        if place(here) in found:
            continue
        if file.suffix == ".png":
            found[place(here)] = file.read_bytes()
            continue
        text = as_markdown(file)
        waiting += [ROOT / path for path in targets(text, here)]
        found[place(here)] = turned(text, here).encode()
    return found


def place(path: str) -> str:
    """Where a file of the repository is on the site."""
    path = path.removeprefix("docs/")
    if path == "README.md":
        return "index.md"
    path = path.removesuffix("README.md") + "index.md" if path.endswith("/README.md") else path
    stem, suffix = posixpath.splitext(path)
    return path if suffix in (".md", ".png") else f"{stem}.md"


def as_markdown(file: Path) -> str:
    """A page as it is, a notebook's cells one below the other, or code as a block."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        return text
    if file.suffix != ".ipynb":
        return f"# {file.relative_to(ROOT)}\n\n```{LANGUAGES.get(file.suffix, 'text')}\n{text.strip()}\n```\n"
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(source if kind == "markdown" else f"```python\n{source}\n```" for kind, source in cells) + "\n"


def targets(text: str, here: str) -> Iterator[str]:
    """The files of the repository that a page links to, as paths from its root."""
    for prose in FENCED.split(text)[::2]:
        for link in LINK.findall(prose):
            if path := target(link, here):
                yield path


def target(link: str, here: str) -> str:
    """The file behind a link; empty where it leads out or to the page itself. A folder is its README."""
    path = link.partition("#")[0]
    if not path or ":" in path:
        return ""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
    return f"{path}/README.md" if (ROOT / path).is_dir() else path


def turned(text: str, here: str) -> str:
    """A page with its links as they lead on the site."""
    folder = posixpath.dirname(place(here)) or "."

    def turn(match: re.Match[str]) -> str:
        path, anchor = target(match[0], here), match[0].partition("#")[1:]
        return posixpath.relpath(place(path), folder) + "".join(anchor) if path else match[0]

    parts = FENCED.split(text)
    return "".join(part if at % 2 else LINK.sub(turn, part) for at, part in enumerate(parts))


def rooms() -> Iterator[tuple[str, str]]:
    """Each public room of genspark, and its page: what its docstring says, then its public names."""
    top = ast.parse((ROOT / "genspark" / "__init__.py").read_text(encoding="utf-8"))
    for room in ("genspark", *sorted(assigned(top, "_ROOMS"))):
        module = "genspark" if room == "genspark" else f"genspark.{room}"
        folder = ROOT.joinpath(*module.split("."))
        file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = [name for name in public_names(tree) if not name.startswith("_")]
        parts = [f"# {module}", ast.get_docstring(tree) or "", *(f"::: {module}.{name}" for name in names)]
        yield room, "\n\n".join(parts) + "\n"


def public_names(tree: ast.Module) -> list[str]:
    """What `__all__` of a module lists, or without it its own classes and functions."""
    return assigned(tree, "__all__") or [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    ]


def assigned(tree: ast.Module, name: str) -> list[str]:
    """The texts that a module assigns to a name."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return list(ast.literal_eval(node.value))
    return []


if __name__ == "__main__":
    main()
