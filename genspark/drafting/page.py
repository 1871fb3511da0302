"""What was seen of a source as one HTML page: the columns of the report, without a table."""

from __future__ import annotations

import datetime as dt

from genspark.drafting.looking import Look
from genspark.pages import render
from genspark.report.columns import shown_columns
from genspark.sources.source import paths_of
from genspark.version import VERSION


def page(seen: Look) -> str:
    """The page, with all that it needs inside. Raises GensparkError where Jinja2 or matplotlib is missing."""
    path = ", ".join(paths_of(seen.source))
    name = path.rstrip("/").rsplit("/", 1)[-1]
    table = {"name": name, "path": path, "rows": f"{seen.rows:,}", "sampled": f"{seen.sampled:,}"}
    return render(
        "profile.html",
        version=VERSION,
        made=dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        tables=[table],
        columns=shown_columns(seen.shapes, [seen.profile], [name], seen.hidden),
    )
