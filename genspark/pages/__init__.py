"""HTML pages that work offline: templates of Jinja2 with all that they need inside."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from genspark.errors import GensparkError


def render(name: str, **values: Any) -> str:
    """The page that a template makes of these values; texts are escaped."""
    return str(_templates().get_template(name).render(**values))


@functools.cache
def _templates() -> Any:
    try:
        import jinja2
    except ImportError:
        raise GensparkError("pages are made with Jinja2: pip install 'genspark[report]'") from None
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
