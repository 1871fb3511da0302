"""What was seen of a source as one HTML page: the columns of the report, without a table."""

from __future__ import annotations

import datetime as dt
import itertools

from genspark.drafting.looking import Look
from genspark.pages import render
from genspark.report.columns import shown_columns
from genspark.report.profile import MOST_COLUMNS
from genspark.sources.source import paths_of
from genspark.version import VERSION


def page(seen: Look) -> str:
    """The page, with all that it needs inside. Raises GensparkError where Jinja2 or matplotlib is missing."""
    path = ", ".join(paths_of(seen.source))
    name = path.rstrip("/").rsplit("/", 1)[-1]
    table = {"name": name, "path": path, "rows": f"{seen.rows:,}", "sampled": f"{seen.sampled:,}"}
    # A picture is some kilobytes, and nobody looks at a thousand.
    shown = dict(itertools.islice(seen.shapes.items(), MOST_COLUMNS))
    more = (
        (f"The first {len(shown):,} of {len(seen.names):,} columns are shown.",)
        if len(shown) < len(seen.shapes)
        else ()
    )
    return render(
        "profile.html",
        version=VERSION,
        made=dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        tables=[table],
        told=(*seen.told, *more),
        columns=shown_columns(shown, [seen.profile], [name], seen.hidden),
    )
