"""What every section of a job's YAML is made of: the class of a section, and the kinds of its values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from genspark.steps.checked import Checked
from genspark.steps.matching import as_tuple

SECTION = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

Value = str | bool | int | float
"""What an option, or the value of a partition, may be."""

Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple, json_schema_input_type=str | tuple[str, ...])]
"""Column names; one may stand alone."""

Count = Annotated[int, Field(strict=True, ge=1)]
Path = Annotated[str, Field(min_length=1)]

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def _as_bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?I?B)?", value.strip().upper())
    if not match:
        raise ValueError("must be a number of bytes, such as 134217728, 128MB or 128MiB")
    return int(float(match[1]) * _UNITS[match[2] or ""])


Bytes = Annotated[int, BeforeValidator(_as_bytes, json_schema_input_type=int | str), Field(ge=1)]
"""A number of bytes, or text such as 128MB (10**6) or 128MiB (2**20)."""


@dataclass(frozen=True)
class OneOf:
    """Text that must be one of some names, which are looked up when a value is checked, not when a class is made.

    Until then nothing is loaded that registers them.
    """

    names: Callable[[], Sequence[str]]
    description: Callable[[], str] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._checked)

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = {"description": self.description()} if self.description else {}
        return {"enum": list(self.names()), "type": "string", **described}

    def _checked(self, value: Any) -> Any:
        names = self.names()
        if value not in names:
            expected = ", ".join(f"'{name}'" for name in names)
            raise PydanticKnownError("literal_error", {"expected": expected})
        return value


class _Checked(Checked, type(BaseModel)):  # type: ignore[misc]  # pydantic does not export its metaclass
    """The metaclass of a model whose wrong arguments are ConfigErrors."""


class Section(BaseModel, metaclass=_Checked):  # type: ignore[metaclass]
    """A section of the YAML, or all of it; `place` is its key."""

    model_config = SECTION

    place: ClassVar[str] = ""
