"""What a table tells its readers to finish: rows that were left to be scaled are in no table together with others."""

from __future__ import annotations

import json
from collections.abc import Mapping

from genspark.config import Sink
from genspark.errors import SinkError
from genspark.sinks.table import Table, keeps_columns

PREFIX = "genspark.scale."


def deferred_properties(target: Table, section: Sink, of_steps: Mapping[str, str]) -> dict[str, str]:
    """What is to be told of scaling: nothing by the properties of a job before, whose rows are replaced.

    Raises SinkError where rows would be added to others of which not the same columns were left to readers.
    """
    there = {name: value for name, value in target.properties.items() if name.startswith(PREFIX)}
    if keeps_columns(target, section):
        before, now = (
            sorted(column for told in one.values() for column in json.loads(told))
            for one in (there, {name: value for name, value in of_steps.items() if name.startswith(PREFIX)})
        )
        if before != now:
            raise SinkError(
                f"sink: {target.path} has rows of which readers scale {before or 'no column'}, and this job leaves "
                f"them {now or 'none'}; give its step `scale` the same columns and `defer`, or overwrite the table"
            )
    return {name: "{}" for name in there if name not in of_steps}
